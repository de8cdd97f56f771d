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

use std::{
    collections::BTreeSet,
    env, fs,
    num::NonZero,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

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
    let (mut stack, keys) = Stack::create(keys, failure.fault.is_of_acknowledgements()).await;
    let mut evaluations: Vec<_> = alarms().into_iter().map(Evaluation::new).collect();
    let notified = if failure.fault.is_of_service() { &keys[..] } else { &[] };
    for minute in 0..BEFORE + failure.minutes + AFTER {
        if minute < BEFORE {
            stack.usual_disturbance(&keys);
        } else if minute == BEFORE {
            stack.begin(failure.fault, notified);
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

/// The environment variable with the number of the failure that [`one_failure`] simulates.
const FAILURE: &str = "KEYSYNC_FAILURE";

/// The file with the alarms that rang in a failure.
fn result(number: usize) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("alarms-{number}.json"))
}

#[tokio::test]
#[ignore = "a process of the next test, because metrics are collected by process"]
async fn one_failure() {
    let Some(number) = env::var(FAILURE).ok() else { return };
    let number = number.parse().unwrap();
    let rings = simulate(&failures()[number]).await;
    fs::write(result(number), serde_json::to_string(&rings).unwrap()).unwrap();
}

/// Simulates a failure in another process.
fn simulate_in_process(number: usize) -> Vec<Ring> {
    let mut process = Command::new(env::current_exe().unwrap());
    process.args(["--ignored", "--exact", "one_failure"]).env(FAILURE, number.to_string());
    let output = process.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    serde_json::from_str(&fs::read_to_string(result(number)).unwrap()).unwrap()
}

#[test]
#[ignore = "simulates twenty-one days, in minutes: run by `cargo task alarms`"]
fn documented_alarms_ring_in_each_failure() {
    let failures = failures();
    let (next, rings) = (AtomicUsize::new(0), Mutex::new(vec![Vec::new(); failures.len()]));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
            scope.spawn(|| {
                // The last ones take longest, so they come first.
                while let Some(number) = failures.len().checked_sub(1 + next.fetch_add(1, Ordering::Relaxed))
                {
                    let found = simulate_in_process(number);
                    rings.lock().unwrap()[number] = found;
                }
            });
        }
    });
    let results: Vec<_> = failures.into_iter().zip(rings.into_inner().unwrap()).collect();
    for (failure, rings) in &results {
        let is_silent = failure.fault == Fault::Nothing || failure.minutes == 1;
        assert_eq!(rings.is_empty(), is_silent, "{}: {rings:?}", failure.title);
    }
    let rang: BTreeSet<_> = results.iter().flat_map(|(_, rings)| rings).map(|ring| &ring.alarm).collect();
    let mut silent = alarms();
    silent.retain(|alarm| !rang.contains(&alarm.name));
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
    // `!Sub` with the text, and values that are used in it.
    let dashboard = &definition::TEMPLATE["Resources"]["Dashboard"]["Properties"]["DashboardBody"][0];
    let dashboard = dashboard.as_str().unwrap();
    let namespace = r#""keysync/${AWS::StackName}""#;
    let escaped = namespace.replace('"', r#"\""#);
    let found = dashboard.matches(namespace).count() + dashboard.matches(&escaped).count();
    assert_eq!(found, dashboard.matches("keysync").count(), "another namespace in the dashboard");
    assert!(found > 5);
}
