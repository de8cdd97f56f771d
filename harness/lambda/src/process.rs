//! A real binary behind an emulated Lambda: a queue of events, and execution environments that can be
//! killed and come back.

use std::{ffi::OsStr, io::PipeWriter, path::PathBuf, process::Stdio, sync::Arc, time::Duration};

use axum::body::Bytes;
use keysync_emulator_support::assertion::wait;
use parking_lot::{Mutex, MutexGuard};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::{
    process::{Child, Command},
    sync::{Notify, watch},
};

use super::{
    FunctionError,
    log::{Log, Output},
    runtime_api::{Outcome, RuntimeApi},
};

/// How long an environment may take from its start to its first poll.
const INIT_TIMEOUT: Duration = Duration::from_secs(10);

/// What to run, and how.
#[derive(Clone, Debug)]
pub struct ProcessConfig {
    /// The function's name.
    pub name: &'static str,
    /// The function's binary.
    pub binary: PathBuf,
    /// The command that runs it, such as a profiler's, up to the binary; empty where it runs by itself.
    pub under: Vec<String>,
    /// Its environment, beside what Lambda sets.
    pub env: Vec<(String, String)>,
    /// How many execution environments there are.
    pub environments: usize,
    /// How many events an environment serves at once: more than one only on Lambda Managed Instances.
    pub concurrency: usize,
    /// How long an invocation may take before its environment is killed.
    pub timeout: Duration,
    /// What becomes of what it prints.
    pub output: Output,
}

/// A function in processes of its own. Dropping it kills them; should this process itself be killed,
/// theirs end with the Runtime API that they poll.
#[derive(Debug)]
pub struct ProcessFunction {
    lambda: Arc<Lambda>,
}

/// What invokes a function, for as long as that is there.
#[derive(Clone, Debug)]
pub struct Invoker(Arc<Lambda>);

#[derive(Debug)]
struct Lambda {
    config: ProcessConfig,
    api: RuntimeApi,
    environments: Vec<Environment>,
    /// Counts the processes that have ended.
    ended: watch::Sender<usize>,
    log: Arc<Log>,
}

/// An execution environment: a place for a process.
#[derive(Debug)]
struct Environment {
    process: watch::Sender<Option<u32>>,
    kill: Notify,
    /// Our end of the pipe that the process prints to, or the one before it did.
    pipe: Mutex<Option<PipeWriter>>,
}

impl ProcessFunction {
    /// The function with no environment yet: the first invocation starts them.
    pub async fn idle(config: ProcessConfig) -> Result<Self, FunctionError> {
        let api = RuntimeApi::start(config.name, config.environments, config.timeout).await?;
        let new =
            || Environment { process: watch::Sender::new(None), kill: Notify::new(), pipe: Mutex::default() };
        let environments = (0..config.environments).map(|_| new()).collect();
        let log = Log::new(config.name, config.output.clone());
        let ended = watch::Sender::default();
        Ok(Self { lambda: Arc::new(Lambda { config, api, environments, ended, log }) })
    }

    /// Starts all environments; each has polled for its first invocation when this returns.
    pub async fn start(config: ProcessConfig) -> Result<Self, FunctionError> {
        // Made before any process, so that an error below drops it and kills what was started.
        let this = Self::idle(config).await?;
        this.lambda.revive()?;
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

    /// Invokes the function with `event` as it is, past the function URL, and returns what it answers: `None` where
    /// it failed, as it does by an event that is none of a function URL.
    pub async fn invoke(&self, event: &Value) -> Option<Value> {
        serde_json::from_slice(&self.invoker().answer(event).await?).ok()
    }

    /// The process ids of the environments that run.
    #[must_use]
    pub fn process_ids(&self) -> Vec<u32> {
        self.lambda.environments.iter().filter_map(|environment| *environment.process.borrow()).collect()
    }

    /// Kills all processes at once with SIGKILL and waits until they are gone. What they were doing has
    /// failed; the next request, or one that waits for its turn, starts them again.
    pub async fn kill(&self) {
        let doomed: Vec<_> = self.lambda.environments.iter().map(Environment::doom).collect();
        self.gone(doomed).await;
    }

    /// Asks all processes to end, by SIGTERM, and waits until they have.
    pub async fn end(&self) -> std::io::Result<()> {
        let processes = self.lambda.environments.iter().map(|environment| *environment.process.borrow());
        let processes: Vec<_> = processes.collect();
        for id in processes.iter().flatten() {
            let id = i32::try_from(*id).ok().and_then(Pid::from_raw);
            let id = id.ok_or(std::io::ErrorKind::InvalidInput)?;
            kill_process(id, Signal::TERM)?;
        }
        self.gone(processes).await;
        Ok(())
    }

    /// Waits until of each environment this process is gone.
    async fn gone(&self, processes: Vec<Option<u32>>) {
        for (environment, process) in self.lambda.environments.iter().zip(processes) {
            // Another one may be there already.
            let is_gone = |now: &Option<u32>| now.is_none() || *now != process;
            let _ = environment.process.subscribe().wait_for(is_gone).await;
        }
    }

    /// Waits until the log is as `until` wants it, and returns it. For what a function prints when nobody
    /// waits for its answer; what it printed before it answered is in [`ProcessFunction::log`] at once.
    ///
    /// # Panics
    ///
    /// If that is not so within 30 s.
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
        let expected = format!("other lines in the log of `{}`", self.lambda.config.name);
        let journal = &self.lambda.config.output.context.journal;
        wait(arrived, expected, || format!("its last lines:\n{}", self.lambda.log.tail()), journal).await
    }

    /// The function's log, line by line: all that its processes have printed by now.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.catch_up();
        self.lambda.log.lines()
    }

    /// Waits, without a runtime, until all is in the log that the processes have printed by now.
    pub fn catch_up(&self) {
        for environment in &self.lambda.environments {
            if let Some(pipe) = &*environment.pipe() {
                self.lambda.log.catch_up(pipe);
            }
        }
    }
}

impl Drop for ProcessFunction {
    fn drop(&mut self) {
        for environment in &self.lambda.environments {
            environment.kill.notify_one();
        }
    }
}

impl Environment {
    /// Orders its process to be killed, and tells which one that is.
    fn doom(&self) -> Option<u32> {
        self.kill.notify_one();
        *self.process.borrow()
    }

    fn pipe(&self) -> MutexGuard<'_, Option<PipeWriter>> {
        self.pipe.lock()
    }
}

impl Lambda {
    fn start_process(self: &Arc<Self>, environment: usize) -> Result<(), FunctionError> {
        let spawn_error = |error| FunctionError::Spawn { binary: self.config.binary.clone(), error };
        let pipe = self.log.pipe().map_err(spawn_error)?;
        let child = self.command(environment, &pipe).and_then(|mut command| command.spawn());
        let child = child.map_err(spawn_error)?;
        let slot = &self.environments[environment];
        if let Some(old) = slot.pipe().replace(pipe) {
            self.log.catch_up(&old);
        }
        // An order to kill that came when nothing ran is not meant for this process.
        forget(&slot.kill);
        self.api.forget_deadline(environment);
        slot.process.send_replace(child.id());
        tokio::spawn(self.clone().supervise(environment, child));
        Ok(())
    }

    fn command(&self, environment: usize, pipe: &PipeWriter) -> std::io::Result<Command> {
        let ProcessConfig { binary, under, .. } = &self.config;
        let mut line = under.iter().map(OsStr::new).chain([binary.as_os_str()]);
        let mut command = Command::new(line.next().unwrap_or_default());
        command
            .args(line)
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", self.api.address(environment))
            .env("AWS_LAMBDA_FUNCTION_NAME", self.config.name)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", self.config.name))
            .env("AWS_LAMBDA_LOG_STREAM_NAME", environment.to_string())
            .envs(self.config.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(pipe.try_clone()?)
            .stderr(pipe.try_clone()?)
            .kill_on_drop(true);
        if self.config.concurrency > 1 {
            command.env("AWS_LAMBDA_MAX_CONCURRENCY", self.config.concurrency.to_string());
        }
        Ok(command)
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

    /// As Lambda does when an event needs an environment: those that have ended are started again.
    fn revive(self: &Arc<Self>) -> Result<(), FunctionError> {
        for environment in 0..self.environments.len() {
            if self.environments[environment].process.borrow().is_none() {
                self.start_process(environment)?;
            }
        }
        Ok(())
    }
}

impl Invoker {
    /// What the function answers to an event; `None` where it failed.
    pub async fn answer(&self, event: &Value) -> Option<Bytes> {
        match self.invoke(event).await {
            Outcome::Answered(answer) => Some(answer),
            Outcome::Failed => None,
        }
    }

    /// Runs an event through the next environment that is free. Should the environments that it waits for
    /// end, it gets new ones, as in Lambda.
    pub(super) async fn invoke(&self, event: &Value) -> Outcome {
        let Self(lambda) = self;
        let mut ended = lambda.ended.subscribe();
        let mut outcome = std::pin::pin!(lambda.api.invoke(event));
        loop {
            if let Err(error) = lambda.revive() {
                lambda.log.add(format!("the harness: {error}"));
                return Outcome::Failed;
            }
            tokio::select! {
                biased;
                outcome = &mut outcome => return outcome,
                _ = ended.changed() => {}
            }
        }
    }
}

/// Takes back a notification that nobody has waited for.
pub(super) fn forget(notify: &Notify) {
    std::pin::pin!(notify.notified()).enable();
}
