//! The end of a function's processes.

use keysync_emulator_support::assertion::wait;
use rustix::process::{Pid, Signal, kill_process};

use super::{Environment, Process, ProcessFunction};

impl ProcessFunction {
    /// Kills all processes with SIGKILL and waits until they have ended. Their invocations fail;
    /// the next request, or a queued one, restarts them.
    ///
    /// # Panics
    ///
    /// If they have not ended within the harness's wait timeout.
    pub async fn kill(&self) {
        let processes = self.lambda.environments.iter().map(Environment::kill).collect();
        self.wait_until_ended(processes).await;
    }

    /// Kills all processes; the next ones have the environment `env`.
    ///
    /// # Panics
    ///
    /// If they have not ended within the harness's wait timeout.
    pub async fn restart_with(&self, env: Vec<(String, String)>) {
        *self.lambda.env.lock() = env;
        self.kill().await;
    }

    /// Sends SIGTERM to all processes and waits until they have ended.
    ///
    /// # Panics
    ///
    /// If they have not ended within the harness's wait timeout.
    pub async fn end(&self) -> std::io::Result<()> {
        let processes: Vec<_> = self.lambda.environments.iter().map(Environment::process_id).collect();
        for id in processes.iter().flatten() {
            let id = i32::try_from(*id).ok().and_then(Pid::from_raw);
            let id = id.ok_or(std::io::ErrorKind::InvalidInput)?;
            kill_process(id, Signal::TERM)?;
        }
        self.wait_until_ended(processes).await;
        Ok(())
    }

    /// Waits until each environment's process has ended. `processes` has one id for each
    /// environment.
    async fn wait_until_ended(&self, processes: Vec<Option<u32>>) {
        let ended = async {
            for (environment, process) in self.lambda.environments.iter().zip(processes) {
                // The environment may already have a new process.
                let has_ended =
                    |now: &Option<Process>| now.as_ref().is_none_or(|now| Some(now.id) != process);
                let _ = environment.process.subscribe().wait_for(has_ended).await;
            }
        };
        let expected = format!("the processes of `{}` to end", self.lambda.config.name);
        let running = || format!("running: {:?}", self.process_ids());
        wait(ended, expected, running, &self.lambda.config.output.context.journal).await;
    }
}
