//! G2 within one request: an undelivered notification stays in the outbox, due for another attempt,
//! whatever the failure. The module `redelivery` covers its later delivery.

use std::time::Duration;

use keysync_testkit::{
    dynamodb::{Fault, Times},
    services::Behaviour,
};
use serde_json::json;

use crate::support::{World, binaries, world, world_of};

/// Databases are pending and object storage is delivered; returns the outcome for databases.
async fn databases_are_pending(world: &World) -> serde_json::Value {
    let item = world.item().await;
    assert_eq!(item["pending"], json!({"databases-for-postgresql": 1}));
    assert_eq!(item["outcome"]["cloud-object-storage"]["status"], "delivered");
    assert!(item["due_at"].as_u64() > item["notified_at"].as_u64());
    assert!(item["due_shard"].is_number());
    world.assert_follows_model();
    item["outcome"]["databases-for-postgresql"].clone()
}

#[tokio::test]
async fn service_returning_503_stays_pending() {
    let world = world().await;
    world.harness.databases().behave(Behaviour::respond(503));
    assert_eq!(world.sync().await.status, 204, "recorded, and retried until delivered");
    let outcome = databases_are_pending(&world).await;
    assert_eq!(
        (&outcome["status"], &outcome["reason"], &outcome["attempts"]),
        (&json!("retrying"), &json!("responded with 503"), &json!(1))
    );
}

#[tokio::test]
async fn redirect_is_not_followed() {
    let world = world().await;
    let other_service = format!("{}/cloud-object-storage/callbacks", world.harness.services_url());
    world.harness.databases().behave(Behaviour::Redirect { to: other_service });
    assert_eq!(world.sync().await.status, 204);
    databases_are_pending(&world).await;
    assert_eq!(world.harness.object_storage().received().len(), 1, "the redirect is not followed");
}

#[tokio::test]
async fn hanging_service_times_out_and_stays_pending() {
    let world = world_of(binaries().env("KEYSYNC_CALLBACK_TIMEOUT", "200ms")).await;
    world.harness.databases().behave(Behaviour::Hang);
    assert_eq!(world.sync().await.status, 204);
    assert_eq!(databases_are_pending(&world).await["reason"], "no response within 200 ms");
}

#[tokio::test]
async fn retry_after_delays_the_next_attempt() {
    for (retry_after, delay) in [(1800, 1800), (7200, 3600)] {
        let world = world().await;
        world.harness.databases().behave(Behaviour::Respond { status: 429, retry_after: Some(retry_after) });
        world.sync().await;
        databases_are_pending(&world).await;
        let item = world.item().await;
        let waited = item["due_at"].as_u64().unwrap() - item["notified_at"].as_u64().unwrap();
        let seconds = delay..delay + 60; // counted from the response, which follows the claim
        assert!(seconds.contains(&(waited / 1000)), "retry-after {retry_after} s: {waited} ms");
    }
}

#[tokio::test]
async fn service_returning_410_is_not_retried() {
    let world = world().await;
    world.harness.databases().behave(Behaviour::respond(410));
    assert_eq!(world.sync().await.status, 204);
    let item = world.item().await;
    assert_eq!((&item["pending"], item.get("due_at")), (&json!({}), None));
    assert_eq!(item["outcome"]["databases-for-postgresql"]["status"], "refused");
}

#[tokio::test]
async fn function_killed_during_delivery_leaves_notification_pending() {
    let world = world().await;
    world.harness.databases().behave(Behaviour::Hang);
    let interrupted = tokio::spawn({
        let (manager, key) = (world.manager.clone(), world.key.clone());
        async move { manager.sync(&key).await.unwrap() }
    });
    world.harness.databases().wait_for(1).await;
    world.harness.sync_function().process().unwrap().kill().await;
    assert_eq!(interrupted.await.unwrap().status, 502, "a function URL's status for a killed function");

    let item = world.item().await;
    assert_eq!(item["pending"], json!({"cloud-object-storage": 1, "databases-for-postgresql": 1}));
    assert!(item["due_at"].as_u64() > item["notified_at"].as_u64());
    assert_eq!(world.sync().await.status, 409, "the restarted function finds the window closed");
    world.assert_follows_model();
}

#[tokio::test]
async fn failed_confirmation_leaves_notification_due() {
    let world = world().await;
    let proxy = world.harness.dynamodb().proxy();
    proxy.inject(Fault::Delay(Duration::ZERO), Times::Next(1)); // the claim
    proxy.inject(Fault::Fail, Times::Always);
    assert_eq!(world.sync().await.status, 204, "the claim is durable and every service was notified");
    assert_eq!(world.harness.object_storage().received().len(), 1);
    assert!(
        world.item().await["due_at"].is_number(),
        "the notification stays due: delivery is at least once"
    );
    world.assert_follows_model();
}
