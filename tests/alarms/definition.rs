//! The alarms of `infra/template.yaml`.

use std::{collections::BTreeMap, sync::LazyLock};

use serde_json::Value;

use crate::metrics::{MetricId, Metrics, Statistic};

/// The name of the simulated stack.
const STACK: &str = "keysync-prod";

/// The template. YAML tags are dropped: `!GetAtt Queue.QueueName` is the string `Queue.QueueName`.
pub(crate) static TEMPLATE: LazyLock<Value> =
    LazyLock::new(|| serde_saphyr::from_str(include_str!("../../infra/template.yaml")).unwrap());

/// An alarm. Its periods are minutes.
#[derive(Clone, Debug)]
pub(crate) struct Alarm {
    /// The logical id, without `Alarm`.
    pub(crate) name: String,
    /// The anchor of its paragraph in the runbook.
    pub(crate) runbook: String,
    pub(crate) expression: Expression,
    /// The number of minutes that are evaluated.
    pub(crate) minutes: usize,
    /// The number of breaching minutes that suffice.
    pub(crate) breaching: usize,
    pub(crate) comparison: Comparison,
    pub(crate) threshold: f64,
    pub(crate) missing: Missing,
    /// The time after its creation in which it does not ring, in minutes.
    pub(crate) warm_up: i64,
    /// Whether it sends a message when it ends.
    pub(crate) reports_end: bool,
}

/// What an alarm evaluates.
#[derive(Clone, Debug)]
pub(crate) enum Expression {
    Metric(MetricId, Statistic),
    /// `SUM(METRICS())`, with `FILL(…, 0)` if `is_filled`.
    Sum {
        of: Vec<(MetricId, Statistic)>,
        is_filled: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    GreaterThanThreshold,
    LessThanThreshold,
}

/// The treatment of missing data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    Breaching,
    NotBreaching,
    Ignore,
}

/// All alarms, by name.
pub(crate) fn alarms() -> Vec<Alarm> {
    let resources = TEMPLATE["Resources"].as_object().unwrap();
    let alarms = resources.iter().filter(|(_, resource)| resource["Type"] == "AWS::CloudWatch::Alarm");
    alarms.map(|(name, resource)| alarm(name, &resource["Properties"])).collect()
}

/// The namespace of the functions' metrics, as the template sets it.
pub(crate) fn namespace() -> String {
    resolved(&TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]["KEYSYNC_METRICS_NAMESPACE"])
}

/// A setting in the template's mapping `section`.
pub(crate) fn mapping(function: &str, section: &str, name: &str) -> i64 {
    TEMPLATE["Mappings"][function][section][name].as_i64().unwrap()
}

fn resolved(value: &Value) -> String {
    // The branch of an `!If` for a stack that has every resource.
    let value = value.as_array().map_or(value, |condition| &condition[1]);
    value.as_str().unwrap().replace("${AWS::StackName}", STACK)
}

fn alarm(name: &str, properties: &Value) -> Alarm {
    let number = |name: &str| properties[name].as_u64().and_then(|number| usize::try_from(number).ok());
    let expression = expression(properties);
    let missing = match properties["TreatMissingData"].as_str().unwrap() {
        // "Alarms that evaluate metrics in the AWS/DynamoDB namespace always ignore missing data"
        // (CloudWatch API reference, PutMetricAlarm).
        _ if expression.metrics().iter().any(|(id, _)| id.namespace == "AWS/DynamoDB") => Missing::Ignore,
        "breaching" => Missing::Breaching,
        "notBreaching" => Missing::NotBreaching,
        "ignore" => Missing::Ignore,
        other => panic!("{name}: TreatMissingData {other} is not simulated"),
    };
    let comparison = match properties["ComparisonOperator"].as_str().unwrap() {
        "GreaterThanThreshold" => Comparison::GreaterThanThreshold,
        "LessThanThreshold" => Comparison::LessThanThreshold,
        other => panic!("{name}: ComparisonOperator {other} is not simulated"),
    };
    let minutes = number("EvaluationPeriods").unwrap();
    Alarm {
        name: name.trim_end_matches("Alarm").to_owned(),
        runbook: properties["AlarmDescription"].as_str().unwrap().split_once('#').unwrap().1.to_owned(),
        expression,
        minutes,
        breaching: number("DatapointsToAlarm").unwrap_or(minutes),
        comparison,
        threshold: properties["Threshold"].as_f64().unwrap(),
        missing,
        warm_up: properties["WarmUpConfiguration"]["WarmUpPeriodDurationInMinutes"].as_i64().unwrap_or(0),
        reports_end: properties.get("OKActions").is_some(),
    }
}

fn expression(properties: &Value) -> Expression {
    let Some(queries) = properties["Metrics"].as_array() else {
        let (id, statistic) = metric(properties, &properties["Statistic"], &properties["Period"]);
        return Expression::Metric(id, statistic);
    };
    let (mut of, mut is_filled) = (Vec::new(), None);
    for query in queries {
        match query["Expression"].as_str() {
            Some("SUM(METRICS())") => is_filled = Some(false),
            Some("SUM(FILL(METRICS(), 0))") => is_filled = Some(true),
            Some(other) => panic!("the expression {other} is not simulated"),
            None => {
                assert_eq!(query["ReturnData"], false, "an alarm has one result");
                let stat = &query["MetricStat"];
                of.push(metric(&stat["Metric"], &stat["Stat"], &stat["Period"]));
            }
        }
    }
    Expression::Sum { of, is_filled: is_filled.unwrap() }
}

fn metric(metric: &Value, statistic: &Value, period: &Value) -> (MetricId, Statistic) {
    assert_eq!(period, 60, "other periods are not simulated");
    let none = Vec::new();
    let dimensions = metric["Dimensions"].as_array().unwrap_or(&none).iter();
    let dimensions: BTreeMap<_, _> =
        dimensions.map(|dimension| (resolved(&dimension["Name"]), resolved(&dimension["Value"]))).collect();
    let statistic = match statistic.as_str().unwrap() {
        "Sum" => Statistic::Sum,
        "Maximum" => Statistic::Maximum,
        other => panic!("the statistic {other} is not simulated"),
    };
    let (namespace, name) = (resolved(&metric["Namespace"]), resolved(&metric["MetricName"]));
    (MetricId { namespace, name, dimensions }, statistic)
}

impl Expression {
    pub(crate) fn metrics(&self) -> Vec<(MetricId, Statistic)> {
        match self {
            Self::Metric(id, statistic) => vec![(id.clone(), *statistic)],
            Self::Sum { of, .. } => of.clone(),
        }
    }

    /// The value of a minute; `None` if it is missing. In a sum, "missing values are treated as 0"
    /// (CloudWatch user guide, metric math).
    fn value(&self, metrics: &Metrics, minute: i64) -> Option<f64> {
        match self {
            Self::Metric(id, statistic) => metrics.statistic(id, *statistic, minute),
            Self::Sum { of, is_filled } => {
                let values =
                    of.iter().filter_map(|(id, statistic)| metrics.statistic(id, *statistic, minute));
                values.reduce(|sum, value| sum + value).or(is_filled.then_some(0.0))
            }
        }
    }
}

impl Alarm {
    /// Whether a minute breaches the threshold; `None` if its data is missing.
    pub(crate) fn breaches(&self, metrics: &Metrics, minute: i64) -> Option<bool> {
        let value = self.expression.value(metrics, minute)?;
        Some(match self.comparison {
            Comparison::GreaterThanThreshold => value > self.threshold,
            Comparison::LessThanThreshold => value < self.threshold,
        })
    }

    /// The condition under which it rings.
    pub(crate) fn condition(&self) -> String {
        let metrics = self.expression.metrics();
        let name = |id: &MetricId| {
            let dimensions = id.dimensions.iter();
            let hidden = ["FunctionName", "QueueName", "TableName"];
            let shown = dimensions.filter(|(name, _)| !hidden.contains(&name.as_str()));
            let shown: Vec<_> = shown.map(|(_, value)| value.as_str()).collect();
            if shown.is_empty() { id.name.clone() } else { format!("{} ({})", id.name, shown.join(", ")) }
        };
        let names: Vec<_> = metrics.iter().map(|(id, _)| name(id)).collect();
        let sign = match self.comparison {
            Comparison::GreaterThanThreshold => '>',
            Comparison::LessThanThreshold => '<',
        };
        let (names, Self { threshold, breaching, minutes, .. }) = (names.join(" + "), self);
        format!("{names} {sign} {threshold} in {breaching} of {minutes} min")
    }
}
