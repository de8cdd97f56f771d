//! What an invocation did.

use std::sync::OnceLock;

use keysync_testkit::{dynamodb::Call, lambda::InvocationFailed};
use metrics_cloudwatch_embedded::{Builder, Collector};
use serde_json::{Value, json};

use crate::{definition::namespace, emf};

/// What an invocation did.
#[derive(Clone)]
pub(super) struct Observation {
    pub(super) emitted: Vec<emf::Metric>,
    /// The calls to DynamoDB that failed.
    pub(super) failed_calls: Vec<Call>,
    pub(super) result: Result<Value, InvocationFailed>,
}

impl Observation {
    /// The same a minute later: pending notifications are older.
    pub(super) fn pass_minute(&mut self) {
        let ages = self.emitted.iter_mut().filter(|metric| metric.name == "PendingAge");
        for age in ages.flat_map(|metric| &mut metric.values) {
            if let Some(seconds) = age.as_f64().filter(|seconds| *seconds > 0.0) {
                *age = json!(seconds + 60.0);
            }
        }
    }
}

/// The collector of the functions' metrics, which is one for the whole process.
pub(super) fn collector() -> &'static Collector {
    static COLLECTOR: OnceLock<&'static Collector> = OnceLock::new();
    COLLECTOR.get_or_init(|| Builder::new().cloudwatch_namespace(namespace()).init().unwrap())
}

/// The metrics since the last call.
pub(super) fn emitted() -> Vec<emf::Metric> {
    let mut lines = Vec::new();
    collector().flush(&mut lines).unwrap();
    let lines = String::from_utf8(lines).unwrap();
    lines.lines().flat_map(|line| emf::metrics(&line.parse().unwrap())).collect()
}

/// Whether calls failed, as the response of `redeliver`, `sync` or `lifecycle` shows.
pub(super) fn is_disturbed(result: &Result<Value, InvocationFailed>) -> bool {
    let Ok(response) = result else { return true };
    let is_disturbed_run = response["errors"] != 0 || response["unseen_shards"] != 0;
    match response.as_u64() {
        Some(status) => status >= 500,
        None if response.get("batchItemFailures").is_none() => is_disturbed_run,
        None => false,
    }
}
