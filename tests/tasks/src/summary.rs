//! Stages of a task, and the table of their results.

use std::{
    fmt::Write,
    time::{Duration, Instant},
};

use crate::{
    command::Context,
    error::{Error, Result},
};

/// The stages of a task that have run.
pub(crate) struct Summary {
    started: Instant,
    stages: Vec<Stage>,
}

struct Stage {
    name: String,
    outcome: Outcome,
    took: Duration,
}

#[derive(Clone, Copy, PartialEq)]
enum Outcome {
    Passed,
    Failed,
    Skipped,
}

impl Summary {
    pub(crate) fn new() -> Self {
        Self { started: Instant::now(), stages: Vec::new() }
    }

    /// Runs a stage below a heading. A stage whose tool is missing is skipped; with `--install`, it
    /// fails.
    pub(crate) fn stage(
        &mut self,
        context: &Context,
        name: &str,
        work: impl FnOnce(&Context) -> Result,
    ) -> Result {
        context.say(format!("\n== {name} (at {})", clock(self.started.elapsed())));
        let started = Instant::now();
        let (outcome, result) = judge(context, work(context));
        self.stages.push(Stage { name: name.to_owned(), outcome, took: started.elapsed() });
        result.map_err(|error| Error::Failed(format!("{name}: {error}")))
    }

    /// The table: one line for each stage, and the counts.
    pub(crate) fn table(&self) -> String {
        let width = self.stages.iter().map(|stage| stage.name.chars().count()).max().unwrap_or(0).max(5);
        let mut table = format!("{:width$}  result   seconds\n", "stage");
        for Stage { name, outcome, took } in &self.stages {
            let _ = writeln!(table, "{name:width$}  {:7}  {:7.1}", outcome.word(), took.as_secs_f64());
        }
        let count = |outcome| self.stages.iter().filter(|stage| stage.outcome == outcome).count();
        let (passed, failed, skipped) =
            (count(Outcome::Passed), count(Outcome::Failed), count(Outcome::Skipped));
        let _ = write!(table, "{passed} passed, {failed} failed, {skipped} skipped");
        table
    }
}

impl Outcome {
    const fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// Reports a skipped check and continues the task. With `--install`, a check is skipped only if the
/// platform cannot run it.
pub(crate) fn skip(context: &Context, result: Result) -> Result {
    judge(context, result).1
}

fn judge(context: &Context, result: Result) -> (Outcome, Result) {
    match result {
        Ok(()) => (Outcome::Passed, Ok(())),
        Err(error @ Error::Failed(_)) => (Outcome::Failed, Err(error)),
        Err(error @ Error::Missing { .. }) if context.install => (Outcome::Failed, Err(error)),
        Err(error @ (Error::Missing { .. } | Error::Unsupported(_))) => {
            context.say(format!("skipped: {error}"));
            (Outcome::Skipped, Ok(()))
        }
    }
}

fn clock(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing() -> Error {
        Error::missing("valgrind is not on the PATH", "apt-get install valgrind")
    }

    #[test]
    fn table_has_line_per_stage_and_counts() {
        let stage = |name: &str, outcome, seconds| Stage {
            name: name.to_owned(),
            outcome,
            took: Duration::from_millis(seconds),
        };
        let summary = Summary {
            started: Instant::now(),
            stages: vec![
                stage("Formatting", Outcome::Passed, 1_240),
                stage("Browser", Outcome::Skipped, 20),
                stage("Tests", Outcome::Failed, 843_000),
            ],
        };
        let expected = "\
stage       result   seconds
Formatting  passed       1.2
Browser     skipped      0.0
Tests       failed     843.0
1 passed, 1 failed, 1 skipped";
        assert_eq!(summary.table(), expected);
    }

    #[test]
    fn missing_tool_skips_stage() {
        let mut summary = Summary::new();
        summary.stage(&Context::new(false), "Performance", |_| Err(missing())).unwrap();
        assert!(summary.table().ends_with("0 passed, 0 failed, 1 skipped"));
    }

    #[test]
    fn missing_tool_fails_stage_with_install() {
        let mut summary = Summary::new();
        let error = summary.stage(&Context::new(true), "Performance", |_| Err(missing())).unwrap_err();
        assert_eq!(
            error.to_string(),
            "Performance: valgrind is not on the PATH; to install it, run: apt-get install valgrind"
        );
        assert!(summary.table().ends_with("0 passed, 1 failed, 0 skipped"));
    }

    #[test]
    fn unsupported_platform_skips_stage_with_install() {
        let mut summary = Summary::new();
        let unsupported = |_: &Context| Err(Error::Unsupported("needs x86_64".to_owned()));
        summary.stage(&Context::new(true), "Performance", unsupported).unwrap();
        assert!(summary.table().ends_with("0 passed, 0 failed, 1 skipped"));
    }

    #[test]
    fn clock_shows_minutes_and_seconds() {
        assert_eq!(clock(Duration::from_secs(725)), "12:05");
    }
}
