//! The arguments of `cargo task packages`.

use clap::{Args, ValueEnum};

#[derive(Debug, Default, Args)]
pub(crate) struct PackagesArgs {
    /// The package for one language only
    pub(crate) language: Option<Language>,
    /// Build with the release profile: optimized, and without symbols
    #[arg(long)]
    pub(crate) release: bool,
    /// Only build
    #[arg(long)]
    pub(crate) no_test: bool,
}

/// A language of the public clients, and of the packages.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(crate) enum Language {
    Python,
    Node,
}
