//! `harness bench`: latency and cost of requests, and how they scale.

use std::{error::Error, fmt, fs, path::PathBuf, time::Duration};

use clap::{Args, Subcommand};
use keysync_bench::{Chart, GrowthOptions, Options, ScaleOptions};
use serde::Serialize;

use super::output;

/// Ids of the options of `bench` itself, which have no effect on its subcommands.
pub(super) const OPTIONS: [&str; 5] = ["requests", "at_once", "starts", "peers", "chart"];

/// Arguments of `harness bench`.
#[derive(Args)]
pub(super) struct BenchArgs {
    #[command(subcommand)]
    command: Option<BenchCommand>,
    /// Number of requests per row.
    #[arg(long, default_value_t = Options::default().requests, value_name = "N")]
    requests: usize,
    /// Numbers of concurrent requests, one row each.
    #[arg(long, value_delimiter = ',', default_values_t = Options::default().at_once, value_name = "N,…")]
    at_once: Vec<usize>,
    /// Number of cold starts of each function.
    #[arg(long, default_value_t = Options::default().starts, value_name = "N")]
    starts: usize,
    /// Measure the peers that `cargo task peers` has installed in this folder, too.
    #[arg(long, value_name = "FOLDER")]
    peers: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Subcommand)]
enum BenchCommand {
    /// Measure how latency and calls scale with keys, registrations and services.
    Growth {
        /// Maximum number of keys in the table; measured from 1,000 on in powers of ten.
        #[arg(long, default_value_t = GrowthOptions::default().keys, value_name = "N")]
        keys: usize,
        /// Maximum number of registrations of a key; measured from 1 on in powers of ten.
        #[arg(long, default_value_t = GrowthOptions::default().registrations, value_name = "N")]
        registrations: usize,
        /// Number of requests per row.
        #[arg(long, default_value_t = GrowthOptions::default().requests, value_name = "N")]
        requests: usize,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Simulate a load that no single machine can make: syncs per second, and the backlog of an
    /// outage.
    ///
    /// Uses the constants of the functions and AWS's published limits and prices. Calls nothing.
    Scale {
        /// Syncs per second, of different keys of one instance.
        #[arg(long, default_value_t = ScaleOptions::default().syncs_per_second, value_name = "N")]
        syncs: u64,
        /// Keys that miss a notification while their service is down.
        #[arg(long, default_value_t = ScaleOptions::default().keys, value_name = "N")]
        keys: usize,
        /// Hours for which the service is down.
        #[arg(long, default_value_t = ScaleOptions::default().outage.as_secs() / 3600, value_name = "N")]
        hours: u64,
        /// Seed of the random numbers.
        #[arg(long, default_value_t = ScaleOptions::default().seed, value_name = "N")]
        seed: u64,
        /// Print JSON instead of a table.
        #[arg(long, global = true)]
        json: bool,
    },
    /// Check deterministic metrics against limits: calls, bytes, instructions, size of the binary.
    ///
    /// Needs valgrind, which counts instructions, system calls and allocations. Exits 1 if a limit
    /// is exceeded.
    Check {
        /// File with the limits, in JSON.
        #[arg(long, value_name = "FILE")]
        limits: PathBuf,
        /// Print JSON instead of a table.
        #[arg(long, global = true)]
        json: bool,
    },
}

#[derive(Args)]
struct OutputArgs {
    /// Print JSON instead of a table.
    #[arg(long, global = true)]
    json: bool,
    /// Write an SVG chart to this file.
    #[arg(long, value_name = "FILE")]
    chart: Option<PathBuf>,
}

/// Runs the measurement that `args` select and prints the result.
pub(super) async fn run(args: BenchArgs) -> Result<(), Box<dyn Error>> {
    let BenchArgs { command, requests, at_once, starts, peers, output } = args;
    match command {
        None => {
            let report =
                Box::pin(keysync_bench::requests(&Options { requests, at_once, starts, peers })).await?;
            output.show(&report, || Chart::of_requests(&report))
        }
        Some(BenchCommand::Growth { keys, registrations, requests, output }) => {
            let options = GrowthOptions { keys, registrations, requests };
            let growth = Box::pin(keysync_bench::growth(&options)).await?;
            output.show(&growth, || Chart::of_growth(&growth))
        }
        Some(BenchCommand::Scale { syncs, keys, hours, seed, json }) => {
            let outage = Duration::from_hours(hours);
            let options =
                ScaleOptions { syncs_per_second: syncs, keys, outage, seed, ..ScaleOptions::default() };
            show(&keysync_bench::scale(&options), json)
        }
        Some(BenchCommand::Check { limits, json }) => {
            let checked = Box::pin(keysync_bench::check(&limits)).await?;
            show(&checked, json)?;
            let error = format!("a limit in {} is exceeded; see the table above", limits.display());
            if checked.is_within_limits() { Ok(()) } else { Err(error.into()) }
        }
    }
}

impl OutputArgs {
    fn show(
        &self,
        result: &(impl Serialize + fmt::Display),
        chart: impl Fn() -> Result<Chart, keysync_bench::BenchError>,
    ) -> Result<(), Box<dyn Error>> {
        if let Some(path) = &self.chart {
            let written = fs::write(path, chart()?.svg());
            written.map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        }
        show(result, self.json)
    }
}

fn show(result: &(impl Serialize + fmt::Display), json: bool) -> Result<(), Box<dyn Error>> {
    if json {
        output::line(serde_json::to_string_pretty(result)?)?;
    } else {
        output::write(result.to_string())?;
    }
    Ok(())
}
