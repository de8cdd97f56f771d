//! The command `keysyncctl`: bulk sync for owners of keys; recovery, dead letters and backfill for
//! operators of keysync.
//!
//! ```text
//! cli         command line, output, exit codes
//! sync        an owner's bulk sync, over the public API only
//! endpoint    client of the key-management API: token, retries, paging
//! state_file  append-only record of a long run, so that it can be resumed
//! ```

#![forbid(unsafe_code)]
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod cli;
mod endpoint;
mod failure;
mod progress;
mod state_file;
mod sync;
mod values;

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    cli::main().await
}
