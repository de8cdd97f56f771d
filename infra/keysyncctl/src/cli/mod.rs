//! The command line: parses it, runs one command and returns the exit code.

pub(crate) mod output;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use keysync::ledger::Status;

use crate::{
    backfill, dead_letters,
    failure::{Failure, Finished},
    listing, log_check, pauses, recovery, registry_check, sync,
};

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
    /// List notifications that are not settled: not attempted yet, or retried.
    ///
    /// From the index `due`, without reading the table.
    #[command(after_help = "Example: keysyncctl pending --service cloud-object-storage --older-than 15m")]
    Pending(listing::IndexArgs),
    /// List notifications of which an attempt failed and another one is scheduled.
    ///
    /// From the index `due`, and one read for each key in it.
    Retrying(listing::IndexArgs),
    /// List notifications whose retries are exhausted: the service has an outdated key state.
    ///
    /// Settled notifications are in no index, so this reads the whole table.
    #[command(after_help = "Example:\n  \
        keysyncctl failed --quiet | keysyncctl replay --keys - --reason 'outage of 2026-11-24'")]
    Failed(listing::ScanArgs),
    /// List notifications that a service did not acknowledge within four hours, or whose
    /// acknowledgement contradicts the key's state.
    ///
    /// Only services that are configured to acknowledge. Reads the whole table.
    Overdue(listing::ScanArgs),
    /// Show a key, its last notification, and the state of each of its services.
    Show(recovery::ShowArgs),
    /// Deliver the last notification of keys again to chosen services.
    ///
    /// The services become pending and due at once, and the next run of `redeliver` delivers to
    /// them. The window stays as it is: no hour to wait, and none that begins. If a newer
    /// notification has replaced the last one, nothing is written, because that is pending for all
    /// services.
    ///
    /// Services receive the same event with the same event id, so one that has received it ignores
    /// it. The output names these; for them, the key has to be synchronized.
    #[command(after_help = "Examples:\n  \
        keysyncctl replay KEY --service cloud-object-storage --reason 'bucket still readable' --dry-run\n  \
        keysyncctl failed --quiet | keysyncctl replay --keys - --reason 'outage of 2026-11-24'\n\n\
        Exit codes: 0 replayed, or not needed; 1 some keys failed; 2 invalid command line or file; 3 stopped.")]
    Replay(recovery::ReplayArgs),
    /// Stop the deliveries to a service.
    ///
    /// For a service that is being repaired or moved. Within a minute, no function calls it. Its
    /// notifications stay pending: nothing is lost, no attempt is counted, and retries do not end
    /// after 24 hours. A service that must acknowledge is overdue after four hours nevertheless.
    #[command(
        after_help = "Example: keysyncctl pause cloud-object-storage --reason 'maintenance until 14:00'\n\n\
        Exit codes: 0 paused, or already paused; 2 invalid command line; 3 stopped."
    )]
    Pause(pauses::PauseArgs),
    /// Resume the deliveries to a paused service.
    ///
    /// The next run of `redeliver` delivers what is pending, and retries it for 24 hours from now.
    #[command(after_help = "Exit codes: 0 resumed, or not paused; 2 invalid command line; 3 stopped.")]
    Resume(pauses::ChangeArgs),
    /// List the paused services.
    Paused(pauses::PausedArgs),
    /// Read, redrive and correct the messages of a dead-letter queue.
    Dlq(dead_letters::DeadLetterArgs),
    /// Check the callback addresses: DNS, SSRF guard, TLS, and a response to HEAD.
    ///
    /// With `--send-test-event`, each service also has to accept a signed event, which is about a
    /// key that does not exist. Run it in the functions' network if that differs from this
    /// machine's.
    #[command(after_help = "Examples:\n  \
        keysyncctl check-registry --file services.json\n  \
        keysyncctl check-registry --file services.json --send-test-event\n\n\
        Exit codes: 0 all can be reached; 1 some cannot; 2 the registry is invalid.")]
    CheckRegistry(registry_check::RegistryArgs),
    /// Check that the functions' log lines contradict no guarantee.
    ///
    /// Reads the log of `sync`, `lifecycle` and `redeliver`, in any order, with `KEYSYNC_LOG` at
    /// `info`: JSON objects, one per line, with or without text before them, or the JSON output of
    /// `aws logs`. Finds, for example, two 204s for a key within an hour, a 204 without a claim,
    /// the delivery of a replaced notification, a settled delivery that is attempted again, and
    /// retries that end too early. Sends nothing.
    ///
    /// A log does not show the table, so it proves a violation, but not that there is none. Rows
    /// under `undecided` are no violation: a line that would decide them is missing, because the
    /// export is incomplete or a function was killed.
    #[command(after_help = "Examples:\n  \
        keysyncctl check-log functions.log\n  \
        harness up --verbose 2> harness.log, then keysyncctl check-log harness.log\n  \
        aws logs filter-log-events --log-group-name $SyncLogGroup --output json > sync.json, and so on, then\n  \
        keysyncctl check-log sync.json lifecycle.json redeliver.json\n\n\
        Exit codes: 0 no violation; 1 violations; 2 invalid command line, or no line of keysync.")]
    CheckLog(log_check::LogArgs),
    /// Import the keys and registrations of an instance from the key-management API.
    ///
    /// For a new deployment, which knows no key until an event about it arrives. Writes only what
    /// the table does not know, so it can run beside live events and be repeated. Notifies no
    /// service and closes no window. Start publishing events first, then import.
    #[command(after_help = "Examples:\n  \
        keysyncctl import --dry-run\n  \
        keysyncctl import && keysyncctl verify\n\n\
        Exit codes: 0 all imported or known; 1 some were rejected; 2 invalid command line; 3 stopped,\n\
        run the same command again to continue.")]
    Import(backfill::ImportArgs),
    /// Compare the table with the key-management API, and name each difference.
    ///
    /// Reads the whole table. Changes nothing.
    #[command(after_help = "Exit codes: 0 no difference; 1 differences; 2 invalid command line; 3 stopped.")]
    Verify(backfill::VerifyArgs),
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
        Err(error) => return output::help_or_usage_error(&error, &Cli::command()),
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
        Command::Pending(args) => listing::pending(args, json).await,
        Command::Retrying(args) => listing::retrying(args, json).await,
        Command::Failed(args) => listing::settled(args, &[Status::Failed], json).await,
        Command::Overdue(args) => listing::settled(args, &[Status::Overdue, Status::Conflicting], json).await,
        Command::Show(args) => recovery::show(args, json).await,
        Command::Replay(args) => recovery::replay(args, json).await,
        Command::Pause(args) => pauses::pause(args, json).await,
        Command::Resume(args) => pauses::resume(args, json).await,
        Command::Paused(args) => pauses::list(args, json).await,
        Command::Dlq(args) => dead_letters::run(args, json).await,
        Command::CheckRegistry(args) => registry_check::run(args, json).await,
        Command::CheckLog(args) => log_check::run(&args, json),
        Command::Import(args) => backfill::import(args, json).await,
        Command::Verify(args) => backfill::verify(args, json).await,
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
