//! Parser of what the functions' processes print: log lines, metrics and audit events.

use std::collections::BTreeMap;

use keysync_testkit::lambda::ProcessFunction;
use serde_json::Value;

use crate::emf::{self, Metric};

/// The lines that a function has printed so far, each of them JSON.
pub(crate) struct Lines(Vec<Value>);

impl Lines {
    pub(crate) fn of(function: Option<&ProcessFunction>) -> Self {
        let parse = |line: String| serde_json::from_str(&line).unwrap_or_else(|_| panic!("not JSON: {line}"));
        Self(function.unwrap().log().into_iter().map(parse).collect())
    }

    /// The log lines, without metrics and audit events.
    pub(crate) fn log(&self) -> Vec<&Value> {
        self.0.iter().filter(|line| line.get("_aws").is_none() && line.get("audit").is_none()).collect()
    }

    /// The only log line with this message.
    pub(crate) fn only(&self, message: &str) -> &Value {
        let found: Vec<_> = self.log().into_iter().filter(|line| line["message"] == message).collect();
        assert_eq!(found.len(), 1, "`{message}` in {:#?}", self.0);
        found[0]
    }

    /// The audit events.
    pub(crate) fn audit(&self) -> Vec<&Value> {
        self.0.iter().filter(|line| line["audit"] == true).collect()
    }

    /// The metrics.
    pub(crate) fn metrics(&self) -> Vec<Metric> {
        self.0.iter().filter(|line| line.get("_aws").is_some()).flat_map(emf::metrics).collect()
    }

    /// All values of a metric, with or without a dimension.
    pub(crate) fn values(&self, name: &str, dimension: Option<(&str, &str)>) -> Vec<f64> {
        self.values_of(name, dimension).iter().map(|value| value.as_f64().unwrap()).collect()
    }

    /// The sum of a counter.
    pub(crate) fn count(&self, name: &str, dimension: Option<(&str, &str)>) -> u64 {
        self.values_of(name, dimension).iter().map(|value| value.as_u64().unwrap()).sum()
    }

    fn values_of(&self, name: &str, dimension: Option<(&str, &str)>) -> Vec<Value> {
        let dimensions: BTreeMap<String, String> =
            dimension.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let found = self.metrics().into_iter();
        let found = found.filter(|metric| metric.name == name && metric.dimensions == dimensions);
        found.flat_map(|metric| metric.values).collect()
    }
}
