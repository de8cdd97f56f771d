//! The command line of `harness`, as clap parses it.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    time::Duration,
};

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::{ArgValueCandidates, Shell};
use keysync_testkit::{
    Harness, HarnessBuilder,
    dynamodb::{Engine, TABLE},
    lambda::Mode,
    limits,
};

use super::{
    bench::BenchArgs,
    completion,
    console::ConsoleArgs,
    remote::{DEFAULT, VARIABLE},
    requests::RequestsArgs,
    services::ServicesCommand,
    snapshots::SnapshotsCommand,
    verify_receiver::VerifyReceiverArgs,
};

/// Run keysync's functions on one machine with emulated DynamoDB, IAM, key-management endpoint,
/// services and Lambda.
#[derive(Parser)]
#[command(
    version,
    after_help = "Start with `harness demo`. It takes a few seconds and changes nothing outside this machine.\n\
                  Then `harness up` in one terminal, and in another `harness keys`, `harness sync KEY`,\n\
                  `harness advance 61m`, `harness sync KEY`.\n\n\
                  Exit codes: 0 success, 1 failure, 2 invalid command line, 141 standard output closed."
)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) remote: RemoteArgs,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// Commands.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Show a lost notification and its repair by a sync, step by step, on the real function.
    ///
    /// A key is deleted and object storage does not act on the notification; four hours later its
    /// bucket is still accessible; a sync notifies object storage again. Each step prints the
    /// request and the response. Exits 0 only if every step has the expected result.
    Demo {
        #[command(flatten)]
        harness: HarnessArgs,
    },
    /// Start everything, print the addresses and a sample request, and run until Ctrl-C.
    Up {
        #[command(flatten)]
        harness: HarnessArgs,
        /// Port of the endpoint; 0 for any free one.
        #[arg(long, default_value_t = 8080)]
        port: u16,
        /// IAM's port; 0 for any free one.
        #[arg(long, default_value_t = 0, value_name = "PORT")]
        iam_port: u16,
        /// Address on which endpoint and IAM listen, such as 0.0.0.0 in a container. Any client
        /// that reaches it controls the harness.
        #[arg(long, default_value_t = Ipv4Addr::LOCALHOST.into(), value_name = "ADDRESS")]
        listen: IpAddr,
        /// Print one line of JSON when ready, and nothing else on standard output.
        #[arg(long)]
        json: bool,
        /// Write the function's environment to this file, for `cargo lambda watch --env-file`. The
        /// file contains the signing key of callbacks.
        #[arg(long, value_name = "FILE")]
        env_file: Option<PathBuf>,
        /// Exit at the end of standard input, so that the harness does not outlive the process that
        /// started it.
        #[arg(long)]
        until_eof: bool,
        /// Interval at which the function `redeliver` runs, or `off`.
        #[arg(long, value_name = "INTERVAL|off", default_value = "1m", value_parser = schedule)]
        redeliver_every: Schedule,
        /// Print the functions' log on standard error.
        #[arg(long)]
        verbose: bool,
    },
    /// Measure latency and cost of requests on the release binary, next to a lower bound.
    ///
    /// Takes a few minutes, and a few more under cargo to build the binary. Run it with `cargo run
    /// --profile bench`: in a debug build the harness itself dominates the times.
    Bench {
        #[command(flatten)]
        args: BenchArgs,
    },
    /// Run the loop that `bench` compares the function with. Internal.
    #[command(hide = true, name = keysync_bench::WIRE_FLOOR)]
    WireFloor,
    /// Serve the web console alone, for any endpoint with this API. `harness up` includes a
    /// console.
    ///
    /// Users log in with their own API key. The console accepts connections from this machine only.
    Console {
        #[command(flatten)]
        args: ConsoleArgs,
    },
    /// Check a running receiver of notifications, in any language, against the rules for receivers.
    ///
    /// The command is the sender: it signs callbacks, serves the public key set, and judges the
    /// receiver by the status of its responses. Start the receiver as the service
    /// `cloud-object-storage` with the key set that the command prints, or with --exec.
    ///
    /// Exit codes: 0 no rule failed, 1 a rule failed, 2 the receiver could not be checked.
    VerifyReceiver {
        #[command(flatten)]
        args: VerifyReceiverArgs,
    },
    /// Create an identity with the given roles and print its access token.
    ///
    /// Example: curl -H "authorization: Bearer $(harness token)" …
    Token {
        /// Role of the identity. Repeatable: roles add up.
        #[arg(long, value_enum, value_delimiter = ',', default_values_t = [RoleName::Manager])]
        role: Vec<RoleName>,
    },
    /// List keys, or create one.
    Keys {
        #[command(subcommand)]
        command: Option<KeysCommand>,
    },
    /// Register a resource of a service under a key, as the service would.
    Register {
        /// Key id.
        #[arg(add = ArgValueCandidates::new(completion::keys))]
        key: String,
        /// CRN service name, such as `cloud-object-storage`.
        #[arg(add = ArgValueCandidates::new(completion::services))]
        service: String,
        /// Name of the resource.
        resource: String,
    },
    /// Synchronize a key and show the delivery status of each service.
    ///
    /// Exits 0 for a 204 and 1 for anything else, such as the 409 for a second sync within an hour.
    Sync {
        /// Key id or alias.
        #[arg(add = ArgValueCandidates::new(completion::keys))]
        key: String,
    },
    /// Advance the clock, such as `harness advance 61m`.
    ///
    /// The clock never goes back. Real binaries use the machine's clock; for them, every instant in
    /// the table is moved into the past instead.
    Advance {
        /// Duration, such as `61m`, `1h 30m` or `4h`; from 1ms to 366d.
        #[arg(value_parser = duration, allow_hyphen_values = true)]
        by: String,
    },
    /// List services, set the behaviour of one, or show its callbacks.
    Services {
        #[command(subcommand)]
        command: Option<ServicesCommand>,
    },
    /// Show the requests that endpoint, IAM and services received, or count them.
    ///
    /// `--json` prints headers and bodies too, with secrets masked.
    Requests {
        #[command(flatten)]
        args: RequestsArgs,
    },
    /// Run the function `redeliver` once and print its summary as JSON, or set its schedule.
    Redeliver {
        /// Run it at this interval from now on, such as `30s`, or `off`; do not run it now.
        #[arg(long, value_name = "INTERVAL|off", value_parser = schedule)]
        every: Option<Schedule>,
    },
    /// Sign callbacks with a new key beside the old one, and print the public keys.
    ///
    /// Of more than two keys, the oldest is withdrawn. The functions restart. A reset restores the
    /// key of the start.
    RotateSigningKey {
        /// Sign with the new key only: the second step of the rotation.
        #[arg(long)]
        withdraw: bool,
    },
    /// Write the requests that the endpoint received since the start or a reset to a file.
    Record {
        /// File to write.
        file: PathBuf,
    },
    /// Send the requests of a file that `record` wrote, and compare the statuses.
    ///
    /// Exits 0 if each is the recorded one, and 1 otherwise.
    Replay {
        /// File to read.
        file: PathBuf,
    },
    /// Save the harness's state under a name, and restore it; list the names.
    Snapshots {
        #[command(subcommand)]
        command: Option<SnapshotsCommand>,
    },
    /// Reset all state except the clock.
    Reset,
    /// Print a script that completes commands in a shell: `source <(harness completions bash)`.
    ///
    /// Key ids, services and snapshots are those of the running harness.
    Completions {
        /// Shell to generate the script for.
        #[arg(value_enum)]
        shell: Shell,
    },
}

/// Commands of `harness keys`.
#[derive(Subcommand)]
pub(super) enum KeysCommand {
    /// Create a root key and print its id.
    Create {
        /// Name of the key.
        name: String,
        /// Create a standard key, with which no resources are associated.
        #[arg(long, conflicts_with = "protect")]
        standard: bool,
        /// Alias of the key, which `harness sync` accepts.
        #[arg(long)]
        alias: Option<String>,
        /// Resource to register under the key. Repeatable.
        #[arg(long, value_name = "SERVICE/RESOURCE", value_parser = resource, add = ArgValueCandidates::new(completion::protected))]
        protect: Vec<(String, String)>,
    },
}

/// Roles that a token can carry, as the control API names them.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum RoleName {
    Reader,
    ReaderPlus,
    Writer,
    Manager,
    KeyPurge,
}

/// Options of commands that control a running harness.
#[derive(Args)]
pub(super) struct RemoteArgs {
    /// The running harness: the endpoint address that `harness up` printed.
    #[arg(long, global = true, env = VARIABLE, default_value = DEFAULT, value_name = "URL")]
    pub(super) harness: String,
    /// Print the JSON of the control API instead of a table.
    #[arg(long, global = true)]
    pub(super) json: bool,
}

/// Options of the harness that a command starts.
#[derive(Args)]
pub(super) struct HarnessArgs {
    /// How the functions run: `process` (the real binaries behind an emulated Lambda),
    /// `in-process`, or the URL of a function that runs already.
    #[arg(long, default_value = "process", value_name = "process|in-process|URL")]
    function: Mode,
    /// An additional service: emulated, by its CRN service name, or your own with its callback
    /// address. Repeatable.
    #[arg(long, value_name = "NAME[=URL]")]
    service: Vec<String>,
    /// Emulated services acknowledge when they act, and the functions expect it within four hours.
    #[arg(long)]
    acknowledging: bool,
    /// A symmetric secret of a service, `whsec_` and the base64 of 24 to 64 bytes: its callbacks
    /// have an additional signature `v1`. Repeatable, also for a second secret of a service.
    #[arg(long, value_name = "NAME=SECRET", value_parser = service_and_secret)]
    symmetric_secret: Vec<(String, String)>,
    /// Keep the table in this file; the next start continues with it.
    #[arg(long, value_name = "FILE", conflicts_with = "dynamodb")]
    data: Option<PathBuf>,
    /// Accept requests with this `Host`, such as `host.docker.internal` for containers. By default
    /// only loopback names are accepted, which protects from web pages (DNS rebinding). Repeatable.
    #[arg(long, value_name = "NAME")]
    allow_host: Vec<String>,
    /// Use another DynamoDB engine, such as DynamoDB Local at <http://127.0.0.1:8000>.
    #[arg(long, value_name = "URL")]
    dynamodb: Option<String>,
    /// Name of the table. It is created if it does not exist.
    #[arg(long, value_name = "NAME", default_value = TABLE)]
    table: String,
}

impl HarnessArgs {
    /// The builder of the harness with these options.
    pub(super) fn builder(self) -> HarnessBuilder {
        let engine = match (self.data, self.dynamodb) {
            (Some(file), _) => Engine::File(file),
            (None, Some(url)) => Engine::Url(url),
            (None, None) => Engine::Memory,
        };
        let builder = Harness::builder().engine(engine).table(&self.table).mode(self.function);
        let builder = if self.acknowledging { builder.acknowledging() } else { builder };
        let builder = self
            .symmetric_secret
            .iter()
            .fold(builder, |builder, (service, secret)| builder.symmetric_secret(service, secret));
        let builder = self.allow_host.iter().fold(builder, |builder, host| builder.allow_host(host));
        self.service.iter().fold(builder, |builder, service| match service.split_once('=') {
            Some((name, url)) => builder.service_at(name, url),
            None => builder.service(service),
        })
    }
}

/// Splits `NAME=SECRET`. The secret is not repeated in an error.
fn service_and_secret(text: &str) -> Result<(String, String), String> {
    let (service, secret) = text.split_once('=').ok_or("must be a service and its secret: NAME=SECRET")?;
    Ok((service.to_owned(), secret.to_owned()))
}

/// Splits `SERVICE/RESOURCE`.
fn resource(text: &str) -> Result<(String, String), String> {
    let (service, resource) = text.split_once('/').ok_or_else(|| {
        format!("must be a service and a resource, such as `cloud-object-storage/bucket`: got `{text}`")
    })?;
    Ok((service.to_owned(), resource.to_owned()))
}

/// The schedule of `redeliver`.
#[derive(Clone, Debug)]
pub(super) enum Schedule {
    Off,
    Every(Duration),
}

/// Parses an interval or `off`.
fn schedule(text: &str) -> Result<Schedule, String> {
    match text {
        "off" => Ok(Schedule::Off),
        interval => limits::duration(interval, &limits::SCHEDULE)
            .map(Schedule::Every)
            .map_err(|error| format!("{error}, or `off`")),
    }
}

/// Validates a duration that the clock can be advanced by.
fn duration(text: &str) -> Result<String, String> {
    limits::advance(text).map(|_| text.to_owned())
}
