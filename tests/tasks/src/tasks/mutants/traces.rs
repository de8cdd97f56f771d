//! `cargo task mutants --traces`: which mutations of the protocol the comparison of the code with
//! its model rejects (`docs/explanation/model.md`, "Comparison with the code").

use regex::Regex;

use super::{
    Patch, Tree,
    report::{Outcome, shortened},
};
use crate::{
    command::Context,
    error::{Error, Result},
    names::{FAULTS, MODEL_CONFORMANCE},
};

/// The fault rounds of each mutation, from seed 1. Each is a trace of each of its keys.
const ROUNDS: &str = "40";

/// What the two directions say about a mutation.
struct Rejected {
    by_path: Option<String>,
    by_trace: Option<String>,
}

/// Runs both directions for each patch with a line `traces:`, or for all if they are `named`. Fails
/// if neither rejects one with this line.
pub(super) fn run(context: &Context, mut patches: Vec<Patch>, named: bool) -> Result {
    patches.retain(|patch| patch.is_traced || named);
    let tree = Tree::create(context)?;
    let (mut rows, mut missed) = (Vec::new(), 0);
    for (index, patch) in patches.iter().enumerate() {
        let Patch { name, description, .. } = patch;
        let Rejected { by_path, by_trace } = tree.with_patch(patch, || compare(&tree))?;
        missed += usize::from(patch.is_traced && by_path.is_none() && by_trace.is_none());
        let (number, _) = name.split_once('-').unwrap_or((name, ""));
        let cell = |rejected: Option<String>| rejected.unwrap_or_else(|| "–".to_owned());
        let row = format!("| {number} | {description} | {} | {} |", cell(by_path), cell(by_trace));
        context.say(format!("{}/{} {row}", index + 1, patches.len()));
        rows.push(row);
    }
    context.say("\n| patch | mutation | rejected path | rejected trace |\n| --- | --- | --- | --- |");
    for row in rows {
        context.say(row);
    }
    if missed == 0 { Ok(()) } else { Err(Error::failed(format!("{missed} mutations were not rejected"))) }
}

/// Builds the modified tree, and runs both directions.
fn compare(tree: &Tree) -> Result<Rejected> {
    let cargo = |targets: &[&str]| {
        let mut cargo = tree.cargo("test");
        cargo.arg("--workspace").args(targets.iter().flat_map(|target| ["--test", target]));
        cargo
    };
    let (is_built, output) = tree.output_of(cargo(&[MODEL_CONFORMANCE, FAULTS.0]).arg("--no-run"))?;
    if !is_built {
        return Err(Error::failed(format!("{output}the mutation does not compile")));
    }
    let (succeeded, output) = tree.output_of(&mut cargo(&[MODEL_CONFORMANCE]))?;
    let by_path = match Outcome::of_test(succeeded.then_some(0), &output) {
        Outcome::Failed(difference) => Some(difference),
        _ => None,
    };
    let mut rounds = cargo(&[FAULTS.0]);
    rounds.args(["--", "--nocapture", "--exact", FAULTS.1]);
    rounds.env("KEYSYNC_ROUNDS", ROUNDS).env("KEYSYNC_ROUNDS_SEED", "1");
    rounds.env("KEYSYNC_ROUNDS_KIND", "in-process");
    let (_, output) = tree.output_of(&mut rounds)?;
    Ok(Rejected { by_path, by_trace: first_impossible(&output) })
}

/// Why the first impossible step is impossible.
fn first_impossible(output: &str) -> Option<String> {
    let step = Regex::new(r"(?m)^FollowsModel: .+ is impossible in the model: .+\n +(.+)$").expect("valid");
    step.captures(output).map(|step| shortened(&step[1].replace('|', "\\|")))
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
