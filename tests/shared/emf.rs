//! Parser of metrics in CloudWatch's embedded metric format.

use std::collections::BTreeMap;

use serde_json::Value;

/// A metric in one line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Metric {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) unit: String,
    pub(crate) dimensions: BTreeMap<String, String>,
    pub(crate) values: Vec<Value>,
}

/// The metrics of a line in CloudWatch's embedded metric format, validated against its
/// specification.
pub(crate) fn metrics(line: &Value) -> Vec<Metric> {
    assert!(
        line["_aws"]["Timestamp"].as_u64().is_some_and(|at| at > 1_700_000_000_000),
        "milliseconds: {line}"
    );
    let directives = line["_aws"]["CloudWatchMetrics"].as_array().unwrap();
    let mut found = Vec::new();
    for directive in directives {
        let namespace = directive["Namespace"].as_str().unwrap();
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
            let (namespace, dimensions) = (namespace.to_owned(), dimensions.clone());
            found.push(Metric { namespace, name, unit, dimensions, values });
        }
    }
    found
}
