//! The command `harness`.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::{Args, Parser, Subcommand};
use keysync_harness::{Harness, HarnessBuilder, dynamo::Engine, function::Mode};

/// Everything around keysync on one machine: DynamoDB, IAM, the key-management endpoint, associated
/// services and Lambda, with the real function in the middle.
#[derive(Parser)]
#[command(
    version,
    after_help = "Start with `harness demo`. It takes a few seconds and touches nothing outside this machine."
)]
struct Cli {
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
        /// Shows the function's log on standard error.
        #[arg(long)]
        verbose: bool,
    },
}

#[derive(Args)]
struct Parts {
    /// How the function runs: `process` (the real binary behind an emulated Lambda), `in-process`, or
    /// the URL of one that runs already.
    #[arg(long, default_value = "process", value_name = "process|in-process|URL")]
    function: Mode,
    /// Keeps the table in this file, so that it is there the next time.
    #[arg(long, value_name = "FILE", conflicts_with = "dynamodb")]
    data: Option<PathBuf>,
    /// Uses another DynamoDB engine, such as DynamoDB Local at <http://127.0.0.1:8000>.
    #[arg(long, value_name = "URL")]
    dynamodb: Option<String>,
}

impl Parts {
    fn builder(self) -> HarnessBuilder {
        let engine = match (self.data, self.dynamodb) {
            (Some(file), _) => Engine::File(file),
            (None, Some(url)) => Engine::Url(url),
            (None, None) => Engine::Memory,
        };
        Harness::builder().engine(engine).function(self.function)
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Demo { parts } => keysync_harness::demo::run(parts.builder()).await,
        Command::Up { parts, port, json, env_file, verbose } => {
            let builder = parts.builder().port(port).env_file(env_file).quiet(!verbose);
            let builder = builder.redeliver_every(Duration::from_mins(1));
            keysync_harness::up::run(builder, json).await
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("harness: {error}");
            ExitCode::FAILURE
        }
    }
}
