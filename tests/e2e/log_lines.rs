//! Parser of what the functions' processes print: log lines, metrics and audit events.

use std::collections::BTreeMap;

use keysync_testkit::lambda::ProcessFunction;
use serde_json::Value;

/// The lines that a function has printed so far, each of them JSON.
pub(crate) struct Lines(Vec<Value>);

/// A metric in one line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Metric {
    pub(crate) name: String,
    pub(crate) unit: String,
    pub(crate) dimensions: BTreeMap<String, String>,
    pub(crate) values: Vec<Value>,
}

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
        self.0.iter().filter(|line| line.get("_aws").is_some()).flat_map(metrics).collect()
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

/// The metrics of a line in CloudWatch's embedded metric format, validated against its
/// specification.
fn metrics(line: &Value) -> Vec<Metric> {
    assert!(
        line["_aws"]["Timestamp"].as_u64().is_some_and(|at| at > 1_700_000_000_000),
        "milliseconds: {line}"
    );
    let directives = line["_aws"]["CloudWatchMetrics"].as_array().unwrap();
    let mut found = Vec::new();
    for directive in directives {
        assert_eq!(directive["Namespace"], "keysync");
        let [dimensions] = &directive["Dimensions"].as_array().unwrap()[..] else {
            panic!("expected one dimension set: {line}")
        };
        let named = dimensions.as_array().unwrap().iter().map(|name| name.as_str().unwrap());
        let value = |name: &str| line[name].as_str().unwrap().to_owned();
        let dimensions: BTreeMap<String, String> = named.map(|name| (name.to_owned(), value(name))).collect();
        for metric in directive["Metrics"].as_array().unwrap() {
            let name = metric["Name"].as_str().unwrap().to_owned();
            let values = match &line[&name] {
                Value::Array(values) => values.clone(),
                value => vec![value.clone()],
            };
            assert!(values.iter().all(Value::is_number), "{line}");
            assert!((1..=100).contains(&values.len()), "{} values of {name} in a line", values.len());
            let unit = metric["Unit"].as_str().unwrap_or_default().to_owned();
            found.push(Metric { name, unit, dimensions: dimensions.clone(), values });
        }
    }
    found
}
