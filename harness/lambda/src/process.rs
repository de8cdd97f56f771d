//! A function's binary behind the emulated Lambda: a queue of events, and execution environments
//! that can be killed and are restarted.

use std::{ffi::OsString, io::PipeWriter, process::Stdio, sync::Arc, time::Duration};

use axum::body::Bytes;
use keysync_emulator_support::assertion::wait;
use parking_lot::{Mutex, MutexGuard};
use serde_json::Value;
use tokio::{
    process::{Child, Command},
    sync::watch,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    FunctionError,
    log::{Log, Output},
    runtime_api::{Outcome, RuntimeApi},
};

/// Limit of the init phase: the time from an environment's start to its first poll.
const INIT_TIMEOUT: Duration = Duration::from_secs(10);

/// The configuration of a function's processes.
#[derive(Clone, Debug)]
pub struct ProcessConfig {
    /// The function's name.
    pub name: &'static str,
    /// The command line of its processes: [`command`](super::command()), possibly behind a
    /// profiler's.
    pub command: Vec<OsString>,
    /// Its environment variables, in addition to those that Lambda sets.
    pub env: Vec<(String, String)>,
    /// The number of execution environments.
    pub environments: usize,
    /// The number of events that an environment processes concurrently: more than one only on
    /// Lambda Managed Instances.
    pub concurrency: usize,
    /// The time limit of an invocation, after which its environment is killed.
    pub timeout: Duration,
    /// The handling of its output.
    pub output: Output,
}

/// A function in separate processes. Dropping it kills them. If this process is killed, they end
/// because the Runtime API that they poll has ended.
#[derive(Debug)]
pub struct ProcessFunction {
    lambda: Arc<Lambda>,
    _shutdown: DropGuard,
}

/// Invokes a function while that exists. Later invocations fail.
#[derive(Clone, Debug)]
pub struct Invoker(Arc<Lambda>);

#[derive(Debug)]
struct Lambda {
    config: ProcessConfig,
    /// The environment of processes that are started from now on.
    env: Mutex<Vec<(String, String)>>,
    api: RuntimeApi,
    environments: Vec<Environment>,
    /// Cancelled when the function is dropped.
    shutdown: CancellationToken,
    /// The number of processes that have ended.
    ended: watch::Sender<usize>,
    log: Arc<Log>,
}

/// An execution environment: a slot for a process.
#[derive(Debug)]
struct Environment {
    /// The running process.
    process: watch::Sender<Option<Process>>,
    /// The harness's end of the pipe that the current or the last process writes its output to.
    pipe: Mutex<Option<PipeWriter>>,
}

/// A process. Each one has its own token, so that a request to kill it cannot kill the next one.
#[derive(Clone, Debug)]
struct Process {
    id: u32,
    /// Cancelled to kill the process.
    kill: CancellationToken,
}

impl ProcessFunction {
    /// Creates the function without processes: the first invocation starts them.
    pub async fn idle(config: ProcessConfig) -> Result<Self, FunctionError> {
        let api = RuntimeApi::start(config.name, config.environments, config.timeout).await?;
        let new = || Environment { process: watch::Sender::new(None), pipe: Mutex::default() };
        let environments = (0..config.environments).map(|_| new()).collect();
        let log = Log::new(config.name, config.output.clone());
        let (shutdown, ended) = (CancellationToken::new(), watch::Sender::default());
        let guard = shutdown.clone().drop_guard();
        let env = Mutex::new(config.env.clone());
        let lambda = Arc::new(Lambda { config, env, api, environments, shutdown, ended, log });
        Ok(Self { lambda, _shutdown: guard })
    }

    /// Starts all environments, and waits until each has polled for its first invocation.
    pub async fn start(config: ProcessConfig) -> Result<Self, FunctionError> {
        // Created before any process, so that an error below drops it, which kills the processes.
        let this = Self::idle(config).await?;
        this.lambda.restart_ended()?;
        for environment in 0..this.lambda.environments.len() {
            this.lambda.wait_until_ready(environment).await?;
        }
        Ok(this)
    }

    /// Invokes the function independently of this value's lifetime.
    #[must_use]
    pub fn invoker(&self) -> Invoker {
        Invoker(self.lambda.clone())
    }

    /// Invokes the function with `event` directly, without the function URL, and returns its
    /// result; `None` if it failed, which it does for an event that is not a function URL event.
    pub async fn invoke(&self, event: &Value) -> Option<Value> {
        serde_json::from_slice(&self.invoker().response(event).await?).ok()
    }

    /// The process ids of the running environments.
    #[must_use]
    pub fn process_ids(&self) -> Vec<u32> {
        self.lambda.environments.iter().filter_map(Environment::process_id).collect()
    }

    /// Waits until the log meets `until`, and returns it. Needed for output that is written after
    /// the response; earlier output is in [`ProcessFunction::log`] immediately.
    ///
    /// # Panics
    ///
    /// If the log does not meet the condition within the harness's wait timeout.
    pub async fn wait_for_log(&self, until: impl Fn(&[String]) -> bool) -> Vec<String> {
        let arrived = async {
            let mut lines = self.lambda.log.arrivals();
            loop {
                let log = self.log();
                if until(&log) {
                    return log;
                }
                // The sender lives as long as this function, so the channel is never closed.
                let _ = lines.changed().await;
            }
        };
        let expected = format!("a matching log of `{}`", self.lambda.config.name);
        let journal = &self.lambda.config.output.context.journal;
        wait(arrived, expected, || format!("its last lines:\n{}", self.lambda.log.tail()), journal).await
    }

    /// The lines of the function's log: all output of its processes until now.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.catch_up();
        self.lambda.log.lines()
    }

    /// Blocks until the log contains all output that the processes have written until now.
    pub fn catch_up(&self) {
        for environment in &self.lambda.environments {
            if let Some(pipe) = &*environment.pipe() {
                self.lambda.log.catch_up(pipe);
            }
        }
    }
}

impl Environment {
    fn process_id(&self) -> Option<u32> {
        self.process.borrow().as_ref().map(|process| process.id)
    }

    /// Requests that the process is killed, and returns its id.
    fn kill(&self) -> Option<u32> {
        let process = self.process.borrow();
        process.as_ref().map(|process| {
            process.kill.cancel();
            process.id
        })
    }

    fn pipe(&self) -> MutexGuard<'_, Option<PipeWriter>> {
        self.pipe.lock()
    }
}

impl Lambda {
    /// Starts a process in an environment, unless it has one.
    fn start_process(self: &Arc<Self>, environment: usize) -> Result<(), FunctionError> {
        let slot = &self.environments[environment];
        // Locked until the process is stored, so that simultaneous invocations start only one.
        let mut current_pipe = slot.pipe();
        if slot.process.borrow().is_some() {
            return Ok(());
        }
        let spawn_error = |error| FunctionError::Spawn { command: self.config.command.clone(), error };
        let pipe = self.log.pipe().map_err(spawn_error)?;
        // Before the process can poll.
        let timed_out = self.api.start_process(environment);
        let child = self.command(environment, &pipe).and_then(|mut command| command.spawn());
        let child = child.map_err(spawn_error)?;
        if let Some(old) = current_pipe.replace(pipe) {
            self.log.catch_up(&old);
        }
        let kill = self.shutdown.child_token();
        slot.process.send_replace(child.id().map(|id| Process { id, kill: kill.clone() }));
        tokio::spawn(self.clone().supervise(environment, child, kill, timed_out));
        Ok(())
    }

    fn command(&self, environment: usize, pipe: &PipeWriter) -> std::io::Result<Command> {
        let (program, arguments) =
            self.config.command.split_first().ok_or(std::io::ErrorKind::InvalidInput)?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", self.api.address(environment))
            .env("AWS_LAMBDA_FUNCTION_NAME", self.config.name)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", self.config.name))
            .env("AWS_LAMBDA_LOG_STREAM_NAME", environment.to_string())
            .envs(self.env.lock().iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(pipe.try_clone()?)
            .stderr(pipe.try_clone()?)
            .kill_on_drop(true);
        if self.config.concurrency > 1 {
            command.env("AWS_LAMBDA_MAX_CONCURRENCY", self.config.concurrency.to_string());
        }
        Ok(command)
    }

    /// Waits until the process ends, is to be killed, or has exceeded the function timeout.
    async fn supervise(
        self: Arc<Self>,
        environment: usize,
        mut child: Child,
        kill: CancellationToken,
        timed_out: CancellationToken,
    ) {
        tokio::select! {
            _ = child.wait() => {}
            () = kill.cancelled() => {}
            () = timed_out.cancelled() => self.log.add("harness: process killed: its invocation exceeded the function timeout".to_owned()),
        }
        // An error means that the process has already ended.
        let _ = child.kill().await;
        self.api.end_process(environment);
        self.environments[environment].process.send_replace(None);
        self.ended.send_modify(|count| *count += 1);
    }

    async fn wait_until_ready(&self, environment: usize) -> Result<(), FunctionError> {
        let mut process = self.environments[environment].process.subscribe();
        tokio::select! {
            () = self.api.polled(environment) => Ok(()),
            _ = process.wait_for(Option::is_none) => {
                if let Some(pipe) = &*self.environments[environment].pipe() {
                    self.log.catch_up(pipe);
                }
                Err(FunctionError::Ended(self.log.tail()))
            }
            () = tokio::time::sleep(INIT_TIMEOUT) => Err(FunctionError::NotReady(INIT_TIMEOUT)),
        }
    }

    /// Restarts the environments that have ended, as Lambda does when an event needs one.
    fn restart_ended(self: &Arc<Self>) -> Result<(), FunctionError> {
        (0..self.environments.len()).try_for_each(|environment| self.start_process(environment))
    }
}

impl Invoker {
    /// Invokes the function with an event and returns the body of its response; `None` if it
    /// failed.
    pub async fn response(&self, event: &Value) -> Option<Bytes> {
        match self.invoke(event).await {
            Outcome::Responded(body) => Some(body),
            Outcome::Failed => None,
        }
    }

    /// Invokes the function in the next free environment. Environments that end in the meantime are
    /// restarted, as in Lambda.
    pub(super) async fn invoke(&self, event: &Value) -> Outcome {
        let Self(lambda) = self;
        let mut ended = lambda.ended.subscribe();
        let mut outcome = std::pin::pin!(lambda.api.invoke(event));
        while !lambda.shutdown.is_cancelled() {
            if let Err(error) = lambda.restart_ended() {
                lambda.log.add(format!("harness: {error}"));
                return Outcome::Failed;
            }
            tokio::select! {
                biased;
                outcome = &mut outcome => return outcome,
                _ = ended.changed() => {}
            }
        }
        Outcome::Failed
    }
}

mod end;
#[cfg(test)]
mod tests;
