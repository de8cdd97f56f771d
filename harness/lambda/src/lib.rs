//! The functions under test. `sync` runs in one of three ways behind one interface, a URL that answers:
//!
//! - [`Mode::Process`]: the real binary behind an emulated Lambda (Runtime API and function URL), one
//!   process for each execution environment; it can be killed and comes back.
//! - [`Mode::InProcess`]: the same handler in this process, fast, on a clock that a test can set.
//! - [`Mode::Url`]: whatever answers there: `cargo lambda watch`, a deployed function.
//!
//! `lifecycle` and `redeliver` ([`Worker`]) take events. They run as `sync` does; where that runs
//! elsewhere, in this process.

#![forbid(unsafe_code)]
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod binary;
mod environment;
mod error;
mod event;
pub mod events;
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

pub use binary::{LIFECYCLE, REDELIVER, SYNC, WORKSPACE, binary};
pub use environment::{DYNAMODB_URL, SECRETS_URL};
pub use error::FunctionError;
pub use event::from_http as function_url_event;
use in_process::InProcessFunction;
pub use log::Output;
pub use process::{Invoker, ProcessConfig, ProcessFunction};
pub use worker::{Handle, InvocationFailed, Worker};

/// How long Lambda lets the function run, as infra/ will have it.
///
/// ```
/// assert_eq!(keysync_lambda_emulator::FUNCTION_TIMEOUT.as_secs(), 30);
/// ```
pub const FUNCTION_TIMEOUT: Duration = Duration::from_secs(30);

/// The largest body that a function URL takes, in bytes.
const MAX_BODY_BYTES: usize = 6 * 1024 * 1024;

/// The way to the function.
///
/// ```
/// use keysync_lambda_emulator::Mode;
/// assert_eq!("in-process".parse(), Ok(Mode::InProcess));
/// assert_eq!("http://127.0.0.1:9000/lambda-url/sync".parse(), Ok(Mode::Url("http://127.0.0.1:9000/lambda-url/sync".to_owned())));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// The real binary, in this many execution environments at the most.
    Process {
        /// How many requests are served at once, unless an environment [may take more than one].
        ///
        /// [may take more than one]: keysync_testkit::HarnessBuilder::concurrency
        environments: usize,
    },
    /// The same handler in this process.
    InProcess,
    /// Whatever answers at this URL.
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
pub struct Function(Way);

#[derive(Debug)]
enum Way {
    /// In processes of its own, behind a function URL.
    Process(ProcessFunction, Server),
    /// In this process.
    InProcess(InProcessFunction),
    /// Somewhere else.
    Url(String),
}

impl Function {
    /// Starts the function with the environment `env`. One that somebody else starts is not waited for.
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
                    binary: binary(SYNC).await?,
                    under: Vec::new(),
                    env: env.to_vec(),
                    environments: *environments,
                    concurrency,
                    timeout,
                    output,
                };
                let secrets = config.output.context.secrets.clone();
                let function = ProcessFunction::start(config).await?;
                let url = url::start(&function, &secrets, guard).await?;
                Ok(Self(Way::Process(function, url)))
            }
            Mode::InProcess => Ok(Self(Way::InProcess(
                InProcessFunction::start(env, clock, &output.context.secrets, guard).await?,
            ))),
            Mode::Url(url) => Ok(Self(Way::Url(url.clone()))),
        }
    }

    /// The function URL, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        match &self.0 {
            Way::Process(_, server) => server.url(),
            Way::InProcess(function) => function.url(),
            Way::Url(url) => url.trim_end_matches('/').to_owned(),
        }
    }

    /// The function's processes, where it has any here.
    #[must_use]
    pub fn process(&self) -> Option<&ProcessFunction> {
        match &self.0 {
            Way::Process(function, _) => Some(function),
            Way::InProcess(_) | Way::Url(_) => None,
        }
    }
}
