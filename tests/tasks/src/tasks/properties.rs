//! `cargo task properties`: properties that hold for any input, with fresh random seeds.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use regex::Regex;

use crate::{
    cli::PropertiesArgs,
    command::Context,
    error::{Error, Result},
    executables,
    names::{END_TO_END, FUZZ_TARGETS, PROPERTIES, RANDOM_REQUESTS},
    random,
};

/// The target of random requests to the real binary.
pub(crate) const REQUESTS: &str = "requests";
const SEED: &str = "KEYSYNC_TEST_SEED";
/// The number of lines of output that are shown if they contain no failure report.
const LAST_LINES: usize = 30;

/// Tests every selected target with each seed.
pub(crate) fn run(context: &Context, wanted: &PropertiesArgs) -> Result {
    let targets = selected(&wanted.targets);
    let first = wanted.seed.unwrap_or_else(|| random::below(1 << 45));
    context.say("building");
    let tests = Tests::build(context, &targets)?;
    let mut broken = Vec::new();
    for nth in 1..=wanted.seeds {
        let seed = first + (nth - 1);
        let started = Instant::now();
        let report = tests.run(context, seed)?;
        let result = if report.is_some() { "broken" } else { "passed" };
        if let Some(report) = report {
            context.say(report);
            broken.push(seed.to_string());
        }
        let (of, seconds) = (wanted.seeds, started.elapsed().as_secs());
        context.say(format!("seed {seed} ({nth} of {of}): {result}, {seconds} s"));
    }
    if broken.is_empty() {
        let (seeds, targets) = (wanted.seeds, targets.join(" "));
        context.say(format!("all properties passed for {seeds} seeds, starting at {first}: {targets}"));
        return Ok(());
    }
    let (broken, count) = (broken.join(" "), broken.len());
    Err(Error::failed(format!("{count} of {} seeds broke a property: {broken}", wanted.seeds)))
}

fn selected(wanted: &[String]) -> Vec<&str> {
    if wanted.is_empty() {
        return FUZZ_TARGETS.into_iter().chain([REQUESTS]).collect();
    }
    wanted.iter().map(|target| &**target).collect()
}

/// Copies of the executables, so that later builds do not change them.
struct Tests {
    properties: Option<(PathBuf, Vec<String>)>,
    requests: Option<PathBuf>,
    log: PathBuf,
}

impl Tests {
    fn build(context: &Context, targets: &[&str]) -> Result<Self> {
        let properties: Vec<String> = targets
            .iter()
            .filter(|target| **target != REQUESTS)
            .map(|target| format!("{target}_property_holds"))
            .collect();
        let has_requests = targets.contains(&REQUESTS);
        let mut command = context.cargo("test", ["--workspace", "--no-run"]);
        if !properties.is_empty() {
            command.args(["--test", PROPERTIES]);
        }
        if has_requests {
            command.args(["--test", END_TO_END.0]);
        }
        let built = executables::build_tests(context, &mut command)?;
        let executable = |target| executables::named(&built, target).map(Path::to_path_buf);
        let folder = context.target.join("tasks");
        fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
        Ok(Self {
            properties: (!properties.is_empty())
                .then(|| executable(PROPERTIES))
                .transpose()?
                .map(|executable| (executable, properties)),
            requests: has_requests.then(|| executable(END_TO_END.0)).transpose()?,
            log: folder.join("properties.log"),
        })
    }

    /// Runs all tests with a seed, and returns the report of the first failure.
    fn run(&self, context: &Context, seed: u64) -> Result<Option<String>> {
        let properties = self.properties.iter().map(|(executable, properties)| {
            let mut command = context.command(executable);
            command.arg("--exact").args(properties);
            command
        });
        let requests = self.requests.iter().map(|executable| {
            let mut command = context.command(executable);
            command.arg(RANDOM_REQUESTS);
            command
        });
        for mut command in properties.chain(requests) {
            // The tests build the functions with cargo, as under `cargo test`.
            command.env(SEED, seed.to_string()).env("CARGO", "cargo");
            if !context.status_with_log(&mut command, &self.log)?.success() {
                let output = fs::read(&self.log).map_err(Error::io("read", &self.log))?;
                return Ok(Some(report(&String::from_utf8_lossy(&output))));
            }
        }
        Ok(None)
    }
}

/// The lines that report failures, each with the three lines after it. Without any, the last lines.
fn report(output: &str) -> String {
    let failure = Regex::new(r"seed [0-9]+[,:] |^test .* FAILED|^error").expect("the pattern is valid");
    let lines: Vec<&str> = output.lines().collect();
    let mut shown = vec![false; lines.len()];
    for (index, _) in lines.iter().enumerate().filter(|(_, line)| failure.is_match(line)) {
        shown[index..lines.len().min(index + 4)].fill(true);
    }
    if !shown.contains(&true) {
        return lines[lines.len().saturating_sub(LAST_LINES)..].join("\n");
    }
    let lines = lines.iter().zip(shown).filter(|(_, shown)| *shown);
    lines.map(|(line, _)| *line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn report_has_failures_with_context() {
        let output = "start\nseed 7: broken by abc\n1\n2\n3\n4\ntest path_property_holds ... FAILED\nend";
        assert_eq!(
            report(output),
            "seed 7: broken by abc\n1\n2\n3\ntest path_property_holds ... FAILED\nend"
        );
    }

    #[test]
    fn report_without_failures_has_last_lines() {
        let output = (1..=40).map(|line| line.to_string()).collect::<Vec<_>>().join("\n");
        assert!(report(&output).starts_with("11\n12\n"));
    }
}
