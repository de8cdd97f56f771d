//! The real binary behind an emulated Lambda: a function URL, a queue, and execution environments that
//! can be killed and come back.

use std::{
    collections::VecDeque,
    path::PathBuf,
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    sync::{Notify, watch},
};

use super::{
    FunctionError, MAX_BODY_BYTES, event,
    runtime_api::{Outcome, RuntimeApi},
};
use crate::server::Server;

/// How long an environment may take from its start to its first poll.
const INIT_TIMEOUT: Duration = Duration::from_secs(10);
/// How many lines of log are kept; the oldest go first.
const KEPT_LINES: usize = 100_000;

/// What to run, and how.
#[derive(Clone, Debug)]
pub struct ProcessConfig {
    /// The function's binary.
    pub binary: PathBuf,
    /// Its environment, beside what Lambda sets.
    pub env: Vec<(String, String)>,
    /// How many execution environments there are: requests served at once.
    pub environments: usize,
    /// How long an invocation may take before its environment is killed.
    pub timeout: Duration,
    /// Whether its log is only kept, or goes to standard error, too.
    pub quiet: bool,
}

/// A function in processes of its own. Dropping it kills them; should this process itself be killed,
/// theirs end with the Runtime API that they poll.
#[derive(Debug)]
pub struct ProcessFunction {
    lambda: Arc<Lambda>,
    server: Server,
}

#[derive(Debug)]
struct Lambda {
    config: ProcessConfig,
    api: RuntimeApi,
    environments: Vec<Environment>,
    log: Arc<Log>,
}

/// An execution environment: a place for a process.
#[derive(Debug)]
struct Environment {
    process: watch::Sender<Option<u32>>,
    kill: Notify,
}

impl ProcessFunction {
    /// Starts all environments; each has polled for its first invocation when this returns.
    pub async fn start(config: ProcessConfig) -> Result<Self, FunctionError> {
        let api = RuntimeApi::start(config.environments, config.timeout).await?;
        let new = || Environment { process: watch::Sender::new(None), kill: Notify::new() };
        let environments = (0..config.environments).map(|_| new()).collect();
        let log = Arc::new(Log { lines: Mutex::default(), quiet: config.quiet });
        let lambda = Arc::new(Lambda { config, api, environments, log });
        // Before any process, so that an error below drops `Self` and kills what was started.
        let router = Router::new().fallback(invoke).with_state(lambda.clone());
        let this = Self { server: Server::start(0, router).await?, lambda };
        for environment in 0..this.lambda.environments.len() {
            this.lambda.start_process(environment)?;
        }
        for environment in 0..this.lambda.environments.len() {
            this.lambda.wait_until_ready(environment).await?;
        }
        Ok(this)
    }

    /// The function URL.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The process ids of the environments that run.
    #[must_use]
    pub fn process_ids(&self) -> Vec<u32> {
        self.lambda.environments.iter().filter_map(|environment| *environment.process.borrow()).collect()
    }

    /// Kills all processes at once with SIGKILL and waits until they are gone. What they were doing has
    /// failed; the next request starts them again.
    pub async fn kill(&self) {
        for environment in &self.lambda.environments {
            environment.kill.notify_one();
        }
        for environment in &self.lambda.environments {
            let _ = environment.process.subscribe().wait_for(Option::is_none).await;
        }
    }

    /// The function's log so far, line by line.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.lambda.log.lines.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

impl Drop for ProcessFunction {
    fn drop(&mut self) {
        for environment in &self.lambda.environments {
            environment.kill.notify_one();
        }
    }
}

impl Lambda {
    fn start_process(self: &Arc<Self>, environment: usize) -> Result<(), FunctionError> {
        let mut child = self
            .command(environment)
            .spawn()
            .map_err(|error| FunctionError::Spawn { binary: self.config.binary.clone(), error })?;
        for output in [child.stdout.take().map(boxed), child.stderr.take().map(boxed)].into_iter().flatten() {
            tokio::spawn(self.log.clone().keep(output));
        }
        let slot = &self.environments[environment];
        // An order to kill that came when nothing ran is not meant for this process.
        forget(&slot.kill);
        self.api.forget_deadline(environment);
        slot.process.send_replace(child.id());
        tokio::spawn(self.clone().supervise(environment, child));
        Ok(())
    }

    fn command(&self, environment: usize) -> Command {
        let mut command = Command::new(&self.config.binary);
        command
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", self.api.address(environment))
            .env("AWS_LAMBDA_FUNCTION_NAME", "sync")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/sync")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", environment.to_string())
            .envs(self.config.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Follows a process to its end, whoever brings that about.
    async fn supervise(self: Arc<Self>, environment: usize, mut child: Child) {
        let slot = &self.environments[environment];
        tokio::select! {
            _ = child.wait() => {}
            () = slot.kill.notified() => {}
            () = self.api.must_end(environment) => self.log.add("the harness: killed at its deadline".to_owned()),
        }
        // An error here is that of a process which has ended.
        let _ = child.kill().await;
        self.api.ended(environment);
        slot.process.send_replace(None);
    }

    async fn wait_until_ready(&self, environment: usize) -> Result<(), FunctionError> {
        let mut process = self.environments[environment].process.subscribe();
        tokio::select! {
            () = self.api.polled(environment) => Ok(()),
            _ = process.wait_for(Option::is_none) => Err(FunctionError::Ended(self.log.tail())),
            () = tokio::time::sleep(INIT_TIMEOUT) => Err(FunctionError::NotReady(INIT_TIMEOUT)),
        }
    }

    /// As Lambda does when a request needs an environment: those that have ended are started again.
    fn revive(self: &Arc<Self>) -> Result<(), FunctionError> {
        for environment in 0..self.environments.len() {
            if self.environments[environment].process.borrow().is_none() {
                self.start_process(environment)?;
            }
        }
        Ok(())
    }
}

async fn invoke(State(lambda): State<Arc<Lambda>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY_BYTES).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    if let Err(error) = lambda.revive() {
        lambda.log.add(format!("the harness: {error}"));
        return failed();
    }
    match lambda.api.invoke(&event::from_http(&parts, &body)).await {
        Outcome::Answered(answer) => {
            event::to_http(&answer).map_or_else(failed, |answer| answer.map(Body::from))
        }
        Outcome::Failed => failed(),
    }
}

/// What a function URL says when its function failed.
fn failed() -> Response {
    (StatusCode::BAD_GATEWAY, "Internal Server Error").into_response()
}

/// What the processes print.
#[derive(Debug)]
struct Log {
    lines: Mutex<VecDeque<String>>,
    quiet: bool,
}

impl Log {
    async fn keep(self: Arc<Self>, output: Box<dyn AsyncRead + Send + Unpin>) {
        let mut lines = BufReader::new(output).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            self.add(line);
        }
    }

    fn add(&self, line: String) {
        if !self.quiet {
            eprintln!("{line}");
        }
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == KEPT_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    fn tail(&self) -> String {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().skip(lines.len().saturating_sub(10)).cloned().collect::<Vec<_>>().join("\n")
    }
}

/// Takes back a notification that nobody has waited for.
pub(super) fn forget(notify: &Notify) {
    std::pin::pin!(notify.notified()).enable();
}

fn boxed(output: impl AsyncRead + Send + Unpin + 'static) -> Box<dyn AsyncRead + Send + Unpin> {
    Box::new(output)
}
