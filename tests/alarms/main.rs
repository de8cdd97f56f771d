//! A day of each failure, and the alarms of `infra/template.yaml` that ring.
//!
//! The functions' own metrics are those that their handlers write in the harness, minute by minute.
//! Metrics of Lambda, SQS and DynamoDB, and CloudWatch's evaluation of alarms, are modelled after
//! AWS's documentation. `cargo task alarms` runs all failures and writes the tables of
//! `docs/reference/alarms.md`.
#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

mod definition;
#[path = "../shared/emf.rs"]
mod emf;
mod evaluation;
mod failure;
mod metrics;
mod queue;
mod report;
mod stack;

use std::{collections::BTreeSet, time::Instant};

use definition::alarms;
use evaluation::Evaluation;
use failure::{Failure, Fault, failures};
use report::Ring;
use stack::Stack;

/// The minutes before a failure, with the usual traffic and its disturbances.
const BEFORE: i64 = 90;
/// The minutes after a failure, in which alarms end.
const AFTER: i64 = 120;

/// Simulates a failure, from the creation of the stack on, and returns what rang. Nothing may ring
/// before the failure.
async fn simulate(failure: &Failure) -> Vec<Ring> {
    let keys = if let Fault::ServiceDown { keys } = failure.fault { keys } else { 1 };
    let (mut stack, keys) = Stack::create(keys).await;
    let mut evaluations: Vec<_> = alarms().into_iter().map(Evaluation::new).collect();
    let pending = if let Fault::ServiceDown { .. } = failure.fault { &keys[..] } else { &[] };
    for minute in 0..BEFORE + failure.minutes + AFTER {
        if minute < BEFORE {
            stack.usual_disturbance(&keys);
        } else if minute == BEFORE {
            stack.begin(failure.fault, pending);
        } else if minute == BEFORE + failure.minutes {
            stack.end();
        }
        stack.pass_minute().await;
        for evaluation in &mut evaluations {
            evaluation.evaluate(&stack.metrics, minute);
            assert!(
                minute >= BEFORE || evaluation.rang.is_empty(),
                "{} rang {minute} min after the creation of the stack, before any failure",
                evaluation.alarm.name
            );
        }
    }
    evaluations.into_iter().filter_map(|evaluation| Ring::of(evaluation, BEFORE)).collect()
}

#[tokio::test]
async fn new_stack_without_failure_raises_no_alarm() {
    let nothing = Failure { title: "nothing", fault: Fault::Nothing, minutes: 1 };
    assert_eq!(simulate(&nothing).await, []);
}

#[tokio::test]
#[ignore = "simulates nineteen days, in minutes: run by `cargo task alarms`"]
async fn documented_alarms_ring_in_each_failure() {
    let mut results = Vec::new();
    for failure in failures() {
        let started = Instant::now();
        let rings = simulate(&failure).await;
        println!("{} ({} s): {rings:?}", failure.title, started.elapsed().as_secs());
        results.push((failure, rings));
    }
    for (failure, rings) in &results {
        let is_silent = failure.fault == Fault::Nothing || failure.minutes == 1;
        assert_eq!(rings.is_empty(), is_silent, "{}: {rings:?}", failure.title);
    }
    let rang: BTreeSet<_> = results.iter().flat_map(|(_, rings)| rings).map(|ring| &ring.alarm).collect();
    let silent: Vec<_> = alarms().into_iter().filter(|alarm| !rang.contains(&alarm.name)).collect();
    assert!(silent.is_empty(), "these alarms ring in no failure: {silent:#?}");
    report::compare_or_write("What rings", &report::rings(&results));
}

#[test]
fn documented_conditions_are_those_of_the_template() {
    report::compare_or_write("Conditions", &report::conditions(&alarms()));
}

/// An alarm on a metric that no function writes never rings.
#[test]
fn alarms_and_dashboard_read_the_stacks_namespace() {
    let alarms = alarms();
    let metrics = alarms.iter().flat_map(|alarm| alarm.expression.metrics());
    let (of_aws, own): (Vec<_>, Vec<_>) = metrics.partition(|(id, _)| id.namespace.starts_with("AWS/"));
    assert!(!of_aws.is_empty() && !own.is_empty());
    let reference = include_str!("../../docs/reference/logs-metrics-audit.md");
    for (id, _) in own {
        assert_eq!(id.namespace, definition::namespace(), "{id:?}");
        assert!(reference.contains(&format!("</a>`{}` |", id.name)), "{} is not documented", id.name);
    }
    let dashboard = &definition::TEMPLATE["Resources"]["Dashboard"]["Properties"]["DashboardBody"];
    let dashboard = dashboard.as_str().unwrap();
    let namespace = r#""keysync/${AWS::StackName}""#;
    let escaped = namespace.replace('"', r#"\""#);
    let found = dashboard.matches(namespace).count() + dashboard.matches(&escaped).count();
    assert_eq!(found, dashboard.matches("keysync").count(), "another namespace in the dashboard");
    assert!(found > 5);
}
