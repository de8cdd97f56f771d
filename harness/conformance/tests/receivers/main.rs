//! The example receiver follows all rules, and each of the deliberately broken receivers is caught
//! by the name of the rule that it breaks.
#![allow(clippy::unwrap_used, reason = "a failed setup step fails the test")]

mod broken;
#[path = "../../../receiver/examples/receiver/connection.rs"]
mod connection;
#[path = "../../../receiver/examples/receiver/fetch.rs"]
#[expect(dead_code, reason = "the URL is the test's")]
mod fetch;
#[path = "../../../receiver/examples/receiver/service.rs"]
mod service;
mod tls;

use std::time::Duration;

use axum::Router;
use keysync_receiver::{KeySetVerifier, Verifier};
use keysync_receiver_conformance::{Conformance, Error, Options, Report, Rule, Verdict};
use tokio::{net::TcpListener, task::JoinSet};

use broken::Defect;
use service::AnyVerifier;

const SERVICE: &str = "cloud-object-storage";
/// The time that a receiver has for a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);

async fn conformance() -> Conformance {
    Conformance::start(([127, 0, 0, 1], 0).into()).await.unwrap()
}

/// Starts a receiver, and returns its address.
async fn serve(routes: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(connection::serve(listener, routes, REQUEST_TIMEOUT));
    format!("http://{address}")
}

/// The options for a receiver at `address` with effects.
fn options(address: &str) -> Options {
    Options {
        effects_url: Some(format!("{address}/effects").parse().unwrap()),
        response_within: Duration::from_secs(30),
        slow_within: Duration::from_secs(20),
        new_key_within: Duration::from_secs(3),
        ..Options::new(format!("{address}/callbacks").parse().unwrap(), SERVICE)
    }
}

fn names(report: &Report, verdict: Verdict) -> Vec<&'static str> {
    report.rules.iter().filter(|rule| rule.result == verdict).map(|rule| rule.rule.name()).collect()
}

/// The checks that failed, for messages.
fn failures(report: &Report) -> Vec<String> {
    let failures =
        report.rules.iter().flat_map(|rule| rule.failures.iter().map(move |failure| (rule, failure)));
    failures.map(|(rule, it)| format!("{}: {}: {}", rule.rule.name(), it.check, it.received)).collect()
}

fn followed(conformance: &Conformance) -> AnyVerifier {
    let fetch = fetch::key_set(conformance.key_set_url().parse().unwrap(), fetch::client().unwrap());
    AnyVerifier::KeySet(KeySetVerifier::new(SERVICE, fetch).with_min_pause(Duration::ZERO))
}

/// A verifier with the first key.
fn fixed(conformance: &Conformance, service: &str) -> Verifier {
    Verifier::new(service, [conformance.public_key()]).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn example_receiver_follows_all_rules() {
    let conformance = conformance().await;
    let keys = followed(&conformance);
    let address = serve(service::routes(keys, None, REQUEST_TIMEOUT)).await;
    let report = conformance.check(&options(&address), &|_| ()).await.unwrap();
    assert_eq!(failures(&report), [""; 0]);
    assert_eq!(names(&report, Verdict::Passed).len(), Rule::ALL.len());
}

/// The command then cannot see what the receiver did, nor rotate its key.
#[tokio::test(flavor = "multi_thread")]
async fn rules_about_unseen_effects_are_not_checked() {
    let conformance = conformance().await;
    let keys = AnyVerifier::Keys(fixed(&conformance, SERVICE));
    let address = serve(service::routes(keys, None, REQUEST_TIMEOUT)).await;
    let options = Options { effects_url: None, ..options(&address) };
    let report = conformance.check(&options, &|_| ()).await.unwrap();
    assert_eq!(failures(&report), [""; 0]);
    let not_checked = [
        "rejected-without-effect",
        "repeat-without-effect",
        "stale-without-effect",
        "newer-acted-on",
        "rotation-overlap-accepted",
        "rotation-new-key-accepted",
        "rotation-old-key-rejected",
    ];
    assert_eq!(names(&report, Verdict::NotChecked), not_checked);
    let reason = |rule| report.rule(rule).unwrap().reason.clone().unwrap();
    assert!(reason(Rule::RepeatWithoutEffect).contains("--effects-url"));
    assert!(reason(Rule::RotationNewKeyAccepted).contains(&conformance.key_set_url()));
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_receivers_fail_the_rules_they_break() {
    let mut runs = JoinSet::new();
    for (defect, expected) in [
        (
            Defect::AcceptsBadSignature,
            &[
                "signature-verified",
                "malformed-body-rejected",
                "rejected-without-effect",
                "rotation-old-key-rejected",
            ][..],
        ),
        (Defect::IgnoresTimestamp, &["timestamp-checked", "rejected-without-effect"]),
        (Defect::AcceptsAnotherService, &["audience-checked", "rejected-without-effect"]),
        (Defect::RejectsRepeat, &["repeat-accepted"]),
        (Defect::ActsOnRepeat, &["repeat-without-effect"]),
        (Defect::ActsOnOlderSequence, &["stale-without-effect"]),
        (Defect::SkipsAfterGap, &["newer-acted-on"]),
        (Defect::KeepsFirstKeySet, &["rotation-new-key-accepted"]),
        (Defect::KeepsOldKeys, &["rotation-old-key-rejected"]),
        (Defect::SaysGone, &["audience-checked"]),
    ] {
        runs.spawn(async move {
            let conformance = conformance().await;
            let receiver =
                broken::Receiver::new(defect, followed(&conformance), fixed(&conformance, SERVICE));
            let address = serve(receiver.routes()).await;
            let options = Options { rules: without_slow_clients(), ..options(&address) };
            let report = conformance.check(&options, &|_| ()).await.unwrap();
            (names(&report, Verdict::Failed) != expected).then(|| (defect, failures(&report)))
        });
    }
    let differences: Vec<_> = runs.join_all().await.into_iter().flatten().collect();
    assert_eq!(differences, []);
}

fn without_slow_clients() -> Vec<Rule> {
    let slow = [Rule::SlowClientsDoNotBlock, Rule::SlowClientsDisconnected];
    Rule::ALL.into_iter().filter(|rule| !slow.contains(rule)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn receiver_that_waits_for_slow_clients_is_caught() {
    let conformance = conformance().await;
    let receiver =
        broken::Receiver::new(Defect::KeepsFirstKeySet, followed(&conformance), fixed(&conformance, SERVICE));
    let address = broken::serve_one_at_a_time(receiver.routes()).await;
    let options = Options {
        rules: vec![Rule::SlowClientsDoNotBlock, Rule::SlowClientsDisconnected],
        response_within: Duration::from_secs(3),
        slow_within: Duration::from_secs(4),
        effects_url: None,
        ..options(&address)
    };
    let report = conformance.check(&options, &|_| ()).await.unwrap();
    assert_eq!(names(&report, Verdict::Failed), ["slow-clients-do-not-block", "slow-clients-disconnected"]);
    let failure = &report.rules[0].failures[0];
    assert_eq!((&*failure.check, &*failure.received), ("callback-meanwhile", "no response in time"));
}

#[tokio::test]
async fn receiver_of_another_service_is_not_checked() {
    let conformance = conformance().await;
    let keys = AnyVerifier::Keys(fixed(&conformance, "databases"));
    let address = serve(service::routes(keys, None, REQUEST_TIMEOUT)).await;
    let error = conformance.check(&options(&address), &|_| ()).await.unwrap_err();
    assert!(matches!(&error, Error::NotConfigured { received, .. } if received == "status 403"), "{error}");
}

#[tokio::test]
async fn missing_receiver_is_an_error() {
    let conformance = conformance().await;
    let options = Options { start_within: Duration::ZERO, ..options("http://127.0.0.1:1") };
    let error = conformance.check(&options, &|_| ()).await.unwrap_err();
    assert!(matches!(error, Error::NotRunning { .. }), "{error}");
}

#[test]
fn reference_lists_every_rule_with_its_description() {
    let reference = include_str!("../../../../docs/reference/harness-cli.md");
    for rule in Rule::ALL {
        let row = format!("| `{}` | {} |", rule.name(), rule.description());
        assert!(reference.contains(&row), "{row}");
    }
}
