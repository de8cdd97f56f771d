//! `cargo task cargo-lambda`: the function under `cargo lambda watch`.

use std::path::PathBuf;

use crate::{
    command::{Context, path_with},
    error::{Error, Result},
    names::CARGO_LAMBDA,
    tools::pypi,
};

const VERSION: &str = "cargo-lambda==1.9.2";

/// Installs cargo-lambda without Zig, which only cross-compilation needs, and returns its folder.
pub(crate) fn install(context: &Context) -> Result<PathBuf> {
    let folder = pypi::tool(context, "cargo-lambda", VERSION)?;
    context
        .capture(context.command(folder.join("cargo-lambda")).args(["lambda", "--version"]))
        .map_err(|error| Error::Unsupported(format!("{VERSION} does not run on this machine: {error}")))?;
    Ok(folder)
}

/// Runs the tests of the function's behaviour under `cargo lambda watch`.
pub(crate) fn run(context: &Context) -> Result {
    let path = path_with(&install(context)?)?;
    let arguments = ["--workspace", "--test", CARGO_LAMBDA.0, "--", "--ignored", CARGO_LAMBDA.1];
    context.run(context.cargo("test", arguments).env("PATH", path))
}
