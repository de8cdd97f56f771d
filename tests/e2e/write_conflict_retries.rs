//! G3: a write that DynamoDB rejects because a transaction holds the item is retried at once, a few
//! times, within the call's timeout.

use std::time::{Duration, Instant};

use keysync::domain::KeyCrn;
use keysync_testkit::dynamodb::{Fault, Proxy, Times};
use serde_json::json;

use crate::support::{World, text, world};

/// The attempts of a call (`functions/src/ledger/mod.rs`).
const ATTEMPTS: usize = 3;
/// The timeout of a call, over all attempts.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

fn attempts(proxy: &Proxy) -> usize {
    proxy.take_calls().iter().filter(|call| call.fault == Some(Fault::Conflict)).count()
}

async fn assert_notified_once(world: &World) {
    for service in world.harness.services() {
        assert_eq!(service.received().len(), 1, "{}", service.name());
    }
    let item = world.item().await;
    assert_eq!((&item["pending"], &item["sequence"], item.get("due_at")), (&json!({}), &json!(1), None));
}

#[tokio::test]
async fn conflict_at_the_claim_is_retried() {
    let world = world().await;
    let proxy = world.harness.dynamodb().proxy();
    proxy.inject(Fault::Conflict, Times::Next(ATTEMPTS - 1));
    assert_eq!(world.sync().await.status, 204);
    assert_eq!(attempts(proxy), ATTEMPTS - 1);
    assert_notified_once(&world).await;
}

#[tokio::test]
async fn endless_conflict_returns_503_and_claims_nothing() {
    let world = world().await;
    let (before, proxy) = (world.item().await, world.harness.dynamodb().proxy());
    proxy.inject(Fault::Conflict, Times::Always);
    let started = Instant::now();
    let response = world.sync().await;
    assert_eq!((response.status.as_u16(), response.code()), (503, "SERVICE_UNAVAILABLE_ERR"));
    assert!(started.elapsed() < CALL_TIMEOUT, "{:?}", started.elapsed());
    assert!(response.header("retry-after").parse::<u64>().is_ok());
    assert_eq!(attempts(proxy), ATTEMPTS);
    assert_eq!(world.item().await, before);
    proxy.clear_faults();
    assert_eq!(world.sync().await.status, 204, "the window is open");
    assert_notified_once(&world).await;
}

#[tokio::test]
async fn conflict_after_a_lost_response_is_own_claim() {
    let world = world().await;
    let proxy = world.harness.dynamodb().proxy();
    proxy.inject(Fault::LoseResponse, Times::Next(1));
    proxy.inject(Fault::Conflict, Times::Next(1));
    assert_eq!(world.sync().await.status, 204);
    assert_notified_once(&world).await;
    assert_eq!(world.sync().await.status, 409);
}

#[tokio::test]
async fn conflict_at_the_confirmation_is_retried() {
    let world = world().await;
    let proxy = world.harness.dynamodb().proxy();
    proxy.inject(Fault::Delay(Duration::ZERO), Times::Next(1)); // the claim
    proxy.inject(Fault::Conflict, Times::Next(ATTEMPTS - 1));
    assert_eq!(world.sync().await.status, 204);
    assert_eq!(attempts(proxy), ATTEMPTS - 1);
    assert_notified_once(&world).await;
}

#[tokio::test]
async fn conflict_at_the_record_is_retried() {
    let world = world().await;
    let proxy = world.harness.dynamodb().lifecycle_proxy();
    proxy.inject_on("UpdateItem", Fault::Conflict, Times::Next(ATTEMPTS - 1));
    assert_eq!(world.manager.delete(&world.key).await.unwrap().status, 204);
    assert_eq!(attempts(proxy), ATTEMPTS - 1);
    assert_eq!(world.harness.events().queue().failures(), 0);
    assert_notified_once(&world).await;
}

#[tokio::test]
async fn endless_conflict_at_the_record_leaves_the_event() {
    let world = world().await;
    let proxy = world.harness.dynamodb().lifecycle_proxy();
    proxy.inject_on("UpdateItem", Fault::Conflict, Times::Next(ATTEMPTS));
    assert_eq!(world.manager.delete(&world.key).await.unwrap().status, 204);
    assert_eq!(world.harness.events().queue().failures(), 1, "the queue delivers it again");
    assert_notified_once(&world).await;
}

#[tokio::test]
async fn conflict_of_a_registration_is_retried() {
    let world = world().await;
    let proxy = world.harness.dynamodb().lifecycle_proxy();
    proxy.inject_on("TransactWriteItems", Fault::Conflict, Times::Next(ATTEMPTS - 1));
    register(&world).await;
    assert_eq!(attempts(proxy), ATTEMPTS - 1);
    assert_eq!(world.harness.events().queue().failures(), 0);
    assert_eq!(world.item().await["services"]["cloud-object-storage"], json!(2));
}

#[tokio::test]
async fn endless_conflict_of_a_registration_leaves_the_event() {
    let world = world().await;
    let proxy = world.harness.dynamodb().lifecycle_proxy();
    // The registration is read four times (`registration.rs`), each with the attempts of a call.
    proxy.inject_on("TransactWriteItems", Fault::Conflict, Times::Next(4 * ATTEMPTS));
    register(&world).await;
    assert_eq!(world.harness.events().queue().failures(), 1, "the queue delivers it again");
    assert_eq!(world.item().await["services"]["cloud-object-storage"], json!(2));
    assert!(world.harness.dead_letters().letters().is_empty());
}

#[tokio::test]
async fn conflict_at_the_lease_is_retried() {
    let world = world().await;
    let planted = world.plant(&["cloud-object-storage"], world.harness.clock().now()).await;
    let proxy = world.harness.dynamodb().redeliver_proxy();
    proxy.inject_on("UpdateItem", Fault::Conflict, Times::Next(ATTEMPTS - 1));
    assert_eq!(world.redeliver().await.delivered, 1);
    assert_eq!(attempts(proxy), ATTEMPTS - 1);
    assert_eq!(world.item_of(&planted).await["pending"], json!({}));
}

#[tokio::test]
async fn conflict_at_the_acknowledgement_is_retried() {
    let world = world().await;
    world.sync().await;
    let service = world.harness.object_storage();
    let event = service.received()[0].json();
    let proxy = world.harness.dynamodb().lifecycle_proxy();
    proxy.inject_on("UpdateItem", Fault::Conflict, Times::Next(ATTEMPTS - 1));
    let now = world.harness.clock().now();
    let id = text(&event["id"]);
    world
        .harness
        .events()
        .acknowledgement(&crn(&world).await, &id, "DEK_ENABLED", None, now)
        .processed()
        .await;
    assert_eq!(attempts(proxy), ATTEMPTS - 1);
    assert!(world.item().await["acknowledged"]["cloud-object-storage"].is_object());
}

#[tokio::test]
async fn conflict_at_the_purge_is_retried() {
    let world = world().await;
    let proxy = world.harness.dynamodb().lifecycle_proxy();
    proxy.inject_on("UpdateItem", Fault::Conflict, Times::Next(ATTEMPTS - 1));
    world.harness.events().purge(&crn(&world).await, world.harness.clock().now()).processed().await;
    assert_eq!(attempts(proxy), ATTEMPTS - 1);
    assert_eq!(world.sync().await.status, 404);
}

async fn crn(world: &World) -> KeyCrn {
    text(&world.item().await["crn"]).parse().unwrap()
}

async fn register(world: &World) {
    let bucket = "crn:v1:bluemix:public:cloud-object-storage:global:a/x:y:bucket:b".parse().unwrap();
    let (crn, now) = (crn(world).await, world.harness.clock().now());
    world.harness.events().registration(&crn, &bucket, true, now).processed().await;
}
