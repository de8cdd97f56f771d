//! `cargo task simulate`: rounds of the deterministic simulation.

use std::{process::Command, time::Instant};

use regex::Regex;

use super::mutants::{self, Patch, Tree};
use crate::{
    cli::{Regions, SimulateArgs},
    command::Context,
    error::{Error, Result},
    executables,
    markdown::cell,
    names::{FUNCTIONS, SAME_TRACES, SIMULATION},
    random,
};

/// The environment variable with the number of rounds.
const ROUNDS: &str = "KEYSYNC_SIMULATION_ROUNDS";
/// The environment variable with the seed of the first round.
const SEED: &str = "KEYSYNC_SIMULATION_SEED";
/// The environment variable with a time limit: no round starts after it.
const SECONDS: &str = "KEYSYNC_SIMULATION_SECONDS";
/// The environment variable with a part of the plan; empty for all of it.
const STEPS: &str = "KEYSYNC_SIMULATION_STEPS";
/// The environment variable that ends a series with its first failed round.
const FIRST_ONLY: &str = "KEYSYNC_SIMULATION_FIRST_ONLY";
/// The environment variable with the regions.
const REGIONS: &str = "KEYSYNC_SIMULATION_REGIONS";
/// The environment variable with the program that plays the same seeds in another process.
const CHILD_PROGRAM: &str = "KEYSYNC_SIMULATION_CHILD_PROGRAM";
const NO_ARGUMENTS: [&str; 0] = [];
/// The rounds of the stage of `cargo task test`, and the first seed: the same ones in each run, so
/// that the test command passes or fails for the same commit. The nightly workflow draws others.
const STAGE_ROUNDS: u64 = 100_000;
const STAGE_SEED: u64 = 1;
/// The time after which that stage starts no round, in seconds. Alone, it takes 4 to 8 minutes.
const STAGE_SECONDS: u64 = 2_400;
/// The rounds of a mutation that is named and has no line `simulation:`.
const NAMED_ROUNDS: u64 = 500;
/// The maximum length of a violation in the table, in characters.
const MAX_VIOLATION_CHARS: usize = 110;

/// Runs the requested number of rounds, or looks for mutations.
pub(crate) fn run(context: &Context, wanted: &SimulateArgs) -> Result {
    if let Some(names) = &wanted.mutations {
        return find_mutations(context, names);
    }
    let seed = wanted.seed.unwrap_or_else(|| random::below(1 << 30));
    let steps = wanted.steps.as_deref().unwrap_or_default();
    let mut rounds = optimized(context.cargo("test", NO_ARGUMENTS));
    rounds.args(["--", "--nocapture", "--exact", SIMULATION.1]);
    rounds.env(REGIONS, format!("{:?}", wanted.regions).to_lowercase());
    rounds.env(ROUNDS, wanted.rounds.to_string()).env(SEED, seed.to_string()).env(STEPS, steps);
    if let Some(seconds) = wanted.seconds {
        rounds.env(SECONDS, seconds.to_string());
    }
    context.run(&mut rounds)
}

/// The rounds of `cargo task test`.
pub(crate) fn rounds(context: &Context) -> Result {
    let wanted = SimulateArgs {
        rounds: STAGE_ROUNDS,
        seed: Some(STAGE_SEED),
        seconds: Some(STAGE_SECONDS),
        regions: Regions::One,
        steps: None,
        mutations: None,
    };
    run(context, &wanted)
}

/// Plays the same seeds in the optimized build and in that of the other tests, whose dependencies
/// have more features. The traces must be the same.
pub(crate) fn compare_builds(context: &Context) -> Result {
    let (target, test) = SAME_TRACES;
    let mut unoptimized = context.cargo("test", ["--workspace", "--test", target, "--no-run"]);
    let built = executables::build_tests(context, &mut unoptimized)?;
    let mut traces = optimized(context.cargo("test", NO_ARGUMENTS));
    traces.args(["--", "--exact", test]).env(CHILD_PROGRAM, executables::named(&built, target)?);
    context.run(&mut traces)
}

/// An optimized build: most of a round is code of dependencies.
fn optimized(mut cargo: Command) -> Command {
    cargo.args(["--profile", "simulation", "--package", SIMULATION.0]);
    cargo
}

/// Applies one patch at a time that has a line `simulation:`, and expects a violation within that
/// number of rounds from seed 1. Also tries those without this line that are named.
fn find_mutations(context: &Context, names: &[String]) -> Result {
    let mut patches = mutants::selected(context, names)?;
    patches.retain(|patch| patch.simulated_rounds.is_some() || !names.is_empty());
    let tree = Tree::create(context)?;
    // What later builds reuse, so that the first patch takes no longer than the others.
    build_modified(&tree)?;
    let (mut rows, mut missed) = (Vec::new(), 0);
    for (index, patch) in patches.iter().enumerate() {
        let Patch { name, description, .. } = patch;
        let started = Instant::now();
        let limit = patch.simulated_rounds.unwrap_or(NAMED_ROUNDS);
        let found = tree.with_patch(patch, || find(&tree, limit))?;
        let result = match &found {
            Some(found) => format!("round {}: {}", found.round, found.violation),
            None => format!("**not found in {limit} rounds**"),
        };
        let seconds = started.elapsed().as_secs();
        context.say(format!("{}/{} {name}: {result} ({seconds} s)", index + 1, patches.len()));
        let (number, _) = name.split_once('-').unwrap_or((name, ""));
        rows.push(if let Some(Found { round, violation }) = found {
            format!("| {number} | {description} | {round} | {limit} | {violation} |")
        } else {
            missed += u64::from(patch.simulated_rounds.is_some());
            format!("| {number} | {description} | – | {limit} | **not found** |")
        });
    }
    context.say(
        "| patch | mutation | found in round | limit | first violation |\n| --- | --- | --- | --- | --- |",
    );
    for row in rows {
        context.say(row);
    }
    if missed == 0 { Ok(()) } else { Err(Error::failed(format!("{missed} mutations were not found"))) }
}

/// A violation of a guarantee.
#[derive(Debug, PartialEq)]
struct Found {
    round: u64,
    violation: String,
}

/// Builds the modified tree, and runs rounds until some fail. The first of them.
fn find(tree: &Tree, rounds: u64) -> Result<Option<Found>> {
    let mut run = build_modified(tree)?;
    run.args(["--", "--nocapture", "--exact", SIMULATION.1]);
    run.env(ROUNDS, rounds.to_string()).env(SEED, "1").env(FIRST_ONLY, "yes");
    let (_, output) = tree.output_of(&mut run)?;
    Ok(first_violation(&output))
}

/// Builds the rounds of the tree. Returns the command that runs them without another build.
fn build_modified(tree: &Tree) -> Result<Command> {
    let cargo = || {
        let mut cargo = optimized(tree.cargo("test"));
        // Less optimized: that takes less time than slower rounds cost.
        for package in [FUNCTIONS, SIMULATION.0] {
            cargo.arg("--config");
            cargo.arg(format!("profile.simulation.package.{package}.opt-level = 1"));
        }
        cargo
    };
    let build = || {
        let mut build = cargo();
        build.arg("--no-run");
        vec![build]
    };
    if tree.builds(build)? {
        return Ok(cargo());
    }
    Err(Error::failed(format!("{}the mutation does not compile", tree.output()?)))
}

/// The violation in the first failed round of an output.
fn first_violation(output: &str) -> Option<Found> {
    let heading = Regex::new(r"(?m)^== seed \d+ violates .+ \(round (\d+)\)\n(.*)$").expect("valid");
    let found = heading.captures_iter(output).filter_map(|heading| {
        Some(Found { round: heading[1].parse().ok()?, violation: without_ids(&heading[2]) })
    });
    found.min_by_key(|found| found.round)
}

/// A violation as a phrase for the table: without the key, the invocation and ids.
fn without_ids(violation: &str) -> String {
    let mut text = violation.to_owned();
    for (pattern, replacement) in [
        (r"k\d+(, by [^:]+| at the end)?: ", ""),
        (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "…"),
        (r", by \w+/\d+ i\d+", ""),
    ] {
        let pattern = Regex::new(pattern).expect("the pattern is valid");
        text = pattern.replace_all(&text, replacement).into_owned();
    }
    cell(&text, MAX_VIOLATION_CHARS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_failed_round_is_the_result() {
        let output = "\
== seed 9 violates G5 (round 9)
G5: k0, by Redeliver/1 i7: confirmed by another
== seed 4 violates G2 (round 4)
G2: k1 at the end: cloud-object-storage ended as none
G9: more
";
        let violation = "G2: cloud-object-storage ended as none".to_owned();
        assert_eq!(first_violation(output), Some(Found { round: 4, violation }));
        assert_eq!(first_violation("100 rounds\n"), None);
    }

    #[test]
    fn ids_are_left_out() {
        let text = "G9: early: 02fd6835-6001-4482-a892-13bd2085f75d_019aaf60-0000-7000-8000-000000000001_x, by Sync/0 i3";
        assert_eq!(without_ids(text), "G9: early: …_…_x");
    }
}
