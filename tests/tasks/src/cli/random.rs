//! The arguments of the tasks that draw random faults and inputs.

use clap::{Args, builder::PossibleValuesParser};

use crate::{names::FUZZ_TARGETS, tasks::properties::REQUESTS};

#[derive(Debug, Args)]
pub(crate) struct FaultsArgs {
    /// How many rounds
    #[arg(default_value_t = 1000)]
    pub(crate) rounds: u32,
    /// The seed of the first round; later rounds use the following numbers. Random by default
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Only rounds in one process, on a clock that only the test advances
    #[arg(long, conflicts_with = "real")]
    pub(crate) in_process: bool,
    /// Only rounds on the real binaries, which are killed
    #[arg(long)]
    pub(crate) real: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PropertiesArgs {
    /// How many seeds
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..10_000_000))]
    pub(crate) seeds: u64,
    /// The first seed; the following numbers come next. Random by default
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(..1_000_000_000_000_000_000))]
    pub(crate) seed: Option<u64>,
    /// What to test; everything by default. `requests` are 600 random requests to the real binary,
    /// the others some thousand inputs each
    #[arg(value_name = "TARGET", value_parser = PossibleValuesParser::new(FUZZ_TARGETS.into_iter().chain([REQUESTS])))]
    pub(crate) targets: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct FuzzArgs {
    /// Seconds for each target
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) seconds: u32,
    /// What to fuzz; everything by default
    #[arg(value_name = "TARGET", value_parser = PossibleValuesParser::new(FUZZ_TARGETS))]
    pub(crate) targets: Vec<String>,
}
