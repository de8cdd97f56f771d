//! The guarantees for test authors: harnesses are isolated, a hundred run at once, nothing remains
//! after drop, `reset` clears all state, and a service may be external.

use std::{net::TcpStream, time::Duration};

use futures_util::stream::{self, StreamExt};
use keysync_testkit::{
    DeliveryStatus, Harness, KeyState, LifecycleAction,
    httpmock::Method::POST,
    lambda::Mode,
    services::{Behaviour, Verdict},
};
use serde_json::Value;

use crate::binaries::binaries;

pub(crate) const STORAGE: &str = "cloud-object-storage";

pub(crate) async fn in_process() -> Harness {
    Harness::builder().mode(Mode::InProcess).start().await.unwrap()
}

/// All items of the table, in a fixed order.
pub(crate) async fn sorted_items(harness: &Harness) -> Vec<Value> {
    let mut items = harness.items().await.unwrap();
    items.sort_by_key(|item| format!("{} {}", item["pk"], item["sk"]));
    items
}

async fn keys_of(harness: &Harness) -> usize {
    harness.items().await.unwrap().iter().filter(|item| item["sk"] == "key").count()
}

/// Starts with this many at a time: a busy machine takes longer than a request may for a hundred at
/// once.
const AT_A_TIME: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn hundred_concurrent_harnesses_are_isolated() {
    let each = (0..100).map(|_| async {
        let harness = in_process().await;
        let key = harness.new_key("own").with_registration(STORAGE, "bucket").create().await.unwrap();
        key.sync().await.unwrap().assert_status(204);
        (harness, key)
    });
    // All of them run until the end.
    let all: Vec<_> = stream::iter(each).buffer_unordered(AT_A_TIME).collect().await;
    for (harness, key) in &all {
        harness.object_storage().assert_callbacks(key, 1);
        assert_eq!(harness.object_storage().received().len(), 1);
        assert_eq!(keys_of(harness).await, 1);
    }
}

#[tokio::test]
async fn expectation_covers_sync_and_redelivery() {
    let harness = in_process().await;
    let key = harness.new_key("own").with_registration(STORAGE, "bucket").create().await.unwrap();
    harness.object_storage().behave_next(1, Behaviour::respond(503));
    let attempts = harness.object_storage().expect_callbacks(&key, 2);
    key.sync().await.unwrap().assert_status(204);
    harness.advance_clock(Duration::from_mins(2)).await.unwrap();
    assert_eq!(harness.redeliver().await.unwrap().delivered, 1);
    attempts.wait_until_satisfied().await;
}

#[tokio::test]
async fn drop_ends_processes_and_closes_ports() {
    let harness = binaries().mock("ledgers").start().await.unwrap();
    let key = harness.new_key("own").with_registration(STORAGE, "bucket").create().await.unwrap();
    key.sync().await.unwrap().assert_status(204);
    let mut processes = harness.sync_function().process().unwrap().process_ids();
    processes.extend(harness.lifecycle_function().processes().unwrap().process_ids());
    let ports: Vec<String> = [
        harness.endpoint_url(),
        harness.iam_url(),
        harness.services_url(),
        harness.sync_function().url(),
        harness.dynamodb().proxy().url(),
        harness.dynamodb().url().to_owned(),
    ]
    .map(|url| url.trim_start_matches("http://").to_owned())
    .to_vec();
    assert!(processes.iter().all(|process| is_running(*process)), "the processes run");
    assert!(ports.iter().all(|port| TcpStream::connect(port).is_ok()), "the ports are open");

    drop(harness);

    let gone = async {
        while processes.iter().any(|process| is_running(*process))
            || ports.iter().any(|port| TcpStream::connect(port).is_ok())
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone).await.expect("processes and ports are gone");
}

/// Whether a process runs; a zombie does not.
fn is_running(process: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("State:") && !line.contains('Z'))
}

#[tokio::test]
async fn reset_clears_all_state() {
    let harness = in_process().await;
    let info = harness.info().await.unwrap();
    let key = harness.new_key("own").with_registration(STORAGE, "bucket").create().await.unwrap();
    harness.object_storage().behave(Behaviour::respond(503));
    key.sync().await.unwrap().assert_status(204);
    harness
        .dynamodb()
        .proxy()
        .inject(keysync_testkit::dynamodb::Fault::Fail, keysync_testkit::dynamodb::Times::Always);
    harness.iam().set_issuer("https://example.com");
    harness.events().publish_raw("no event").processed().await;
    harness.events().queue().hold();

    harness.reset().await.unwrap();

    assert_eq!(keys_of(&harness).await, 2, "the sample keys remain");
    let resources: Vec<_> = harness.object_storage().resources().into_keys().collect();
    assert_eq!(resources, ["sample-bucket"]);
    assert!(harness.object_storage().received().is_empty());
    assert!(harness.dead_letters().letters().is_empty());
    assert!(harness.journal().exchanges().is_empty());
    key.sync().await.unwrap().assert_error(404, "KEY_NOT_FOUND_ERR");
    let new_key = harness.new_key("again").with_registration(STORAGE, "bucket").create().await.unwrap();
    new_key.delete().await.unwrap().assert_status(204);
    harness.object_storage().assert_last_state(&new_key, KeyState::Destroyed);
    let after = harness.info().await.unwrap();
    let json = |info| serde_json::to_value(info).unwrap();
    assert_eq!(json(after), json(info), "what the harness has printed stays valid");
}

#[tokio::test]
async fn reset_restores_the_sample_keys() {
    let harness = in_process().await;
    let samples = harness.sample_keys().await.unwrap();
    let root = harness.key(&samples.root).await.unwrap();
    let created = sorted_items(&harness).await;
    root.sync().await.unwrap().assert_status(204);
    root.delete().await.unwrap().assert_status(204);
    harness.object_storage().assert_denied("sample-bucket");

    for _ in 0..2 {
        harness.reset().await.unwrap();
        assert_eq!(sorted_items(&harness).await, created);
        assert_eq!(harness.sample_keys().await.unwrap(), samples);
        harness.object_storage().assert_accessible("sample-bucket");
        root.sync().await.unwrap().assert_status(204);
        harness.object_storage().assert_callbacks(&root, 1);
        harness.databases().assert_callbacks(&root, 1);
    }
}

#[tokio::test]
async fn signing_key_is_rotated_in_two_steps() {
    for builder in [Harness::builder().mode(Mode::InProcess), binaries()] {
        let harness = builder.start().await.unwrap();
        let key = harness.new_key("own").with_registration(STORAGE, "bucket").create().await.unwrap();
        let signatures = async || {
            harness.advance_clock(Duration::from_mins(61)).await.unwrap();
            key.sync().await.unwrap().assert_status(204);
            let received = harness.object_storage().take_received().remove(0);
            assert_eq!(received.verdict, Verdict::Acted);
            received.header("webhook-signature").split(' ').count()
        };
        let first = harness.callback_public_key();
        assert_eq!(signatures().await, 1);
        let both = harness.rotate_signing_key().await.unwrap();
        assert_eq!((&both[0], both.len(), signatures().await), (&first, 2, 2));
        assert_eq!(harness.withdraw_old_signing_key().await.unwrap(), both[1..]);
        assert_eq!((harness.callback_public_key(), signatures().await), (both[1].clone(), 1));
        key.rotate().await.unwrap().assert_status(204);
        assert_eq!(harness.object_storage().take_received()[0].verdict, Verdict::Acted, "by `lifecycle`");

        harness.reset().await.unwrap();
        assert_eq!(harness.callback_public_key(), first, "a reset restores what was printed");
        let key = harness.new_key("own").with_registration(STORAGE, "bucket").create().await.unwrap();
        key.sync().await.unwrap().assert_status(204);
        assert_eq!(harness.object_storage().take_received()[0].verdict, Verdict::Acted);
    }
}

#[tokio::test]
async fn schedule_of_redelivery_is_switched_on_and_off() {
    let harness = in_process().await;
    let key = harness.new_key("own").with_registration(STORAGE, "bucket").create().await.unwrap();
    let fail_once = async || {
        harness.object_storage().behave_next(1, Behaviour::respond(503));
        let attempts = harness.object_storage().expect_callbacks(&key, 2);
        key.sync().await.unwrap().assert_status(204);
        harness.advance_clock(Duration::from_mins(61)).await.unwrap();
        attempts
    };
    harness.redeliver_every(Some(Duration::from_millis(20)));
    fail_once().await.wait_until_satisfied().await;

    harness.redeliver_every(None);
    let attempts = fail_once().await;
    for n in 0..20 {
        // Takes longer than the interval of a schedule that had not ended.
        harness.new_key(&format!("another-{n}")).create().await.unwrap();
    }
    assert_eq!(harness.redeliver().await.unwrap().delivered, 1);
    attempts.wait_until_satisfied().await;
}

#[tokio::test]
async fn mock_service_receives_callbacks() {
    let harness = Harness::builder().mode(Mode::InProcess).mock("ledgers").start().await.unwrap();
    let key = harness.new_key("own").with_registration("ledgers", "main").create().await.unwrap();
    let mock = harness.mock("ledgers").unwrap();
    let callback = mock
        .mock_async(|when, then| {
            when.method(POST)
                .header_exists("webhook-signature")
                .body_includes("com.ibm.cloud.kms.key.delete");
            then.status(204);
        })
        .await;
    key.delete().await.unwrap().assert_status(204);
    callback.assert_calls_async(1).await;
    assert_eq!(key.notifications().await.unwrap()[0].status, DeliveryStatus::Delivered);
}

#[tokio::test]
async fn external_service_replaces_an_emulated_one() {
    let other = in_process().await; // its object storage is the external service
    let url = format!("{}/{STORAGE}/callbacks", other.services_url());
    let harness = Harness::builder().mode(Mode::InProcess).service_at(STORAGE, &url).start().await.unwrap();
    let key = harness.new_key("own").with_registration(STORAGE, "bucket").create().await.unwrap();
    key.sync().await.unwrap().assert_status(204);
    assert_eq!(other.object_storage().callbacks_of(&key).len(), 1);
    assert!(harness.service(STORAGE).is_err(), "no service is emulated under that name");
}

#[tokio::test]
async fn flaky_service_is_reproducible_by_seed() {
    let harness = in_process().await;
    let key = harness.new_key("own").with_registration(STORAGE, "bucket").create().await.unwrap();
    let mut runs = Vec::new();
    for _ in 0..2 {
        harness.object_storage().behave(Behaviour::Flaky { seed: 7, percent: 50 });
        let mut verdicts = Vec::new();
        for _ in 0..12 {
            harness.advance_clock(Duration::from_hours(2)).await.unwrap();
            key.sync().await.unwrap().assert_status(204);
            verdicts.push(harness.object_storage().take_received().remove(0).verdict);
        }
        runs.push(verdicts);
    }
    assert_eq!(runs[0], runs[1]);
    assert!(
        runs[0].iter().any(|verdict| *verdict != runs[0][0]),
        "some callbacks fail and some succeed: {:?}",
        runs[0]
    );
}

#[tokio::test]
async fn wrong_issuer_or_fast_iam_returns_401() {
    let harness = in_process().await;
    let key = harness.new_key("own").create().await.unwrap();
    harness.iam().set_issuer("https://iam.example.com/identity");
    let wrong_issuer = harness.log_in_as(keysync_testkit::iam::Role::Manager).await.unwrap();
    key.by(&wrong_issuer).sync().await.unwrap().assert_error(401, "UNAUTHORIZED_ERR");
    harness.iam().set_issuer(keysync_testkit::iam::ISSUER);
    harness.iam().set_clock_ahead(Duration::from_mins(5));
    let early = harness.log_in_as(keysync_testkit::iam::Role::Manager).await.unwrap();
    key.by(&early).sync().await.unwrap().assert_error(401, "UNAUTHORIZED_ERR");
}

#[tokio::test]
async fn failed_assertion_reports_expected_and_received() {
    let harness = in_process().await;
    let key = harness.new_key("own").with_registration(STORAGE, "bucket").create().await.unwrap();
    harness.object_storage().behave(Behaviour::AckWithoutActing);
    key.delete().await.unwrap().assert_status(204);
    let storage = harness.object_storage().clone();
    let id = key.id().to_owned();
    let failed =
        std::thread::spawn(move || storage.assert_last_state(&id, KeyState::Destroyed)).join().unwrap_err();
    let message = failed.downcast_ref::<String>().unwrap();
    for part in [
        format!("expected: {STORAGE} was notified that key {} is Destroyed", key.id()),
        "got: no notified state, after 1 callbacks".to_owned(),
        "com.ibm.cloud.kms.key.delete".to_owned(),
        ": Ignored".to_owned(),
        format!("endpoint  DELETE /api/v2/keys/{}?force=true  204", key.id()),
        format!("services  POST   /{STORAGE}/callbacks  204"),
    ] {
        assert!(message.contains(&part), "`{part}` in\n{message}");
    }
    assert!(
        !message.contains(harness.api_key()) && !message.contains(&harness.manager().await.unwrap().token())
    );
    let event = harness.object_storage().callbacks_of(&key)[0].event().unwrap();
    assert_eq!((event.key_id.as_str(), event.action), (key.id(), LifecycleAction::Delete));
    assert_eq!((event.key_state, event.resource_count), (KeyState::Destroyed, 1));
    assert!(!event.renotification && event.service == STORAGE, "{event:?}");
}
