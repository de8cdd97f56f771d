//! What was measured, as it is printed with `--json`. Times are in microseconds unless a name says otherwise.

use std::time::Duration;

use hdrhistogram::Histogram;
use keysync::Clock;
use serde::Serialize;

use super::{load::Load, mix::Mix};

/// What a run found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Where and when.
    pub run: Run,
    /// How long requests took.
    pub latency: Vec<Latency>,
    /// What a request cost, by its kind.
    pub costs: Vec<Cost>,
    /// How long a start takes.
    pub starts: Starts,
    /// What a process holds.
    pub process: Process,
    /// Conditional writes.
    pub writes: Writes,
    /// What was to be reached, and was.
    pub goals: Vec<Goal>,
}

/// Where and when a run was made.
#[derive(Clone, Debug, Serialize)]
pub struct Run {
    /// When, in UTC.
    pub at: String,
    /// Processors.
    pub processors: usize,
    /// Processor architecture and operating system.
    pub machine: String,
    /// Whether the harness was built without optimisation, so that the times mean nothing.
    pub debug_build: bool,
}

/// How long requests of a kind took.
#[derive(Clone, Debug, Serialize)]
pub struct Latency {
    /// The kind of request, `wire floor`, or `hello`.
    pub what: String,
    /// How many there were at any time.
    pub at_once: usize,
    /// How many there were.
    pub requests: u64,
    /// Half of them took no longer.
    pub p50: f64,
    /// Nine of ten took no longer.
    pub p90: f64,
    /// 99 of 100 took no longer.
    pub p99: f64,
    /// The longest.
    pub max: f64,
    /// Requests in a second.
    pub per_second: f64,
    /// Processor time of the function for a request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<f64>,
}

/// What a request of a kind cost.
#[derive(Clone, Debug, Serialize)]
pub struct Cost {
    /// The kind of request.
    pub what: String,
    /// Calls to `DynamoDB`.
    pub dynamodb_calls: f64,
    /// Bytes of their bodies, requests and answers.
    pub dynamodb_bytes: f64,
    /// Questions to IAM's decision point.
    pub iam_decisions: f64,
    /// Callbacks.
    pub callbacks: f64,
}

/// How long a process takes from its start to its first poll, in milliseconds.
#[derive(Clone, Debug, Serialize)]
pub struct Starts {
    /// How many there were of each.
    pub count: usize,
    /// The median of `sync`.
    pub sync_ms: f64,
    /// The longest of `sync`.
    pub sync_max_ms: f64,
    /// The median of a function that does nothing.
    pub hello_ms: f64,
    /// The longest of that.
    pub hello_max_ms: f64,
}

/// What a process holds.
#[derive(Clone, Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "the unit belongs to the name")]
pub struct Process {
    /// The binary, in bytes.
    pub binary_bytes: u64,
    /// The binary of a function that does nothing, in bytes.
    pub hello_binary_bytes: u64,
    /// The most memory that was resident, in bytes, with one request at a time.
    pub peak_rss_bytes: Option<u64>,
    /// The same with the most requests at a time.
    pub busy_peak_rss_bytes: Option<u64>,
}

/// Conditional writes in a second: two for a 204.
#[derive(Clone, Debug, Serialize)]
pub struct Writes {
    /// What the engine takes from a bare loop.
    pub engine_per_second: f64,
    /// What it took from `sync`.
    pub sync_per_second: f64,
}

/// Something to be reached.
#[derive(Clone, Debug, Serialize)]
pub struct Goal {
    /// What.
    pub what: &'static str,
    /// What it should be.
    pub target: String,
    /// What it is.
    pub measured: String,
    /// Whether it was reached.
    pub reached: bool,
}

impl Latency {
    pub(super) fn new(what: &str, at_once: usize, load: &Load, cpu: Option<Duration>) -> Self {
        let at = |quantile| micros(&load.each, quantile);
        Self {
            what: what.to_owned(),
            at_once,
            requests: load.each.len(),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            max: at(1.0),
            per_second: load.per_second(),
            cpu: cpu.map(|cpu| cpu.as_secs_f64() * 1e6 / each(load.each.len())),
        }
    }
}

impl Report {
    /// The requests of a kind, with so many at a time.
    pub(super) fn latency(&self, what: &str, at_once: usize) -> Option<&Latency> {
        self.latency.iter().find(|latency| latency.what == what && latency.at_once == at_once)
    }

    /// What a request of a kind cost.
    pub(super) fn cost(&self, mix: Mix) -> Option<&Cost> {
        let what = mix.to_string();
        self.costs.iter().find(|cost| cost.what == what)
    }
}

impl Run {
    pub(super) fn now() -> Self {
        Self {
            at: Clock::system().now().to_string(),
            processors: std::thread::available_parallelism().map_or(0, usize::from),
            machine: format!("{} {}", std::env::consts::ARCH, std::env::consts::OS),
            debug_build: cfg!(debug_assertions),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "nobody waits for 2^52 ns")]
fn micros(each: &Histogram<u64>, quantile: f64) -> f64 {
    each.value_at_quantile(quantile) as f64 / 1e3
}

/// A number of requests to divide by.
#[expect(clippy::cast_precision_loss, reason = "nobody makes 2^52 requests")]
pub(super) fn each(count: u64) -> f64 {
    count.max(1) as f64
}
