//! G2: `redeliver` delivers a notification that a request could not deliver, with the same event,
//! until the service accepts it, responds 410, or a day has passed.

use std::time::Duration;

use keysync::{domain::KeyId, ledger::item::due_shard};
use keysync_testkit::{
    KeyState,
    services::{Behaviour, Verdict},
};
use serde_json::{Value, json};

use crate::support::{HOUR, LEASE, World, text, world};

const STORAGE: &str = "cloud-object-storage";
const DATABASES: &str = "databases-for-postgresql";

/// Asserts that nothing is pending or due; returns the key's item.
async fn assert_settled(world: &World) -> Value {
    let item = world.item().await;
    assert_eq!((&item["pending"], &item["retries"]), (&json!({}), &json!({})));
    assert_eq!((item.get("due_at"), item.get("due_shard")), (None, None));
    world.assert_follows_model();
    item
}

#[tokio::test]
async fn recovered_service_receives_the_missed_notification() {
    let world = world().await;
    world.harness.databases().behave_next(1, Behaviour::respond(503));
    assert_eq!(world.sync().await.status, 204);
    world.advance_clock(Duration::from_mins(2)).await;
    let summary = world.redeliver().await;
    assert_eq!((summary.leased, summary.delivered), (1, 1));

    let item = assert_settled(&world).await;
    assert_eq!(item["outcome"][DATABASES]["status"], "delivered");
    assert_eq!(item["outcome"][DATABASES]["attempts"], 2);
    let received = world.harness.databases().received();
    let ids: Vec<_> = received.iter().map(|received| received.header("webhook-id")).collect();
    assert_eq!(ids[0], ids[1], "the same event");
    assert_eq!(received[1].verdict, Verdict::Acted);
    assert_eq!(world.harness.object_storage().received().len(), 1, "a delivered callback is not repeated");
    assert_eq!(world.redeliver().await.leased, 0);
}

#[tokio::test]
async fn every_failure_kind_is_retried_until_delivered() {
    for behaviour in [
        Behaviour::Reset,
        Behaviour::Redirect { to: "http://127.0.0.1:1/".to_owned() },
        Behaviour::respond(400),
        Behaviour::respond(500),
        Behaviour::Respond { status: 429, retry_after: Some(30) },
    ] {
        let world = world().await;
        // Twice: the request itself retries a broken connection once.
        world.harness.databases().behave_next(2, behaviour.clone());
        world.sync().await;
        assert_ne!(world.item().await["pending"], json!({}), "{behaviour:?} counted as delivered");
        for _ in 0..2 {
            world.advance_clock(Duration::from_mins(5)).await;
            world.redeliver().await;
        }
        assert_settled(&world).await;
        let key = &world.key;
        assert_eq!(world.harness.databases().last_state(key).unwrap().sequence, 1, "{behaviour:?}");
    }
}

#[tokio::test]
async fn truncated_response_body_counts_as_delivered() {
    let world = world().await;
    world.harness.databases().behave(Behaviour::TruncateBody);
    assert_eq!(world.sync().await.status, 204);
    assert_settled(&world).await;
}

#[tokio::test]
async fn reset_after_acting_causes_duplicate_delivery() {
    let world = world().await;
    world.harness.databases().behave_next(2, Behaviour::ActThenReset);
    world.sync().await;
    world.advance_clock(Duration::from_mins(2)).await;
    world.redeliver().await;
    assert_settled(&world).await;
    let verdicts: Vec<_> = world.harness.databases().received().into_iter().map(|it| it.verdict).collect();
    assert_eq!(verdicts, [Verdict::Acted, Verdict::Repeated, Verdict::Repeated]);
}

#[tokio::test]
async fn retry_after_delays_by_at_most_an_hour() {
    for retry_after in [3600, 7200] {
        let world = world().await;
        world
            .harness
            .databases()
            .behave_next(1, Behaviour::Respond { status: 429, retry_after: Some(retry_after) });
        world.sync().await;
        world.advance_clock(Duration::from_mins(59)).await;
        assert_eq!(world.redeliver().await.leased, 0);
        world.advance_clock(Duration::from_mins(1)).await;
        assert_eq!(world.redeliver().await.delivered, 1, "retry-after {retry_after} s");
    }
}

#[tokio::test]
async fn retry_returning_410_ends_the_delivery() {
    let world = world().await;
    world.harness.databases().behave_next(1, Behaviour::respond(503));
    world.harness.databases().behave_next(1, Behaviour::respond(410));
    world.sync().await;
    world.advance_clock(Duration::from_mins(2)).await;
    assert_eq!(world.redeliver().await.refused, 1);
    assert_eq!(assert_settled(&world).await["outcome"][DATABASES]["status"], "refused");
}

#[tokio::test]
async fn retries_exhausted_after_a_day_are_reported() {
    let world = world().await;
    world.harness.databases().behave(Behaviour::respond(503));
    world.sync().await;
    world.advance_clock(24 * HOUR).await;
    assert_eq!(world.redeliver().await.failed, 1);

    let outcome = assert_settled(&world).await["outcome"][DATABASES].clone();
    assert_eq!((&outcome["status"], &outcome["reason"]), (&json!("failed"), &json!("responded with 503")));
    // Both are printed before the response, and read from a pipe after it.
    let processes = world.harness.redeliver_function().processes().unwrap();
    let log = processes.wait_for_log(|log| log.iter().any(|line| line.contains("NotificationsFailed"))).await;
    let lines: Vec<Value> = log.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let exhausted = lines.iter().find(|line| line["level"] == "ERROR").unwrap();
    assert_eq!((&exhausted["service"], &exhausted["key"]), (&json!(DATABASES), &json!(world.key)));
    let metrics: Vec<_> = lines.iter().filter(|line| line["NotificationsFailed"] == 1).collect();
    assert_eq!(metrics.len(), 2, "one per service, and one for all services");
    assert!(metrics.iter().any(|metric| metric["Service"] == DATABASES));

    assert_eq!(world.sync().await.status, 204, "a new sync notifies the service again");
}

#[tokio::test]
async fn hourly_retries_last_a_day_without_growth() {
    let world = world().await;
    world.harness.databases().behave(Behaviour::respond(503));
    world.sync().await;
    let mut sizes = Vec::new();
    let mut attempts = 1;
    while world.item().await["pending"] != json!({}) {
        world.advance_clock(HOUR).await;
        world.redeliver().await;
        attempts += 1;
        sizes.push(world.item().await.to_string().len());
        assert!(attempts <= 26, "the backoff is at most an hour, for a day");
    }
    assert!((24..=26).contains(&attempts), "{attempts} attempts");
    let (first, largest) = (sizes[0], sizes.iter().max().unwrap());
    assert!(*largest <= first + 8, "the item grew from {first} to {largest} bytes");
}

#[tokio::test]
async fn newer_notification_replaces_the_pending_one() {
    let world = world().await;
    world.harness.databases().behave_next(1, Behaviour::respond(503));
    world.sync().await;
    assert_eq!(world.manager.delete(&world.key).await.unwrap().status, 204);
    world.advance_clock(Duration::from_mins(2)).await;
    assert_eq!(world.redeliver().await.leased, 0, "the deletion notified every service");
    let callbacks = World::callbacks(world.harness.databases(), &world.key);
    let states: Vec<u64> = callbacks.iter().map(|(_, state)| *state).collect();
    assert_eq!(states, [1, 5], "the older notification is not delivered any more");
}

#[tokio::test]
async fn newer_sync_ignores_the_older_retry_delay() {
    let world = world().await;
    world.harness.databases().behave_next(1, Behaviour::Respond { status: 429, retry_after: Some(3600) });
    world.sync().await;
    // The next retry is an hour from now, and the window is open.
    world.defer(&world.key, HOUR + Duration::from_secs(1), HOUR).await;
    assert_eq!(world.sync().await.status, 204);
    let item = world.item().await; // the model cannot follow a changed instant
    assert_eq!((&item["pending"], &item["retries"]), (&json!({}), &json!({})));
    assert_eq!(world.harness.databases().last_state(&world.key).unwrap().sequence, 2);
}

#[tokio::test]
async fn pending_notification_survives_the_purge() {
    let world = world().await;
    world.harness.databases().behave_next(1, Behaviour::respond(503));
    assert_eq!(world.manager.delete(&world.key).await.unwrap().status, 204);
    let crn = text(&world.item().await["crn"]).parse().unwrap();
    world.harness.events().purge(&crn, world.harness.clock().now()).processed().await;
    world.advance_clock(Duration::from_mins(2)).await;
    assert_eq!(world.redeliver().await.delivered, 1);
    assert_settled(&world).await;
    assert_eq!(world.harness.databases().last_state(&world.key).unwrap().key_state, KeyState::Destroyed);
}

#[tokio::test]
async fn all_pages_of_a_shard_are_delivered() {
    let world = world().await;
    let keys = std::iter::repeat_with(KeyId::random).filter(|key| due_shard(*key) == 0);
    for key in keys.take(70) {
        world.plant_as(key, &[STORAGE], world.harness.clock().now()).await; // a page holds 32
    }
    assert_eq!(world.redeliver().await.delivered, 70);
}

#[tokio::test]
async fn abandoned_notification_is_redelivered_after_its_lease() {
    let world = world().await;
    world.plant(&[STORAGE], world.harness.clock().now().plus(LEASE)).await;
    assert_eq!(world.redeliver().await.leased, 0, "the lease has not expired");
    world.advance_clock(LEASE).await;
    assert_eq!(world.redeliver().await.delivered, 1);
}
