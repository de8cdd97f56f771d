//! The command `harness`.

#![forbid(unsafe_code)]
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod cli;

use std::process::ExitCode;

use keysync_testkit::lambda;

/// Runs a function, as whose process the harness has started this executable, or a command.
fn main() -> Result<ExitCode, lambda::Error> {
    match lambda::run_requested_function() {
        Some(ended) => ended.map(|()| ExitCode::SUCCESS),
        None => Ok(command()),
    }
}

#[tokio::main]
async fn command() -> ExitCode {
    cli::main().await
}
