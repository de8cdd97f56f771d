//! The command line: parses it, runs one command and returns the exit code.

pub(crate) mod output;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use crate::{failure::Failure, failure::Finished, sync};

/// Synchronize, recover and load the keys of keysync.
///
/// Owners of keys use `sync`, with any endpoint of the key-management API. All other commands are
/// for operators: they read and write the table and the queues of a deployment with the AWS
/// credentials of the environment.
#[derive(Parser)]
#[command(
    version,
    after_help = "Start with `keysyncctl sync --all --dry-run`: it lists the keys and changes nothing.\n\n\
                  Exit codes: 0 done; 1 some failed, the output says which; 2 invalid command line or input file;\n\
                  3 stopped, for example without authentication; 141 standard output closed."
)]
struct Cli {
    /// Print JSON instead of a table.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

/// Commands.
#[derive(Subcommand)]
enum Command {
    Sync(sync::SyncArgs),
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// Parses the command line, runs its command and returns the exit code.
pub(crate) async fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return output::help_or_usage_error(&error),
    };
    match Box::pin(run(cli)).await {
        Ok(Finished::Done) => ExitCode::SUCCESS,
        Ok(Finished::SomeFailed) => ExitCode::from(output::SOME_FAILED),
        Err(failure) => output::failed(&failure),
    }
}

async fn run(Cli { json, command }: Cli) -> Result<Finished, Failure> {
    match command {
        Command::Sync(args) => sync::run(args, json).await,
        Command::Completions { shell } => {
            // Generated in memory: clap panics if it cannot write.
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "keysyncctl", &mut script);
            output::write(script)?;
            Ok(Finished::Done)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definition_is_valid() {
        Cli::command().debug_assert();
    }
}
