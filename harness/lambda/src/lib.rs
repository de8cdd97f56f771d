//! The functions under test. `sync` is reached by a URL and runs in one of three modes:
//!
//! - [`Mode::InProcess`], the default: the handler in this process, fast, on a clock that a test
//!   can set.
//! - [`Mode::Process`]: the binary behind an emulated Lambda (Runtime API and function URL), one
//!   process for each execution environment. Processes can be killed and are restarted.
//! - [`Mode::Url`]: a function that is already running, such as `cargo lambda watch` or a deployed
//!   one.
//!
//! `lifecycle` and `redeliver` ([`Worker`]) receive events. They run in the mode of `sync`; with
//! [`Mode::Url`], in this process.

#![forbid(unsafe_code)]
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod command;
mod environment;
mod error;
mod event;
pub mod events;
mod executable;
mod in_process;
mod log;
mod process;
mod runtime_api;
pub mod schedule;
mod url;
mod worker;

use std::{str::FromStr, time::Duration};

use keysync::Clock;
use keysync_browser_guard::Guard;

use keysync_emulator_support::server::Server;

pub use command::{LIFECYCLE, REDELIVER, SYNC, command};
pub use environment::{DYNAMODB_URL, SECRETS_URL};
pub use error::FunctionError;
pub use event::from_http as function_url_event;
pub use executable::run_requested_function;
use in_process::InProcessFunction;
pub use lambda_http::Error;
pub use log::Output;
pub use process::{Invoker, ProcessConfig, ProcessFunction};
pub use worker::{Handle, InvocationFailed, Worker};

/// The function timeout of the deployed functions (`infra/`).
///
/// ```
/// assert_eq!(keysync_lambda_emulator::FUNCTION_TIMEOUT.as_secs(), 30);
/// ```
pub const FUNCTION_TIMEOUT: Duration = Duration::from_secs(30);

/// The largest body that a function URL accepts, in bytes.
const MAX_BODY_BYTES: usize = 6 * 1024 * 1024;

/// How the function `sync` runs.
///
/// ```
/// use keysync_lambda_emulator::Mode;
/// assert_eq!("in-process".parse(), Ok(Mode::InProcess));
/// let url = "http://127.0.0.1:9000/lambda-url/sync";
/// assert_eq!(url.parse(), Ok(Mode::Url(url.to_owned())));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// The handler in this process.
    #[default]
    InProcess,
    /// The binary, behind the emulated Lambda.
    Process {
        /// The number of execution environments. Each serves one request at a time, unless the
        /// harness sets a higher concurrency (`HarnessBuilder::concurrency`).
        environments: usize,
    },
    /// A running function at this URL.
    Url(String),
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "process" => Ok(Self::Process { environments: 2 }),
            "in-process" => Ok(Self::InProcess),
            url if url.starts_with("http://") || url.starts_with("https://") => Ok(Self::Url(url.to_owned())),
            other => Err(format!("must be `process`, `in-process` or a URL: got `{other}`")),
        }
    }
}

/// The function under test.
#[derive(Debug)]
pub struct Function(Backend);

#[derive(Debug)]
enum Backend {
    /// In separate processes, behind a function URL.
    Process(ProcessFunction, Server),
    /// In this process.
    InProcess(InProcessFunction),
    /// Started elsewhere.
    Url(String),
}

impl Function {
    /// Starts the function with the environment `env`. With [`Mode::Url`], nothing is started and
    /// the function need not be reachable yet.
    pub async fn start(
        mode: &Mode,
        concurrency: usize,
        env: &[(String, String)],
        clock: Clock,
        timeout: Duration,
        output: Output,
        guard: &Guard,
    ) -> Result<Self, FunctionError> {
        match mode {
            Mode::Process { environments } => {
                let config = ProcessConfig {
                    name: SYNC,
                    command: command(SYNC)?,
                    env: env.to_vec(),
                    environments: *environments,
                    concurrency,
                    timeout,
                    output,
                };
                let secrets = config.output.context.secrets.clone();
                let function = ProcessFunction::start(config).await?;
                let url = url::start(&function, &secrets, guard).await?;
                Ok(Self(Backend::Process(function, url)))
            }
            Mode::InProcess => Ok(Self(Backend::InProcess(
                InProcessFunction::start(env, clock, &output.context.secrets, guard).await?,
            ))),
            Mode::Url(url) => Ok(Self(Backend::Url(url.clone()))),
        }
    }

    /// Ends the function; the next request starts it with the environment `env`, in this process on
    /// `clock`. Not with [`Mode::Url`]: an error.
    pub async fn restart_with(&self, env: &[(String, String)], clock: Clock) -> Result<(), FunctionError> {
        match &self.0 {
            Backend::Process(function, _) => function.restart_with(env.to_vec()).await,
            Backend::InProcess(function) => function.restart_with(env, clock).await?,
            Backend::Url(_) => return Err(FunctionError::StartedElsewhere),
        }
        Ok(())
    }

    /// The function URL, without a trailing slash.
    #[must_use]
    pub fn url(&self) -> String {
        match &self.0 {
            Backend::Process(_, server) => server.url(),
            Backend::InProcess(function) => function.url(),
            Backend::Url(url) => url.trim_end_matches('/').to_owned(),
        }
    }

    /// The function's processes; `None` unless it runs with [`Mode::Process`].
    #[must_use]
    pub fn process(&self) -> Option<&ProcessFunction> {
        match &self.0 {
            Backend::Process(function, _) => Some(function),
            Backend::InProcess(_) | Backend::Url(_) => None,
        }
    }
}
