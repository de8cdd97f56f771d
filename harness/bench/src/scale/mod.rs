//! `harness bench scale`: a simulation of a load that no machine of a developer can make, from the
//! constants of the functions and the published limits of AWS.
//!
//! Nothing is called: latencies of DynamoDB and services are assumptions, and options.

mod outage;
mod steady;

use std::{fmt, time::Duration};

use serde::Serialize;

use self::outage::Outage;
use super::report::each;

/// Prices in US dollars (us-east-1, on demand, Arm), of November 2026, per million and per
/// GB-second (<https://aws.amazon.com/dynamodb/pricing/on-demand/>,
/// <https://aws.amazon.com/lambda/pricing/>).
const WRITE_UNITS: f64 = 0.625;
const READ_UNITS: f64 = 0.125;
const INVOCATIONS: f64 = 0.20;
const GB_SECOND: f64 = 0.000_013_333_4;
/// Memory of a function, in GB (`infra/template.yaml`).
const MEMORY: f64 = 0.5;

/// The simulated load.
#[derive(Clone, Debug, Serialize)]
pub struct Options {
    /// Syncs per second, of different keys of one instance.
    pub syncs_per_second: u64,
    /// Keys that miss a notification while their service is down.
    pub keys: usize,
    /// Duration of the outage.
    pub outage: Duration,
    /// Latency of a callback.
    pub callback: Duration,
    /// Latency of a write to DynamoDB.
    pub write: Duration,
    /// Seed of the random numbers.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            syncs_per_second: 1000,
            keys: 1_000_000,
            outage: Duration::from_hours(24),
            callback: Duration::from_millis(100),
            write: Duration::from_millis(5),
            seed: 1,
        }
    }
}

/// Result of `harness bench scale`.
#[derive(Clone, Debug, Serialize)]
pub struct Scale {
    /// The simulated load.
    pub options: Options,
    /// A row per quantity.
    pub rows: Vec<Row>,
}

/// A quantity.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The part of the simulation.
    pub part: &'static str,
    /// The quantity.
    pub what: String,
    /// Its value.
    pub value: f64,
    /// Its limit, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<f64>,
}

impl Row {
    fn new(part: &'static str, what: impl Into<String>, value: f64, limit: Option<f64>) -> Self {
        Self { part, what: what.into(), value, limit }
    }
}

/// Simulates the load.
#[must_use]
pub fn scale(options: &Options) -> Scale {
    let mut random = fastrand::Rng::with_seed(options.seed);
    let mut rows = steady::rows(options, &mut random);
    rows.extend(of_outage(options, &outage::simulate(options, &mut random)));
    Scale { options: options.clone(), rows }
}

fn of_outage(options: &Options, outage: &Outage) -> Vec<Row> {
    let row = |what: &str, value: f64| Row::new("outage", what, value, None);
    let cost = dollars(outage.write_units, outage.read_units, outage.runs, outage.busy);
    vec![
        row("notifications delivered after it", each(outage.delivered)),
        row("notifications with exhausted retries", count(outage.exhausted)),
        row("failed attempts during it", count(outage.failed_attempts)),
        row("hours until nothing is pending", outage.drained_after.as_secs_f64() / 3600.0),
        row("callbacks in the busiest second", count(outage.peak_per_second)),
        row("million write units", count(outage.write_units) / 1e6),
        row("million read units", count(outage.read_units) / 1e6),
        row("cost, US dollars per million notifications", cost * 1e6 / each(outage::wide(options.keys))),
    ]
}

/// The cost of calls and invocations.
fn dollars(write_units: u64, read_units: u64, invocations: u64, busy: Duration) -> f64 {
    let units = count(write_units) * WRITE_UNITS + count(read_units) * READ_UNITS;
    (units + count(invocations) * INVOCATIONS) / 1e6 + busy.as_secs_f64() * MEMORY * GB_SECOND
}

#[expect(clippy::cast_precision_loss, reason = "fewer than 2^52")]
fn count(count: u64) -> f64 {
    count as f64
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        super::table::scale(f, &self.rows)
    }
}
