//! What a team that tests against the harness relies on: each harness is on its own, a hundred at once are
//! no trouble, nothing is left behind, a reset is one, and a service may be the team's own.

use std::{net::TcpStream, time::Duration};

use futures_util::future::join_all;
use keysync_testkit::{Harness, KeyState, httpmock::Method::POST, lambda::Mode, services::Behaviour};

use crate::support::text;

const STORAGE: &str = "cloud-object-storage";

async fn in_process() -> Harness {
    Harness::builder().mode(Mode::InProcess).start().await.unwrap()
}

async fn keys_of(harness: &Harness) -> usize {
    harness.items().await.unwrap().iter().filter(|item| item["sk"] == "key").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_at_once_know_nothing_of_each_other() {
    let each = (0..100).map(|_| {
        tokio::spawn(async {
            let harness = in_process().await;
            let key = harness.new_key("own").with_registration(STORAGE, "bucket").create().await.unwrap();
            key.sync().await.unwrap().assert_status(204);
            (harness, key)
        })
    });
    for one in &join_all(each).await {
        let (harness, key) = one.as_ref().unwrap();
        harness.object_storage().assert_callbacks(key, 1);
        assert_eq!(harness.object_storage().received().len(), 1);
        assert_eq!(keys_of(harness).await, 1);
    }
}

#[tokio::test]
async fn nothing_is_left_behind() {
    let harness = Harness::builder().mock("ledgers").start().await.unwrap();
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
    assert!(processes.iter().all(|process| is_there(*process)), "they run");
    assert!(ports.iter().all(|port| TcpStream::connect(port).is_ok()), "they listen");

    drop(harness);

    let gone = async {
        while processes.iter().any(|process| is_there(*process))
            || ports.iter().any(|port| TcpStream::connect(port).is_ok())
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone).await.expect("processes and ports are gone");
}

/// Whether a process runs: one that ended and was not waited for does not.
fn is_there(process: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("State:") && !line.contains('Z'))
}

#[tokio::test]
async fn a_reset_leaves_nothing_of_what_was() {
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
    harness.events().publish_raw("no event").taken().await;
    harness.events().queue().hold();

    harness.reset().await.unwrap();

    assert_eq!(keys_of(&harness).await, 0);
    assert!(harness.object_storage().resources().is_empty());
    assert!(harness.object_storage().received().is_empty());
    assert!(harness.dead_letters().letters().is_empty());
    assert!(harness.journal().exchanges().is_empty());
    key.sync().await.unwrap().assert_error(404, "KEY_NOT_FOUND_ERR");
    let again = harness.new_key("again").with_registration(STORAGE, "bucket").create().await.unwrap();
    again.delete().await.unwrap().assert_status(204);
    harness.object_storage().assert_last_state(&again, KeyState::Destroyed);
    let after = harness.info().await.unwrap();
    assert_eq!(
        (after.endpoint, after.api_key),
        (info.endpoint, info.api_key),
        "what a client knows stays true"
    );
    assert_ne!(after.root_key_id, info.root_key_id);
}

#[tokio::test]
async fn a_service_may_be_a_mock_and_is_told_as_all_are() {
    let harness = Harness::builder().mode(Mode::InProcess).mock("ledgers").start().await.unwrap();
    let key = harness.new_key("own").with_registration("ledgers", "main").create().await.unwrap();
    let mock = harness.mock("ledgers").unwrap();
    let told = mock
        .mock_async(|when, then| {
            when.method(POST)
                .header_exists("webhook-signature")
                .body_includes("com.ibm.cloud.kms.key.delete");
            then.status(204);
        })
        .await;
    key.delete().await.unwrap().assert_status(204);
    told.assert_calls_async(1).await;
    assert_eq!(key.notifications().await.unwrap()[0].status, "delivered");
}

#[tokio::test]
async fn a_service_may_be_somebody_elses_even_in_place_of_an_emulated_one() {
    let theirs = in_process().await; // whose object storage plays the team's own service
    let url = format!("{}/{STORAGE}/callbacks", theirs.services_url());
    let harness = Harness::builder().mode(Mode::InProcess).service_at(STORAGE, &url).start().await.unwrap();
    let key = harness.new_key("own").with_registration(STORAGE, "bucket").create().await.unwrap();
    key.sync().await.unwrap().assert_status(204);
    assert_eq!(theirs.object_storage().callbacks_of(&key).len(), 1);
    assert!(harness.service(STORAGE).is_err(), "none is emulated under that name");
}

#[tokio::test]
async fn a_flaky_service_fails_the_same_ones_for_the_same_seed() {
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
    assert!(runs[0].iter().any(|verdict| *verdict != runs[0][0]), "some fail and some do not: {:?}", runs[0]);
}

#[tokio::test]
async fn an_iam_that_lies_or_is_ahead_lets_nobody_in() {
    let harness = in_process().await;
    let key = harness.new_key("own").create().await.unwrap();
    harness.iam().set_issuer("https://iam.example.com/identity");
    let stranger = harness.log_in_as(keysync_testkit::iam::Role::Manager).await.unwrap();
    key.by(&stranger).sync().await.unwrap().assert_error(401, "UNAUTHORIZED_ERR");
    harness.iam().set_issuer(keysync_testkit::iam::ISSUER);
    harness.iam().set_clock_ahead(Duration::from_mins(5));
    let early = harness.log_in_as(keysync_testkit::iam::Role::Manager).await.unwrap();
    key.by(&early).sync().await.unwrap().assert_error(401, "UNAUTHORIZED_ERR");
}

#[tokio::test]
async fn an_assertion_that_does_not_hold_tells_what_came_and_what_was_asked() {
    let harness = in_process().await;
    let key = harness.new_key("own").with_registration(STORAGE, "bucket").create().await.unwrap();
    harness.object_storage().behave(Behaviour::AckWithoutActing);
    key.delete().await.unwrap().assert_status(204);
    let storage = harness.object_storage().clone();
    let id = key.id().to_owned();
    let failed =
        std::thread::spawn(move || storage.assert_last_state(&id, KeyState::Destroyed)).join().unwrap_err();
    let said = failed.downcast_ref::<String>().unwrap();
    for part in [
        format!("expected: {STORAGE} knows that key {} is Destroyed", key.id()),
        "got: it was told nothing, after 1 callbacks".to_owned(),
        "com.ibm.cloud.kms.key.delete".to_owned(),
        "which it Ignored".to_owned(),
        format!("endpoint  DELETE /api/v2/keys/{}?force=true  204", key.id()),
        format!("services  POST   /{STORAGE}/callbacks  204"),
    ] {
        assert!(said.contains(&part), "`{part}` in\n{said}");
    }
    assert!(!said.contains(harness.api_key()) && !said.contains(&harness.manager().await.unwrap().token()));
    assert_eq!(text(&harness.object_storage().callbacks_of(&key)[0].event()["subject"]), key.id());
}
