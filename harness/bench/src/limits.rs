//! `harness bench check`: compares deterministic metrics with limits.

use std::{collections::BTreeMap, fmt, fs, path::Path};

use serde::{Deserialize, Serialize};

use super::{
    BenchError, costs,
    counts::{self, Counted},
    keys::BenchKey,
    progress,
    stage::{SERVICES, Stage, services},
};

/// The file of limits.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Limits {
    /// Maximum size of the binary.
    bytes: u64,
    /// Limits by request kind.
    requests: BTreeMap<String, RequestLimits>,
    /// Limits of an init, an event and a redelivery.
    others: BTreeMap<String, CountLimits>,
}

#[derive(Deserialize)]
struct RequestLimits {
    dynamodb_calls: f64,
    dynamodb_bytes: f64,
    #[serde(flatten)]
    counts: CountLimits,
}

#[derive(Clone, Copy, Deserialize)]
struct CountLimits {
    instructions: f64,
    system_calls: f64,
    allocations: f64,
}

/// Result of `harness bench check`.
#[derive(Clone, Debug, Serialize)]
pub struct Checked {
    /// The metrics.
    pub metrics: Vec<Metric>,
}

/// A metric with its limit.
#[derive(Clone, Debug, Serialize)]
pub struct Metric {
    /// Request kind and metric, such as `204: DynamoDB calls`.
    pub what: String,
    /// Measured value.
    pub measured: f64,
    /// Limit.
    pub limit: f64,
}

impl Metric {
    /// Whether the value is at most the limit.
    #[must_use]
    pub fn is_within_limits(&self) -> bool {
        self.measured <= self.limit
    }
}

impl Checked {
    /// Whether every metric is within its limit.
    #[must_use]
    pub fn is_within_limits(&self) -> bool {
        self.metrics.iter().all(Metric::is_within_limits)
    }
}

/// Measures deterministic metrics and compares them with the limits in `path`. Needs valgrind.
///
/// # Errors
///
/// If the limits cannot be read, or a measurement fails.
pub async fn check(path: &Path) -> Result<Checked, BenchError> {
    let limits = Limits::read(path)?;
    let stage = Stage::start(SERVICES).await?;
    let progress = progress::bar(2, "counting calls");
    let keys: Vec<_> = (0..100).map(|_| BenchKey::new(&services()[..1])).collect();
    stage.table().put_keys(&keys, |_| {}).await?;
    let (costs, _) = costs::measure(&stage, &keys, &stage.token().await?).await?;
    progress.finish_and_clear();
    let counted = counts::measure(&stage).await?;

    let binary = stage.binaries.sync.metadata().map_err(BenchError::Build)?.len();
    let mut metrics =
        vec![metric("binary", "bytes", super::report::each(binary), super::report::each(limits.bytes))];
    let missing =
        |what: &str| BenchError::Limits { path: path.to_owned(), reason: format!("no limits for `{what}`") };
    for cost in &costs {
        let limit = limits.requests.get(&cost.what).ok_or_else(|| missing(&cost.what))?;
        metrics.push(metric(&cost.what, "DynamoDB calls", cost.dynamodb_calls, limit.dynamodb_calls));
        metrics.push(metric(&cost.what, "DynamoDB bytes", cost.dynamodb_bytes, limit.dynamodb_bytes));
    }
    for Counted { what, counts } in counted {
        let of_request = limits.requests.get(&what).map(|limit| limit.counts);
        let limit = of_request.or_else(|| limits.others.get(&what).copied()).ok_or_else(|| missing(&what))?;
        for (name, count, limit) in [
            ("instructions", counts.instructions, limit.instructions),
            ("system calls", counts.system_calls, limit.system_calls),
            ("allocations", counts.allocations, limit.allocations),
        ] {
            metrics.push(metric(&what, name, super::report::each(count), limit));
        }
    }
    Ok(Checked { metrics })
}

fn metric(kind: &str, what: &str, measured: f64, limit: f64) -> Metric {
    Metric { what: format!("{kind}: {what}"), measured, limit }
}

impl Limits {
    fn read(path: &Path) -> Result<Self, BenchError> {
        let failed = |reason: String| BenchError::Limits { path: path.to_owned(), reason };
        let text = fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        serde_json::from_str(&text).map_err(|error| failed(error.to_string()))
    }
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        super::table::checked(f, &self.metrics)
    }
}
