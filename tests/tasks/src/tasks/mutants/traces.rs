//! `cargo task mutants --traces`: which mutations of the protocol the comparison of the code with
//! its model rejects (`docs/explanation/model.md`, "Comparison with the code").

use std::time::Instant;

use regex::Regex;

use super::{Patch, Tree, difference::first_difference, report::MAX_PANIC_CHARS};
use crate::{
    command::Context,
    error::{Error, Result},
    markdown::cell,
    names::{FAULTS, MODEL_CONFORMANCE},
};

/// The tests with the paths, in the order in which they find most mutations soonest. One at a time:
/// the first failure ends the run.
const PATHS: [&str; 4] = [
    "walks::dispatcher_follows_model_on_random_walks",
    "paths::dispatcher_follows_model_on_short_paths",
    "walks::ledger_follows_model_on_random_walks",
    "paths::ledger_follows_model_on_short_paths",
];
/// The fault rounds of each mutation that no path rejects, from seed 1.
const ROUNDS: &str = "40";

/// What the comparison says about a mutation.
#[derive(Debug, PartialEq)]
enum Compared {
    /// A path that the ledger takes otherwise than the model.
    Path(String),
    /// A trace of the functions that is impossible in the model.
    Trace(String),
    Nothing,
    DoesNotCompile,
}

impl Compared {
    const fn is_rejected(&self) -> bool {
        matches!(self, Self::Path(_) | Self::Trace(_))
    }

    fn text(&self) -> String {
        match self {
            Self::Path(difference) => difference.clone(),
            Self::Trace(reason) => format!("trace: {reason}"),
            Self::Nothing => "–".to_owned(),
            Self::DoesNotCompile => "**does not compile**".to_owned(),
        }
    }
}

/// Compares each patch with a line `traces:`, or all if they are `named`. Fails if one with this
/// line is not rejected.
pub(super) fn run(context: &Context, mut patches: Vec<Patch>, named: bool) -> Result {
    patches.retain(|patch| patch.is_traced || named);
    let tree = Tree::create(context)?;
    let (mut rows, mut missed) = (Vec::new(), 0);
    for (index, patch) in patches.iter().enumerate() {
        let (started, Patch { name, description, .. }) = (Instant::now(), patch);
        let compared = tree.with_patch(patch, || compare(&tree))?;
        missed += usize::from(patch.is_traced && !compared.is_rejected());
        let (number, _) = name.split_once('-').unwrap_or((name, ""));
        let row = format!("| {number} | {description} | {} |", compared.text());
        let seconds = started.elapsed().as_secs();
        context.say(format!("{}/{} ({seconds} s) {row}", index + 1, patches.len()));
        rows.push(row);
    }
    context.say("\n| patch | mutation | rejected by |\n| --- | --- | --- |");
    for row in rows {
        context.say(row);
    }
    if missed == 0 { Ok(()) } else { Err(Error::failed(format!("{missed} mutations were not rejected"))) }
}

/// Takes the paths with the modified tree, and plays the rounds only if all paths agree: their
/// build takes longer.
fn compare(tree: &Tree) -> Result<Compared> {
    let cargo = |target: &str| {
        let mut cargo = tree.cargo("test");
        cargo.args(["--workspace", "--test", target]);
        cargo
    };
    let build = |target: &str| {
        let mut build = cargo(target);
        build.arg("--no-run");
        build
    };
    if !tree.builds(|| vec![build(MODEL_CONFORMANCE)])? {
        return Ok(Compared::DoesNotCompile);
    }
    for paths in PATHS {
        let (_, output) = tree.output_of(cargo(MODEL_CONFORMANCE).args(["--", "--exact", paths]))?;
        if let Some(difference) = first_difference(&output) {
            return Ok(Compared::Path(difference));
        }
    }
    if !tree.builds(|| vec![build(FAULTS.0)])? {
        return Ok(Compared::DoesNotCompile);
    }
    let mut rounds = cargo(FAULTS.0);
    rounds.args(["--", "--nocapture", "--exact", FAULTS.1]);
    rounds.env("KEYSYNC_ROUNDS", ROUNDS).env("KEYSYNC_ROUNDS_SEED", "1");
    rounds.env("KEYSYNC_ROUNDS_KIND", "in-process");
    let (_, output) = tree.output_of(&mut rounds)?;
    Ok(first_impossible(&output).map_or(Compared::Nothing, Compared::Trace))
}

/// Why the first impossible step is impossible.
fn first_impossible(output: &str) -> Option<String> {
    let step = Regex::new(r"(?m)^FollowsModel: .+ is impossible in the model: .+\n +(.+)$").expect("valid");
    step.captures(output).map(|step| cell(&step[1], MAX_PANIC_CHARS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reason_of_first_impossible_step_is_found() {
        let output = "\
== round 4 failed (InProcess)
NothingLost: k1: not notified
FollowsModel: k0: step 3 is impossible in the model: 12 ms  claim
    the window is closed
  after
    0 ms  creation
FollowsModel: k1: step 5 is impossible in the model: 12 ms  claim
    another reason
";
        assert_eq!(first_impossible(output).as_deref(), Some("the window is closed"));
        assert_eq!(first_impossible("NothingLost: k1: not notified\n"), None);
    }
}
