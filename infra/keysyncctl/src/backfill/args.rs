//! The command lines of the backfill.

use std::path::PathBuf;

use clap::Args;

use crate::{
    endpoint::EndpointArgs,
    sync::{parse_concurrency, parse_page_size},
    table::TableArgs,
};

#[derive(Args, Debug)]
pub(crate) struct ImportArgs {
    /// Print what would be imported, and change nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// File that records the progress, from which an interrupted import is continued. By default
    /// `keysyncctl-import-<instance>.jsonl` in this folder.
    #[arg(long, value_name = "FILE")]
    pub(super) state: Option<PathBuf>,
    /// Writes to the table at the same time.
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = parse_concurrency)]
    pub(super) concurrency: usize,
    /// Keys or registrations per page.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = parse_page_size)]
    pub(super) page_size: usize,
    #[command(flatten)]
    pub(super) table: TableArgs,
    #[command(flatten)]
    pub(super) endpoint: EndpointArgs,
}

#[derive(Args, Debug)]
pub(crate) struct VerifyArgs {
    /// Keys that are looked at in detail. If more seem to differ, the rest is only counted.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub(super) max_keys: usize,
    /// Requests at the same time.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = parse_concurrency)]
    pub(super) concurrency: usize,
    /// Keys or registrations per page.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = parse_page_size)]
    pub(super) page_size: usize,
    #[command(flatten)]
    pub(super) table: TableArgs,
    #[command(flatten)]
    pub(super) endpoint: EndpointArgs,
}
