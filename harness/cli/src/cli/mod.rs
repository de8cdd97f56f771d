//! What the command `harness` takes, and what each of its commands does.

mod behaviour;
mod bench;
mod console;
mod end;
mod output;
mod parse;
mod parts;
mod remote;
mod show;
mod up;

use std::{error::Error, path::PathBuf, process::ExitCode, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum, error::ErrorKind};
use clap_complete::Shell;
use keysync_testkit::{limits, services::Behaviour};
use serde_json::json;

use bench::BenchArgs;
use console::ConsoleArgs;
use parts::Parts;
use remote::{Address, DEFAULT, Origin, Remote, VARIABLE};

/// Everything around keysync on one machine: DynamoDB, IAM, the key-management endpoint, associated
/// services and Lambda, with the real functions in the middle.
#[derive(Parser)]
#[command(
    version,
    after_help = "Start with `harness demo`. It takes a few seconds and touches nothing outside this machine.\n\
                  Then `harness up` in one terminal, and in another `harness keys`, `harness sync KEY`,\n\
                  `harness advance 61m`, `harness sync KEY`.\n\n\
                  Exit codes: 0 done, 1 not done, 2 the command line is wrong, 141 nobody reads the output."
)]
struct Cli {
    #[command(flatten)]
    remote: RemoteArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Tells the story of a lost notification, step by step, on the real function.
    ///
    /// A key is deleted and object storage misses it; four hours later its bucket still opens; a sync
    /// tells it again. Each step shows the request and the answer. The exit code is 0 only if all of it
    /// came as it should.
    Demo {
        #[command(flatten)]
        parts: Parts,
    },
    /// Runs everything until Ctrl-C, and prints a request to paste.
    Up {
        #[command(flatten)]
        parts: Parts,
        /// The endpoint's port; 0 takes any free one.
        #[arg(long, default_value_t = 8080)]
        port: u16,
        /// Prints one line of JSON when ready, and nothing else on standard output.
        #[arg(long)]
        json: bool,
        /// Writes the function's environment to this file, for `cargo lambda watch --env-file`. The
        /// file holds the key that signs callbacks.
        #[arg(long, value_name = "FILE")]
        env_file: Option<PathBuf>,
        /// Ends when standard input does, too: for whoever starts it and may die without ending it.
        #[arg(long)]
        until_eof: bool,
        /// Shows the function's log on standard error.
        #[arg(long)]
        verbose: bool,
    },
    /// Measures what a request costs, on the release binary, beside what it could cost at best.
    ///
    /// Takes a few minutes, and under cargo some more to build the binary. Run it by `cargo run --profile bench`:
    /// otherwise the harness itself is so slow that the times mean nothing.
    Bench {
        #[command(flatten)]
        args: BenchArgs,
    },
    /// The bare loop that `bench` measures beside the function.
    #[command(hide = true, name = keysync_bench::WIRE_FLOOR)]
    WireFloor,
    /// Serves the web console alone, for any endpoint that speaks the API. `harness up` has one of its own.
    ///
    /// Whoever opens it logs in with an API key of their own. Only this machine can reach it.
    Console {
        #[command(flatten)]
        args: ConsoleArgs,
    },
    /// Prints an access token of somebody new with roles, for `curl -H "authorization: Bearer $(harness token)"`.
    Token {
        /// What they may do. May be given more than once: roles add up.
        #[arg(long, value_enum, value_delimiter = ',', default_values_t = [RoleName::Manager])]
        role: Vec<RoleName>,
    },
    /// Lists keys, or makes one.
    Keys {
        #[command(subcommand)]
        command: Option<KeysCommand>,
    },
    /// Puts a resource of a service under a key, and registers that as the service would.
    Register {
        /// The key's id.
        key: String,
        /// The service, by its CRN service name, such as `cloud-object-storage`.
        service: String,
        /// The resource's name.
        resource: String,
    },
    /// Has a key's associated services told again, and shows what became of it.
    ///
    /// The exit code is 0 for a 204 and 1 for anything else, such as the 409 within the hour.
    Sync {
        /// The key's id, or an alias.
        key: String,
    },
    /// Advances the clock: `harness advance 61m`.
    ///
    /// Time goes forward only. Where the function is the real binary, the past that the table holds is moved back
    /// instead.
    Advance {
        /// How much: `61m`, `1h 30m`, `4h`; from 1ms to 366d.
        #[arg(value_parser = duration, allow_hyphen_values = true)]
        by: String,
    },
    /// Lists services, tells one how to behave, or shows what reached it.
    Services {
        #[command(subcommand)]
        command: Option<ServicesCommand>,
    },
    /// Runs the function `redeliver` once, and prints its summary as JSON.
    Redeliver,
    /// Makes everything as it was at the start, but the time.
    Reset,
    /// Prints what a shell completes `harness` with: `source <(harness completions bash)`.
    Completions {
        /// The shell.
        #[arg(value_enum)]
        shell: Shell,
    },
}

#[derive(Subcommand)]
enum KeysCommand {
    /// Makes a root key, and prints its id.
    Create {
        /// Its name.
        name: String,
        /// A standard key instead, which protects nothing.
        #[arg(long, conflicts_with = "protect")]
        standard: bool,
        /// Another name for it, that `harness sync` takes, too.
        #[arg(long)]
        alias: Option<String>,
        /// What it protects; may be given more than once.
        #[arg(long, value_name = "SERVICE/RESOURCE", value_parser = resource)]
        protect: Vec<(String, String)>,
    },
}

#[derive(Subcommand)]
enum ServicesCommand {
    /// Tells a service how to treat callbacks from now on, or the next few of them.
    #[command(after_help = behaviour::HELP)]
    Behave {
        /// The service, by its CRN service name.
        name: String,
        /// What it does with a callback; see below.
        #[arg(value_parser = behaviour::parse)]
        behaviour: Behaviour,
        /// For this many callbacks, from 1 to 1,000,000.
        #[arg(long, value_parser = behaviour::times, allow_hyphen_values = true)]
        times: Option<usize>,
    },
    /// Shows what reached a service.
    Callbacks {
        /// The service, by its CRN service name.
        name: String,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum RoleName {
    Reader,
    ReaderPlus,
    Writer,
    Manager,
    KeyPurge,
}

#[derive(Args)]
struct RemoteArgs {
    /// The running harness: the endpoint's address that `harness up` printed.
    #[arg(long, global = true, env = VARIABLE, default_value = DEFAULT, value_name = "URL")]
    harness: String,
    /// Prints JSON for machines, as the control API answered it.
    #[arg(long, global = true)]
    json: bool,
}

fn resource(text: &str) -> Result<(String, String), String> {
    let (service, resource) = text.split_once('/').ok_or_else(|| {
        format!("must be a service and a resource, such as `cloud-object-storage/bucket`: got `{text}`")
    })?;
    Ok((service.to_owned(), resource.to_owned()))
}

/// Passes a duration that the clock can be advanced by.
fn duration(text: &str) -> Result<String, String> {
    limits::advance(text).map(|_| text.to_owned())
}

/// Reads the command line, and does what it says.
pub(crate) async fn main() -> ExitCode {
    match parse::parse() {
        Ok((cli, origin)) => match Box::pin(run(cli, origin)).await {
            Ok(code) => code,
            Err(error) => output::failed(error.as_ref()),
        },
        Err(error) => output::failed(&error),
    }
}

/// Does what the command says.
async fn run(cli: Cli, origin: Origin) -> Result<ExitCode, Box<dyn Error>> {
    let Cli { remote: RemoteArgs { harness, json }, command } = cli;
    let remote = || -> Result<Remote, Box<dyn Error>> {
        let address = Address::parse(&harness, origin);
        let address = address.map_err(|error| parse::command().error(ErrorKind::ValueValidation, error))?;
        Ok(Remote::new(address)?)
    };
    match command {
        Command::Demo { parts } => keysync_harness::demo::run(parts.builder()).await?,
        Command::Up { parts, port, json, env_file, until_eof, verbose } => {
            let builder = parts.builder().port(port).env_file(env_file).quiet(!verbose);
            up::run(builder.redeliver_every(Duration::from_mins(1)), json, until_eof).await?;
        }
        Command::Bench { args } => bench::run(args).await?,
        Command::WireFloor => output::write(keysync_bench::wire_floor()?)?,
        Command::Console { args } => console::run(args).await?,
        Command::Token { role } => {
            let roles = role.iter().filter_map(ValueEnum::to_possible_value);
            let roles: Vec<String> = roles.map(|role| role.get_name().to_owned()).collect();
            let remote = remote()?;
            let token = remote.post(&["iam", "tokens"], &json!({"roles": roles})).await?;
            show::one(&remote, &token, json, |token| token["access_token"].as_str().map(str::to_owned))?;
        }
        Command::Keys { command } => keys(command, &remote()?, json).await?,
        Command::Register { key, service, resource } => {
            let body = json!({"service": service, "resource": resource});
            let remote = remote()?;
            let registered = remote.post(&["keys", &key, "registrations"], &body).await?;
            show::one(&remote, &registered, json, |made| made["resource_crn"].as_str().map(str::to_owned))?;
        }
        Command::Sync { key } => {
            let synced = remote()?.sync(&key).await?;
            show::sync(&synced, json)?;
            return Ok(if synced.status == 204 { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Command::Advance { by } => {
            remote()?.post(&["time"], &json!({"advance": by})).await?;
        }
        Command::Services { command } => services(command, &remote()?, json).await?,
        Command::Redeliver => {
            let remote = remote()?;
            let summary = remote.post(&["redeliver"], &json!({})).await?;
            show::one(&remote, &summary, json, |summary| summary.is_object().then(|| summary.to_string()))?;
        }
        Command::Reset => {
            let remote = remote()?;
            let info = remote.post(&["reset"], &json!({})).await?;
            show::one(&remote, &info, json, |info| {
                Some(format!("as at the start; root key {}", info["root_key_id"].as_str()?))
            })?;
        }
        Command::Completions { shell } => {
            // Into memory first: clap panics where it cannot write.
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut parse::command(), "harness", &mut script);
            output::write(script)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn keys(command: Option<KeysCommand>, remote: &Remote, as_json: bool) -> Result<(), Box<dyn Error>> {
    let Some(KeysCommand::Create { name, standard, alias, protect }) = command else {
        return show::keys(remote, &remote.get(&["keys"]).await?, as_json);
    };
    let protects: Vec<_> =
        protect.iter().map(|(service, resource)| json!({"service": service, "resource": resource})).collect();
    let body = json!({"name": name, "standard": standard, "alias": alias, "protects": protects});
    let key = remote.post(&["keys"], &body).await?;
    show::one(remote, &key, as_json, |key| key["id"].as_str().map(str::to_owned))
}

async fn services(
    command: Option<ServicesCommand>,
    remote: &Remote,
    as_json: bool,
) -> Result<(), Box<dyn Error>> {
    match command {
        None => show::services(remote, &remote.get(&["services"]).await?, as_json),
        Some(ServicesCommand::Behave { name, behaviour, times }) => {
            let body = json!({"behaviour": behaviour, "times": times});
            remote.put(&["services", &name, "behaviour"], &body).await?;
            Ok(())
        }
        Some(ServicesCommand::Callbacks { name }) => {
            show::callbacks(remote, &remote.get(&["services", &name, "callbacks"]).await?, as_json)
        }
    }
}
