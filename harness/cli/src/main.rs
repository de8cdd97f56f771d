//! The command `harness`.

#![forbid(unsafe_code)]
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod cli;

use std::process::ExitCode;

use keysync_testkit::lambda;

/// Runs a function, as whose process the harness has started this executable, or a command; or
/// completes one for a shell.
fn main() -> Result<ExitCode, lambda::Error> {
    if let Some(ended) = lambda::run_requested_function() {
        return ended.map(|()| ExitCode::SUCCESS);
    }
    cli::complete_if_requested(); // while this process has one thread
    Ok(command())
}

#[tokio::main]
async fn command() -> ExitCode {
    cli::main().await
}
