//! The functions under test. `sync` runs in one of three ways behind one interface, a URL that answers:
//!
//! - [`Mode::Process`]: the real binary behind an emulated Lambda (Runtime API and function URL), one
//!   process for each execution environment; it can be killed and comes back.
//! - [`Mode::InProcess`]: the same handler in this process, fast, on a clock that a test can set.
//! - [`Mode::Url`]: whatever answers there: `cargo lambda watch`, a deployed function.
//!
//! `lifecycle` and `redeliver` ([`Worker`]) take events. They run as `sync` does; where that runs
//! elsewhere, in this process.

mod binary;
mod error;
mod event;
mod in_process;
mod process;
mod runtime_api;
mod url;
mod worker;

use std::{str::FromStr, time::Duration};

use keysync::Clock;

use crate::server::Server;

pub use binary::binary;
pub(crate) use binary::{LIFECYCLE, REDELIVER, SYNC};
pub use error::FunctionError;
pub use in_process::InProcessFunction;
pub use process::{ProcessConfig, ProcessFunction};
pub(crate) use worker::Handle;
pub use worker::{InProcessWorker, InvocationFailed, Worker};

/// How long Lambda lets the function run, as infra/ will have it.
pub const FUNCTION_TIMEOUT: Duration = Duration::from_secs(30);

/// The largest body that a function URL takes, in bytes.
const MAX_BODY_BYTES: usize = 6 * 1024 * 1024;

/// The way to the function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The real binary, in this many execution environments at the most.
    Process {
        /// How many requests it serves at once.
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
pub enum Function {
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
        env: &[(String, String)],
        clock: Clock,
        timeout: Duration,
        quiet: bool,
    ) -> Result<Self, FunctionError> {
        match mode {
            Mode::Process { environments } => {
                let config = ProcessConfig {
                    name: SYNC,
                    binary: binary(SYNC).await?,
                    env: env.to_vec(),
                    environments: *environments,
                    timeout,
                    quiet,
                };
                let function = ProcessFunction::start(config).await?;
                let url = url::start(&function).await?;
                Ok(Self::Process(function, url))
            }
            Mode::InProcess => Ok(Self::InProcess(InProcessFunction::start(env, clock).await?)),
            Mode::Url(url) => Ok(Self::Url(url.clone())),
        }
    }

    /// The function URL, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        match self {
            Self::Process(_, server) => server.url(),
            Self::InProcess(function) => function.url(),
            Self::Url(url) => url.trim_end_matches('/').to_owned(),
        }
    }

    /// The function's processes, where it has any here.
    #[must_use]
    pub fn process(&self) -> Option<&ProcessFunction> {
        match self {
            Self::Process(function, _) => Some(function),
            Self::InProcess(_) | Self::Url(_) => None,
        }
    }
}
