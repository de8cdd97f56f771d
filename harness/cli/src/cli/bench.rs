//! `harness bench`: what a request costs, and how that grows.

use std::{error::Error, fmt, fs, path::PathBuf};

use clap::{Args, Subcommand};
use keysync_bench::{Chart, GrowthOptions, Options};
use serde::Serialize;

use super::output;

/// The options of `bench` itself, by their ids, which have no effect on its subcommands.
pub(super) const OPTIONS: [&str; 4] = ["requests", "at_once", "starts", "chart"];

#[derive(Args)]
pub(super) struct BenchArgs {
    #[command(subcommand)]
    command: Option<BenchCommand>,
    /// Requests for each line of the table.
    #[arg(long, default_value_t = Options::default().requests, value_name = "N")]
    requests: usize,
    /// How many requests at a time, each in turn.
    #[arg(long, value_delimiter = ',', default_values_t = Options::default().at_once, value_name = "N,…")]
    at_once: Vec<usize>,
    /// Starts of each function.
    #[arg(long, default_value_t = Options::default().starts, value_name = "N")]
    starts: usize,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Subcommand)]
enum BenchCommand {
    /// Measures how latency and calls grow with keys, registrations and services.
    Growth {
        /// The most keys in the table; from 1,000 on, ten times as many each time.
        #[arg(long, default_value_t = GrowthOptions::default().keys, value_name = "N")]
        keys: usize,
        /// The most registrations of a key; from 1 on, ten times as many each time.
        #[arg(long, default_value_t = GrowthOptions::default().registrations, value_name = "N")]
        registrations: usize,
        /// Requests for each line of the table.
        #[arg(long, default_value_t = GrowthOptions::default().requests, value_name = "N")]
        requests: usize,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Holds what does not depend on the day against limits: calls, bytes, instructions, size of the binary.
    ///
    /// Needs valgrind, which counts instructions. Exits with 1 where something is too much.
    Check {
        /// The limits, as JSON.
        #[arg(long, value_name = "FILE")]
        limits: PathBuf,
        /// Prints JSON for machines.
        #[arg(long, global = true)]
        json: bool,
    },
}

#[derive(Args)]
struct OutputArgs {
    /// Prints JSON for machines.
    #[arg(long, global = true)]
    json: bool,
    /// Draws a chart into this file, as SVG.
    #[arg(long, value_name = "FILE")]
    chart: Option<PathBuf>,
}

/// Measures.
pub(super) async fn run(args: BenchArgs) -> Result<(), Box<dyn Error>> {
    let BenchArgs { command, requests, at_once, starts, output } = args;
    match command {
        None => {
            let report = Box::pin(keysync_bench::requests(&Options { requests, at_once, starts })).await?;
            output.show(&report, || Chart::of_requests(&report))
        }
        Some(BenchCommand::Growth { keys, registrations, requests, output }) => {
            let options = GrowthOptions { keys, registrations, requests };
            let growth = Box::pin(keysync_bench::growth(&options)).await?;
            output.show(&growth, || Chart::of_growth(&growth))
        }
        Some(BenchCommand::Check { limits, json }) => {
            let checked = Box::pin(keysync_bench::check(&limits)).await?;
            show(&checked, json)?;
            let verdict = format!("something is more than {} has it", limits.display());
            if checked.is_good() { Ok(()) } else { Err(verdict.into()) }
        }
    }
}

impl OutputArgs {
    fn show(
        &self,
        found: &(impl Serialize + fmt::Display),
        chart: impl Fn() -> Result<Chart, keysync_bench::BenchError>,
    ) -> Result<(), Box<dyn Error>> {
        if let Some(path) = &self.chart {
            let written = fs::write(path, chart()?.svg());
            written.map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        }
        show(found, self.json)
    }
}

fn show(found: &(impl Serialize + fmt::Display), json: bool) -> Result<(), Box<dyn Error>> {
    if json {
        output::line(serde_json::to_string_pretty(found)?)?;
    } else {
        output::write(found.to_string())?;
    }
    Ok(())
}
