//! Events are delivered at least once and in any order: an old or duplicate event changes nothing,
//! and no new one is lost.

use std::time::Duration;

use keysync::domain::{EpochMillis, KeyCrn, KeyFacts, KeyId, KeyState, KeyType, KeyVersion, LifecycleAction};
use keysync_testkit::{
    dynamodb::{Fault, Times},
    events::EventBus,
};
use serde_json::{Value, json};

use crate::support::{HOUR, World, text, world, world_at};

const STORAGE: &str = "cloud-object-storage";
/// 2026-11-24T05:00:00Z
const START: EpochMillis = EpochMillis::new(1_795_496_400_000);

/// The facts of a key after an action.
fn facts(world: &World, key: KeyId, state: KeyState, version: &str) -> KeyFacts {
    let (account, instance) = (world.harness.account(), world.harness.instance());
    let crn = format!("crn:v1:bluemix:public:hs-crypto:us-south:a/{account}:{instance}:key:{key}");
    KeyFacts {
        crn: crn.parse().unwrap(),
        key_type: KeyType::Root,
        state,
        ring: "default".parse().unwrap(),
        version: KeyVersion { id: version.to_owned(), created_at: START },
    }
}

fn crn(world: &World) -> KeyCrn {
    facts(world, world.key.parse().unwrap(), KeyState::Active, "").crn
}

fn events(world: &World) -> &EventBus {
    world.harness.events()
}

#[tokio::test]
async fn duplicate_event_notifies_once() {
    let world = world().await;
    let deleted = facts(&world, world.key.parse().unwrap(), KeyState::Destroyed, "v-1");
    let at = world.harness.clock().now();
    for _ in 0..3 {
        events(&world).action(LifecycleAction::Delete, &deleted, at).processed().await;
    }
    assert_eq!(world.item().await["sequence"], json!(1));
    assert_eq!(world.harness.databases().received().len(), 1);
}

#[tokio::test]
async fn late_rotation_after_deletion_changes_nothing() {
    let world = world().await;
    let key = world.key.parse().unwrap();
    let at = world.harness.clock().now();
    events(&world)
        .action(LifecycleAction::Delete, &facts(&world, key, KeyState::Destroyed, "v-2"), at)
        .processed()
        .await;
    let after = world.all_items().await;
    events(&world)
        .action(LifecycleAction::Rotate, &facts(&world, key, KeyState::Active, "v-2"), at.minus(HOUR))
        .processed()
        .await;
    assert_eq!(world.all_items().await, after, "the late rotation changes nothing");
    assert_eq!(world.harness.databases().last_state(&world.key).unwrap().key_state, KeyState::Destroyed);
}

#[tokio::test]
async fn two_events_in_one_batch_commute() {
    for reversed in [false, true] {
        let world = world().await;
        let key = world.key.parse().unwrap();
        let at = world.harness.clock().now();
        let queue = events(&world).queue();
        queue.hold();
        let disabled = facts(&world, key, KeyState::Suspended, "v-1");
        let deleted = facts(&world, key, KeyState::Destroyed, "v-1");
        let first = events(&world).action(LifecycleAction::Disable, &disabled, at);
        let second =
            events(&world).action(LifecycleAction::Delete, &deleted, at.plus(Duration::from_millis(1)));
        queue.release(|events| {
            if reversed {
                events.reverse();
            }
        });
        first.processed().await;
        second.processed().await;
        let item = world.item().await;
        assert_eq!((&item["state"], &item["event"]["action"]), (&json!(5), &json!("delete")));
        for service in world.harness.services() {
            let last = service.last_state(&world.key).unwrap();
            assert_eq!(
                (last.key_state, json!(last.sequence)),
                (KeyState::Destroyed, item["sequence"].clone())
            );
        }
    }
}

#[tokio::test]
async fn first_event_creates_the_key() {
    let world = world().await;
    let key = KeyId::random();
    let at = world.harness.clock().now();
    let rotated = facts(&world, key, KeyState::Active, "v-2");
    events(&world).action(LifecycleAction::Rotate, &rotated, at).processed().await;
    let created = facts(&world, key, KeyState::Active, "v-1");
    events(&world).action(LifecycleAction::Create, &created, at.minus(HOUR)).processed().await;
    let item = world.item_of(&key.to_string()).await;
    assert_eq!((&item["version"]["id"], &item["event"]["action"]), (&json!("v-2"), &json!("rotate")));
    assert_eq!(
        world.manager.sync(&key.to_string()).await.unwrap().status,
        409,
        "the rotation closed the window"
    );
}

#[tokio::test]
async fn key_creation_neither_notifies_nor_closes_window() {
    let world = world().await;
    let key = world.another_key().await;
    assert_eq!(world.item_of(&key).await.get("notified_at"), None);
    assert_eq!(world.manager.sync(&key).await.unwrap().status, 204);
}

#[tokio::test]
async fn late_deletion_after_purge_still_notifies() {
    let world = world().await;
    let at = world.harness.clock().now();
    events(&world).purge(&crn(&world), at).processed().await;
    assert_eq!(world.sync().await.status, 404, "a purged key is unknown");
    let deleted = facts(&world, world.key.parse().unwrap(), KeyState::Destroyed, "v-1");
    events(&world)
        .action(LifecycleAction::Delete, &deleted, at.minus(Duration::from_millis(1)))
        .processed()
        .await;
    for service in world.harness.services() {
        assert_eq!(
            service.last_state(&world.key).unwrap().key_state,
            KeyState::Destroyed,
            "the service must learn of the deletion"
        );
    }
    assert_eq!(world.sync().await.status, 404);
    let expires_in = world.item().await["expires_at"].as_u64().unwrap() - at.secs();
    assert_eq!(expires_in, 35 * 24 * 3600, "seconds until DynamoDB may expire the item");
}

#[tokio::test]
async fn duplicate_or_late_registration_is_not_counted() {
    let world = world_at(START).await;
    let crn = crn(&world);
    let bucket = "crn:v1:bluemix:public:cloud-object-storage:global:a/x:y:bucket:b".parse().unwrap();
    let database = "crn:v1:bluemix:public:databases-for-redis:global:a/x:y:deployment:d".parse().unwrap();
    let count = async |service: &str| world.item().await["services"][service].clone();
    for _ in 0..2 {
        events(&world).registration(&crn, &bucket, true, START).processed().await;
    }
    assert_eq!(count(STORAGE).await, json!(2), "the sample bucket, and this one");

    let later = START.plus(Duration::from_secs(1));
    for _ in 0..2 {
        events(&world).registration(&crn, &bucket, false, later).processed().await;
    }
    events(&world).registration(&crn, &bucket, true, START).processed().await;
    assert_eq!(count(STORAGE).await, json!(1), "a registration after its deregistration is not counted");

    events(&world).registration(&crn, &database, false, later).processed().await;
    events(&world).registration(&crn, &database, true, START).processed().await;
    assert_eq!(count("databases-for-redis").await, Value::Null, "the deregistration came first");
}

#[tokio::test]
async fn deregistration_for_unknown_key_is_accepted() {
    let world = world().await;
    let unknown = facts(&world, KeyId::random(), KeyState::Destroyed, "v-1").crn;
    let bucket = "crn:v1:bluemix:public:cloud-object-storage:global:a/x:y:bucket:b".parse().unwrap();
    events(&world).registration(&unknown, &bucket, false, world.harness.clock().now()).processed().await;
    assert_eq!(events(&world).queue().failures(), 0, "a missing count is not an error");
}

#[tokio::test]
async fn repeated_registration_is_counted_once() {
    let world = world().await;
    let (crn, now) = (crn(&world), world.harness.clock().now());
    let bucket = "crn:v1:bluemix:public:cloud-object-storage:global:a/x:y:bucket:b".parse().unwrap();
    for later in [0, 1] {
        let at = now.plus(Duration::from_millis(later));
        events(&world).registration(&crn, &bucket, true, at).processed().await;
    }
    assert_eq!(world.item().await["services"][STORAGE], json!(2), "the sample bucket, and this one");
}

#[tokio::test]
async fn concurrent_duplicate_registrations_are_counted_once() {
    let world = world().await;
    let (crn, now) = (crn(&world), world.harness.clock().now());
    let bucket = "crn:v1:bluemix:public:cloud-object-storage:global:a/x:y:bucket:b".parse().unwrap();
    let (queue, proxy) = (events(&world).queue(), world.harness.dynamodb().lifecycle_proxy());
    queue.hold(); // so that both are in one batch
    let twice = [0, 1].map(|_| events(&world).registration(&crn, &bucket, true, now));
    proxy.inject_on("TransactWriteItems", Fault::HoldRequest, Times::Next(2));
    queue.release(|_| ());
    proxy.wait_until_held(2).await; // both have read that it does not exist
    proxy.release();
    for event in twice {
        event.processed().await;
    }
    assert_eq!(world.item().await["services"][STORAGE], json!(2), "the sample bucket, and this one");
}

#[tokio::test]
async fn service_without_registrations_is_not_notified() {
    let world = world().await;
    let registrations = world
        .manager
        .send(world.manager.request(http::Method::GET, &format!("/api/v2/keys/{}/registrations", world.key)));
    let body = registrations.await.unwrap().body;
    let resources = body["resources"].as_array().unwrap().iter().map(|it| text(&it["resourceCrn"]));
    let bucket = resources.into_iter().find(|crn| crn.contains(STORAGE)).unwrap();
    let encoded = bucket.replace(':', "%3A").replace('/', "%2F");
    let path = format!("/api/v2/keys/{}/registrations/{encoded}", world.key);
    let ended = world.manager.send(world.manager.request(http::Method::DELETE, &path)).await.unwrap();
    assert_eq!(ended.status, 204);
    assert_eq!(world.item().await["services"], json!({"databases-for-postgresql": 1}));

    assert_eq!(world.sync().await.status, 204);
    assert!(world.harness.object_storage().received().is_empty());
    assert_eq!(world.harness.databases().received().len(), 1);
}

#[tokio::test]
async fn registration_waits_for_the_key_creation_event() {
    let world = world().await;
    let key = KeyId::random();
    let now = world.harness.clock().now();
    let created = facts(&world, key, KeyState::Active, "v-1");
    let bucket = "crn:v1:bluemix:public:cloud-object-storage:global:a/x:y:bucket:b".parse().unwrap();
    let registered = events(&world).registration(&created.crn, &bucket, true, now);
    events(&world).queue().wait_for_failures(1).await;
    events(&world).action(LifecycleAction::Create, &created, now).processed().await;
    registered.processed().await;
    assert_eq!(world.item_of(&key.to_string()).await["services"][STORAGE], json!(1));
    assert!(world.harness.dead_letters().letters().is_empty());
}

#[tokio::test]
async fn ten_concurrent_registrations_are_all_counted() {
    let world = world().await;
    let (crn, now) = (crn(&world), world.harness.clock().now());
    let registrations = (0..10).map(|n| {
        let bucket = format!("crn:v1:bluemix:public:cloud-object-storage:global:a/x:y:bucket:b{n}");
        events(&world).registration(&crn, &bucket.parse().unwrap(), true, now)
    });
    for event in registrations.collect::<Vec<_>>() {
        event.processed().await;
    }
    assert_eq!(world.item().await["services"][STORAGE], json!(11));
}
