//! The report, as printed with `--json`. Times are in microseconds unless a name says otherwise.

use std::time::Duration;

use hdrhistogram::Histogram;
use keysync::Clock;
use serde::Serialize;

use super::{load::Load, mix::Mix, peers::Peer};

/// Result of `harness bench`.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The run.
    pub run: Run,
    /// Latency by request kind and concurrency.
    pub latency: Vec<Latency>,
    /// The wire floor and a 204, one at a time, with an engine that responds at once.
    pub immediate: Vec<Latency>,
    /// Cost by request kind.
    pub costs: Vec<Cost>,
    /// Duration of cold starts.
    pub starts: Starts,
    /// Size and memory of a process.
    pub process: Process,
    /// Rates of conditional writes.
    pub writes: Writes,
    /// Functions that a user would write instead, if they were measured.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub peers: Vec<Peer>,
    /// Performance targets and results.
    pub goals: Vec<Goal>,
}

/// Environment of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Run {
    /// Time, in UTC.
    pub at: String,
    /// Number of processors.
    pub processors: usize,
    /// Processor architecture and operating system.
    pub machine: String,
    /// Whether the harness was built without optimization, which makes the times meaningless.
    pub debug_build: bool,
}

/// Latency of a kind of requests.
#[derive(Clone, Debug, Serialize)]
pub struct Latency {
    /// The kind of request, `wire floor`, or `hello`.
    pub what: String,
    /// Number of concurrent requests.
    pub at_once: usize,
    /// Number of requests.
    pub requests: u64,
    /// Median.
    pub p50: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 99th percentile.
    pub p99: f64,
    /// Maximum.
    pub max: f64,
    /// Requests per second.
    pub per_second: f64,
    /// CPU time of the function per request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<f64>,
}

/// Cost of a kind of requests, per request.
#[derive(Clone, Debug, Serialize)]
pub struct Cost {
    /// The kind of request.
    pub what: String,
    /// Calls to `DynamoDB`.
    pub dynamodb_calls: f64,
    /// Bytes of their request and response bodies.
    pub dynamodb_bytes: f64,
    /// Requests to IAM's decision endpoint.
    pub iam_decisions: f64,
    /// Callbacks.
    pub callbacks: f64,
}

/// Duration from the start of a process to its first poll, in milliseconds.
#[derive(Clone, Debug, Serialize)]
pub struct Starts {
    /// Number of starts of each function.
    pub count: usize,
    /// Median of `sync`.
    pub sync_ms: f64,
    /// Maximum of `sync`.
    pub sync_max_ms: f64,
    /// Median of a function that does nothing.
    pub hello_ms: f64,
    /// Maximum of a function that does nothing.
    pub hello_max_ms: f64,
}

/// Size and memory of a process.
#[derive(Clone, Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "the unit belongs to the name")]
pub struct Process {
    /// Size of the binary, in bytes.
    pub binary_bytes: u64,
    /// Size of the binary of a function that does nothing, in bytes.
    pub hello_binary_bytes: u64,
    /// Peak resident memory with sequential requests, in bytes.
    pub peak_rss_bytes: Option<u64>,
    /// Peak resident memory with the most concurrent requests, in bytes.
    pub busy_peak_rss_bytes: Option<u64>,
}

/// Conditional writes per second; a 204 makes two.
#[derive(Clone, Debug, Serialize)]
pub struct Writes {
    /// Rate of the engine with a loop that only writes.
    pub engine_per_second: f64,
    /// Rate of `sync`.
    pub sync_per_second: f64,
}

/// A performance target and its result.
#[derive(Clone, Debug, Serialize)]
pub struct Goal {
    /// The metric.
    pub what: &'static str,
    /// Target.
    pub target: String,
    /// Measured value.
    pub measured: String,
    /// Whether the target was reached.
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
    /// The latency of a kind of requests at a concurrency.
    pub(super) fn latency(&self, what: &str, at_once: usize) -> Option<&Latency> {
        self.latency.iter().find(|latency| latency.what == what && latency.at_once == at_once)
    }

    /// The cost of a kind of requests.
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

#[expect(clippy::cast_precision_loss, reason = "less than 2^52 ns")]
fn micros(each: &Histogram<u64>, quantile: f64) -> f64 {
    each.value_at_quantile(quantile) as f64 / 1e3
}

/// A count as a divisor: at least 1.
#[expect(clippy::cast_precision_loss, reason = "fewer than 2^52 requests")]
pub(super) fn each(count: u64) -> f64 {
    count.max(1) as f64
}
