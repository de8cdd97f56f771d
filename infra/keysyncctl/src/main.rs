//! The command `keysyncctl`: bulk sync for owners of keys; recovery, dead letters and backfill for
//! operators of keysync.
//!
//! ```text
//! cli             command line, output, exit codes
//! sync            an owner's bulk sync, over the public API only
//! listing         notifications by state: pending, retrying, failed, overdue
//! recovery        one key, shown and replayed
//! pauses          services, paused and resumed
//! dead_letters    dead-letter queues: read, redriven, corrected
//! registry_check  callback addresses, as the functions reach them
//! log_check       the functions' log, held against the guarantees
//! backfill        keys and registrations of an endpoint: imported, and compared
//! table           the deployed table, and the state of a key's services
//! operator        who changes something, and why
//! aws             the AWS configuration of the environment
//! endpoint        client of the key-management API: token, retries, paging
//! state_file      append-only record of a long run, so that it can be resumed
//! ```

#![forbid(unsafe_code)]
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod aws;
mod backfill;
mod cli;
mod dead_letters;
mod endpoint;
mod failure;
mod input;
mod listing;
mod log_check;
mod operator;
mod pauses;
mod progress;
mod recovery;
mod registry_check;
mod state_file;
mod sync;
mod table;
mod values;

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    cli::main().await
}
