//! `cargo task simulate`: rounds of the deterministic simulation.

use crate::{cli::SimulateArgs, command::Context, error::Result, names::SIMULATION, random};

/// The environment variable with the number of rounds.
const ROUNDS: &str = "KEYSYNC_SIMULATION_ROUNDS";
/// The environment variable with the seed of the first round.
const SEED: &str = "KEYSYNC_SIMULATION_SEED";
/// The environment variable with a part of the plan; empty for all of it.
const STEPS: &str = "KEYSYNC_SIMULATION_STEPS";

/// Runs the requested number of rounds, in an optimized build: ten times as many in the same time.
pub(crate) fn run(context: &Context, wanted: &SimulateArgs) -> Result {
    let seed = wanted.seed.unwrap_or_else(|| random::below(1 << 30));
    let arguments = ["--profile", "bench", "--package", SIMULATION.0, "--", "--nocapture", SIMULATION.1];
    let mut rounds = context.cargo("test", arguments);
    let steps = wanted.steps.as_deref().unwrap_or_default();
    rounds.env(ROUNDS, wanted.rounds.to_string()).env(SEED, seed.to_string()).env(STEPS, steps);
    context.run(&mut rounds)
}
