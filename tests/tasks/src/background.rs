//! Jobs that run concurrently with the tests at the lowest priority; their output is shown later.

use std::{
    fs::{self, File},
    path::PathBuf,
    thread::{self, JoinHandle},
};

use crate::{
    command::{Background, Context},
    error::{Error, Result},
};

/// A job that runs in the background. Dropping it ends its processes.
#[must_use = "a dropped job is cancelled"]
pub(crate) struct Job {
    log: PathBuf,
    background: Background,
    thread: Option<JoinHandle<Result>>,
}

impl Job {
    /// Starts `work`. Its output goes to `target/tasks/NAME.log`.
    pub(crate) fn start(
        context: &Context,
        name: &str,
        work: impl FnOnce(&Context) -> Result + Send + 'static,
    ) -> Result<Self> {
        let folder = context.target.join("tasks");
        fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
        let log = folder.join(name).with_extension("log");
        let background = Background::new(File::create(&log).map_err(Error::io("write", &log))?);
        let context = context.in_background(background.clone());
        let thread = thread::spawn(move || work(&context));
        Ok(Self { log, background, thread: Some(thread) })
    }

    /// Waits for the job, shows its output and returns its result.
    pub(crate) fn finish(mut self, context: &Context) -> Result {
        let result = self.thread.take().map_or(Ok(()), join);
        let output = fs::read(&self.log).map_err(Error::io("read", &self.log))?;
        context.say(String::from_utf8_lossy(&output).trim_end());
        result
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.background.cancel();
            // The job was cancelled, so its result is irrelevant.
            let _ = join(thread);
        }
    }
}

fn join(thread: JoinHandle<Result>) -> Result {
    thread.join().unwrap_or_else(|_| Err(Error::failed("the job panicked; its message is above")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finished_job_returns_its_result() {
        let context = Context::new(false);
        let job = Job::start(&context, "unit-test-result", |context| {
            context.run(context.command("sh").args(["-c", "exit 5"]))
        });
        let error = job.unwrap().finish(&context).unwrap_err();
        assert_eq!(error.to_string(), "`nice -n 19 sh -c exit 5` failed (exit status: 5)");
    }

    #[test]
    fn dropped_job_ends_its_processes() {
        let context = Context::new(false);
        let job = Job::start(&context, "unit-test-drop", |context| {
            context.run(context.command("sleep").arg("600"))
        });
        drop(job.unwrap()); // returns, as the process ends
    }
}
