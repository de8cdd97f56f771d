//! G7: a key with many services is notified and confirmed like any other, as no expression grows
//! towards DynamoDB's limit of 4 KB with their number. A key has at most 128 services.

use std::time::Duration;

use keysync::domain::{KeyCrn, ResourceCrn};
use keysync_testkit::dynamodb::{Fault, Times};
use serde_json::{Value, json};

use crate::support::{World, world};

/// A key with so many associated services, named `service-000` and so on.
async fn key_with(world: &World, services: usize) -> KeyCrn {
    let names: Vec<String> = (0..services).map(|n| format!("service-{n:03}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let key = world.plant(&names, world.harness.clock().now()).await;
    let (account, instance) = (world.harness.account(), world.harness.instance());
    format!("crn:v1:bluemix:public:hs-crypto:us-south:a/{account}:{instance}:key:{key}").parse().unwrap()
}

fn resource_of(service: &str) -> ResourceCrn {
    format!("crn:v1:bluemix:public:{service}:global:a/x:y:bucket:b").parse().unwrap()
}

async fn services_of(world: &World, key: &KeyCrn) -> Value {
    world.item_of(&key.key.to_string()).await["services"].clone()
}

#[tokio::test]
async fn registration_of_129th_service_reaches_dlq() {
    let world = world().await;
    let key = key_with(&world, 127).await;
    let mut at = world.harness.clock().now();
    let mut register = async |service: &str, registered: bool| {
        at = at.plus(Duration::from_millis(1));
        world.harness.events().registration(&key, &resource_of(service), registered, at).processed().await;
    };
    let letters = || world.harness.dead_letters().letters();
    register("the-128th", true).await;
    assert!(letters().is_empty());

    let before = world.all_items().await;
    register("the-129th", true).await;
    assert_eq!(world.all_items().await, before, "a rejected registration writes nothing");
    let [letter] = &letters()[..] else { panic!("expected one letter") };
    assert_eq!(
        letter.reason,
        "detail.resourceCrn: the key has registrations of 128 services, the maximum: got one of `the-129th`"
    );

    register("service-000", true).await;
    let services = services_of(&world, &key).await;
    assert_eq!(services["service-000"], json!(2), "another resource of an associated service");

    register("the-128th", false).await;
    register("the-129th", true).await;
    let services = services_of(&world, &key).await;
    assert_eq!((services["the-129th"].clone(), services.as_object().unwrap().len()), (json!(1), 128));
    assert_eq!(letters().len(), 1, "below the limit again");
}

#[tokio::test]
async fn concurrent_registrations_never_exceed_the_limit() {
    let world = world().await;
    let key = key_with(&world, 127).await;
    let (now, queue) = (world.harness.clock().now(), world.harness.events().queue());
    let proxy = world.harness.dynamodb().lifecycle_proxy();
    queue.hold(); // so that both are in one batch
    let both = ["one", "other"]
        .map(|service| world.harness.events().registration(&key, &resource_of(service), true, now));
    proxy.inject_on("TransactWriteItems", Fault::HoldRequest, Times::Next(2));
    queue.release(|_| ());
    proxy.wait_until_held(2).await; // both have read that there are 127
    proxy.release();
    for event in both {
        event.processed().await;
    }
    assert_eq!(services_of(&world, &key).await.as_object().unwrap().len(), 128);
    assert_eq!(world.harness.dead_letters().letters().len(), 1);
}

#[tokio::test]
async fn two_hundred_services_are_redelivered_and_confirmed() {
    let world = world().await;
    let names: Vec<String> = (0..200)
        .map(|n| format!("a-service-with-a-name-of-the-greatest-length-that-is-allowed-{n:03}"))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).chain(["cloud-object-storage"]).collect();
    let key = world.plant(&names, world.harness.clock().now()).await;
    let summary = world.redeliver().await;
    assert_eq!((summary.delivered, summary.retrying), (1, 200), "the planted services have no address");
    let item = world.item_of(&key).await;
    assert_eq!(item["pending"].as_object().unwrap().len(), 200);
    assert_eq!(item["retries"].as_object().unwrap().len(), 200);
    let due_times =
        item["retries"].as_object().unwrap().values().map(|retry| retry["next_at"].as_u64().unwrap());
    assert_eq!(item["due_at"].as_u64(), due_times.min(), "due at the earliest retry");
}
