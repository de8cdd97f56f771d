//! `cargo task faults`: rounds of random faults.

use crate::{cli::FaultsArgs, command::Context, error::Result, names::FAULTS, random};

/// The environment variable with the number of rounds.
pub(crate) const ROUNDS: &str = "KEYSYNC_ROUNDS";
/// The environment variable with the seed of the first round.
const SEED: &str = "KEYSYNC_ROUNDS_SEED";
/// The environment variable that selects one kind of rounds; empty for both.
const KIND: &str = "KEYSYNC_ROUNDS_KIND";

/// Runs the requested number of rounds.
pub(crate) fn run(context: &Context, wanted: &FaultsArgs) -> Result {
    let seed = wanted.seed.unwrap_or_else(|| random::below(1 << 30));
    let kind = match (wanted.in_process, wanted.real) {
        (true, _) => "in-process",
        (_, true) => "real",
        _ => "",
    };
    let mut rounds =
        context.cargo("test", ["--workspace", "--test", FAULTS.0, "--", "--nocapture", FAULTS.1]);
    rounds.env(ROUNDS, wanted.rounds.to_string()).env(SEED, seed.to_string()).env(KIND, kind);
    context.run(&mut rounds)
}
