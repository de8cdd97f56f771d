//! Metrics per minute, as CloudWatch stores them.

use std::collections::BTreeMap;

/// A metric with the values of its dimensions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct MetricId {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) dimensions: BTreeMap<String, String>,
}

impl MetricId {
    pub(crate) fn new(namespace: &str, name: &str, dimensions: &[(&str, &str)]) -> Self {
        let dimensions = dimensions.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self { namespace: namespace.to_owned(), name: name.to_owned(), dimensions: dimensions.collect() }
    }
}

/// A statistic of the values of a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Statistic {
    Sum,
    Maximum,
}

/// The values of each metric in each minute. Minute 0 is that in which the alarms were created.
#[derive(Debug, Default)]
pub(crate) struct Metrics(BTreeMap<MetricId, BTreeMap<i64, Vec<f64>>>);

impl Metrics {
    pub(crate) fn record(&mut self, id: MetricId, minute: i64, value: f64) {
        self.0.entry(id).or_default().entry(minute).or_default().push(value);
    }

    /// The statistic of a minute; `None` if the metric has no value then.
    pub(crate) fn statistic(&self, id: &MetricId, statistic: Statistic, minute: i64) -> Option<f64> {
        let values = self.0.get(id)?.get(&minute)?.iter();
        match statistic {
            Statistic::Sum => Some(values.sum()),
            Statistic::Maximum => values.copied().reduce(f64::max),
        }
    }
}
