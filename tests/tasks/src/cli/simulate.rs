//! The arguments of `cargo task simulate`.

use clap::{Args, ValueEnum};

/// The regions of the simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Regions {
    One,
    Strong,
    Eventual,
}

#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    /// How many rounds
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub(crate) rounds: u64,
    /// The seed of the first round; later rounds use the following numbers. Random by default
    #[arg(long, value_name = "S")]
    pub(crate) seed: Option<u64>,
    /// Start no round after this many seconds
    #[arg(long, value_name = "S", conflicts_with = "mutations")]
    pub(crate) seconds: Option<u64>,
    /// Where the functions run: in one region, or in two with strong or eventual consistency
    #[arg(long, value_enum, default_value_t = Regions::One)]
    pub(crate) regions: Regions,
    /// A part of the plan, as the report of a failed round names it, such as `clocks,0,2,5-`
    #[arg(long, value_name = "STEPS", requires = "seed")]
    pub(crate) steps: Option<String>,
    /// Apply one mutation at a time to a copy of HEAD, and expect a round to find it. Ends with a
    /// table in Markdown
    #[arg(long, value_name = "FILTER", num_args = 0.., conflicts_with_all = ["rounds", "seed", "regions"])]
    pub(crate) mutations: Option<Vec<String>>,
}
