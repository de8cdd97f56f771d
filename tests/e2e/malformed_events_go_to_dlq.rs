//! A malformed event goes to the dead-letter queue with the reason; a transient failure is retried.
//! Neither delays the other events of its batch.

use std::time::Duration;

use keysync::domain::{KeyCrn, KeyId};
use keysync_testkit::dynamodb::{Fault, Times};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{HOUR, World, world};

fn crn(world: &World, key: &str) -> KeyCrn {
    let (account, instance) = (world.harness.account(), world.harness.instance());
    format!("crn:v1:bluemix:public:hs-crypto:us-south:a/{account}:{instance}:key:{key}").parse().unwrap()
}

/// A deletion of the key, with some of its detail changed.
fn deletion(world: &World, key: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut detail = json!({
        "schemaVersion": 1, "keyCrn": crn(world, key), "occurredAt": world.harness.clock().now().to_string(),
        "keyType": "root", "keyState": 5, "keyRing": "default",
        "keyVersion": {"id": "v-1", "creationDate": "2026-11-24T05:00:00Z"},
    });
    change(&mut detail);
    world.harness.events().envelope("kms.secrets.delete", &detail)
}

/// A batch from SQS, as Lambda passes it on, of messages with the ids 0, 1, …
fn batch(bodies: &[String]) -> Value {
    let record = |(n, body): (usize, &String)| json!({"messageId": n.to_string(), "body": body});
    json!({"Records": bodies.iter().enumerate().map(record).collect::<Vec<_>>()})
}

#[tokio::test]
async fn malformed_event_reaches_dlq_with_reason() {
    let world = world().await;
    let before = world.all_items().await;
    let ahead = world.harness.clock().now().plus(HOUR).to_string();
    let malformed = [
        ("not json at all".to_owned(), "the event: "),
        (
            deletion(&world, &world.key, |detail| detail["schemaVersion"] = json!(2)).to_string(),
            "detail.schemaVersion must be 1",
        ),
        (
            deletion(&world, &world.key, |detail| detail["keyState"] = json!(1)).to_string(),
            "detail.keyState cannot be 1",
        ),
        (
            deletion(&world, &world.key, |detail| detail["keyCrn"] = json!("crn")).to_string(),
            "detail.keyCrn: must be a key's CRN",
        ),
        (
            deletion(&world, &world.key, |detail| detail["occurredAt"] = json!(ahead)).to_string(),
            "detail.occurredAt must be at most 5 min ahead of the clock",
        ),
    ];
    for (count, (event, reason)) in malformed.iter().enumerate() {
        world.harness.events().publish_raw(event).processed().await;
        let letter = world.harness.dead_letters().wait_for(count + 1).await.pop().unwrap();
        assert!(letter.reason.starts_with(reason), "{} does not start with {reason}", letter.reason);
        assert_eq!(letter.event, *event);
    }
    assert_eq!(world.all_items().await, before, "a malformed event changes nothing");
}

/// The maximum size of an SQS message with its attributes.
const MIB: usize = 1024 * 1024;

/// SQS delivers no such body, but the function must not rely on that, and the reason that it adds
/// must not exceed the limit for a body that SQS does deliver.
#[tokio::test]
async fn event_sqs_would_reject_reaches_dlq() {
    let world = world().await;
    let quoted = |character: &str| {
        json!({"detail-type": character.repeat(100_000), "detail": {
            "schemaVersion": 1, "keyCrn": crn(&world, &world.key), "occurredAt": "2026-11-24T05:00:00Z",
        }})
    };
    let bodies = [
        String::new(),
        "a\0b\u{1f}\u{fffe}\u{ffff}c".to_owned(),
        "x".repeat(MIB), // no room for a reason
        "\"".repeat(MIB - 40),
        "\0".repeat(MIB),
        quoted("\u{1}").to_string(),
        quoted("\u{ffff}").to_string(),
        quoted("é").to_string(),
    ];
    // One at a time, because the SDK waits for each response of SQS for at most two seconds.
    for body in &bodies {
        let response =
            world.harness.lifecycle_function().invoke(&batch(std::slice::from_ref(body))).await.unwrap();
        assert_eq!(response, json!({"batchItemFailures": []}), "not retried: {} bytes", body.len());
    }
    let mut letters = world.harness.dead_letters().letters();
    // A busy machine may send a dead letter twice.
    letters.sort_by(|one, other| (&one.event, &one.reason).cmp(&(&other.event, &other.reason)));
    letters.dedup();
    assert_eq!(letters.len(), bodies.len(), "no event is lost");
    let of = |start: &str| letters.iter().find(|letter| letter.event.starts_with(start)).unwrap();
    assert!(of("(empty)").reason.starts_with("the event: "));
    assert_eq!(of("a").event, "a\u{fffd}b\u{fffd}\u{fffd}\u{fffd}c");
    assert!(of("xx").reason.starts_with("the event is cut, it has 1048576 bytes: the event: "));
    assert_eq!(of("\"\"").event.len(), MIB - 40, "the whole event");
    assert!(of("\"\"").reason.ends_with('…'), "the reason is truncated");
    let of_types = letters.iter().filter(|letter| letter.reason.starts_with("detail-type is unknown"));
    assert_eq!(of_types.filter(|letter| letter.reason.chars().count() <= 1000).count(), 3);
}

#[tokio::test]
async fn smaller_message_limit_truncates_the_event() {
    let world = world().await;
    world.harness.dead_letters().set_maximum_message_size(256 * 1024);
    for size in [200 * 1024, 300 * 1024] {
        world.harness.events().publish_raw(&"x".repeat(size)).processed().await;
    }
    let letters = world.harness.dead_letters().wait_for(2).await;
    assert_eq!(letters[0].event.len(), 200 * 1024, "the whole event");
    assert!(letters[1].reason.starts_with("the event is cut, it has 307200 bytes: the event: "));
    assert_eq!(world.harness.events().queue().failures(), 0);
}

#[tokio::test]
async fn unknown_key_after_an_hour_reaches_dlq() {
    let world = world().await;
    let key = crn(&world, &KeyId::random().to_string());
    let long_ago = world.harness.clock().now().minus(HOUR + Duration::from_secs(1));
    world.harness.events().purge(&key, long_ago).processed().await;
    let letters = world.harness.dead_letters().wait_for(1).await;
    assert!(letters[0].reason.contains("names an unknown key"), "{}", letters[0].reason);
}

#[tokio::test]
async fn only_transient_failures_are_retried() {
    let world = world().await;
    let other = world.another_key().await;
    let proxy = world.harness.dynamodb().lifecycle_proxy();
    // Every write to the other key fails; all other writes succeed.
    let keys = [world.key.clone(), other.clone()];
    proxy.inject_with_request({
        let other = other.clone();
        move |request| request.contains(&other).then_some(Fault::Fail)
    });
    let bodies = [
        deletion(&world, &keys[0], |_| {}).to_string(),
        "not json".to_owned(),
        deletion(&world, &keys[1], |_| {}).to_string(),
    ];
    let response = world.harness.lifecycle_function().invoke(&batch(&bodies)).await.unwrap();
    assert_eq!(response, json!({"batchItemFailures": [{"itemIdentifier": "2"}]}));
    assert_eq!(world.item_of(&keys[0]).await["state"], json!(5));
    assert_eq!(world.item_of(&other).await["state"], json!(1));
    assert_eq!(world.harness.dead_letters().letters().len(), 1);

    proxy.clear_faults();
    let response = world.harness.lifecycle_function().invoke(&batch(&bodies[2..])).await.unwrap();
    assert_eq!(response, json!({"batchItemFailures": []}));
    assert_eq!(world.item_of(&other).await["state"], json!(5));
}

#[tokio::test]
async fn failing_dlq_loses_no_event() {
    let world = world().await;
    let event = format!("malformed {}", Uuid::new_v4());
    world.harness.dead_letters().fail_next(4); // the SDK makes three attempts
    world.harness.events().publish_raw(&event).processed().await;
    let letters = world.harness.dead_letters().letters();
    assert_eq!(letters.iter().filter(|letter| letter.event == event).count(), 1);
    assert_eq!(world.harness.events().queue().failures(), 1, "the event was retried");
}

#[tokio::test]
async fn events_wait_during_dynamodb_outage() {
    let world = world().await;
    for fault in [Fault::Cut, Fault::Throttle, Fault::LoseResponse] {
        let proxy = world.harness.dynamodb().lifecycle_proxy();
        proxy.inject(fault, Times::Always);
        let failures = world.harness.events().queue().failures();
        let event = world.harness.events().publish_raw(&deletion(&world, &world.key, |_| {}).to_string());
        world.harness.events().queue().wait_for_failures(failures + 1).await;
        proxy.clear_faults();
        event.processed().await;
        assert_eq!(world.item().await["state"], json!(5), "{fault:?}");
    }
    assert!(world.harness.dead_letters().letters().is_empty());
}
