//! G2, as far as one request goes: what was not delivered is in the outbox, due for another try,
//! whatever went wrong. What finishes it is in `redelivery_finishes_what_was_begun`.

use std::time::Duration;

use keysync_testkit::{
    Harness,
    dynamodb::{Fault, Times},
    services::Behaviour,
};
use serde_json::json;

use crate::support::{World, world, world_of};

/// Databases are still to be told; object storage is not.
async fn databases_are_pending(world: &World) -> serde_json::Value {
    let item = world.item().await;
    assert_eq!(item["pending"], json!({"databases-for-postgresql": 1}));
    assert_eq!(item["outcome"]["cloud-object-storage"]["status"], "delivered");
    assert!(item["due_at"].as_u64() > item["notified_at"].as_u64());
    assert!(item["due_shard"].is_number());
    item["outcome"]["databases-for-postgresql"].clone()
}

#[tokio::test]
async fn a_service_that_answers_503() {
    let world = world().await;
    world.harness.databases().behave(Behaviour::respond(503));
    assert_eq!(world.sync().await.status, 204, "recorded, and retried until it arrives");
    let outcome = databases_are_pending(&world).await;
    assert_eq!(
        (&outcome["status"], &outcome["reason"], &outcome["attempts"]),
        (&json!("retrying"), &json!("answered 503"), &json!(1))
    );
}

#[tokio::test]
async fn a_service_that_redirects_is_not_followed() {
    let world = world().await;
    let elsewhere = format!("{}/cloud-object-storage/callbacks", world.harness.services_url());
    world.harness.databases().behave(Behaviour::Redirect { to: elsewhere });
    assert_eq!(world.sync().await.status, 204);
    databases_are_pending(&world).await;
    assert_eq!(world.harness.object_storage().received().len(), 1, "nobody followed");
}

#[tokio::test]
async fn a_service_that_never_answers() {
    let world = world_of(Harness::builder().env("KEYSYNC_CALLBACK_TIMEOUT", "200ms")).await;
    world.harness.databases().behave(Behaviour::Hang);
    assert_eq!(world.sync().await.status, 204);
    assert_eq!(databases_are_pending(&world).await["reason"], "no answer within 200 ms");
}

#[tokio::test]
async fn a_service_that_asks_for_time_gets_it() {
    for (asked, held_back) in [(1800, 1800), (7200, 3600)] {
        let world = world().await;
        world.harness.databases().behave(Behaviour::Respond { status: 429, retry_after: Some(asked) });
        world.sync().await;
        databases_are_pending(&world).await;
        let item = world.item().await;
        let waits = item["due_at"].as_u64().unwrap() - item["notified_at"].as_u64().unwrap();
        let seconds = held_back..held_back + 60; // from the response on, which comes some time after the claim
        assert!(seconds.contains(&(waits / 1000)), "{asked} s: {waits} ms");
    }
}

#[tokio::test]
async fn a_service_that_wants_no_more_is_not_asked_again() {
    let world = world().await;
    world.harness.databases().behave(Behaviour::respond(410));
    assert_eq!(world.sync().await.status, 204);
    let item = world.item().await;
    assert_eq!((&item["pending"], item.get("due_at")), (&json!({}), None));
    assert_eq!(item["outcome"]["databases-for-postgresql"]["status"], "refused");
}

#[tokio::test]
async fn a_function_that_is_killed_while_it_delivers() {
    let world = world().await;
    world.harness.databases().behave(Behaviour::Hang);
    let cut_off = tokio::spawn({
        let (manager, key) = (world.manager.clone(), world.key.clone());
        async move { manager.sync(&key).await.unwrap() }
    });
    world.harness.databases().wait_for(1).await;
    world.harness.sync_function().process().unwrap().kill().await;
    assert_eq!(cut_off.await.unwrap().status, 502, "what a function URL says of a function that died");

    let item = world.item().await;
    assert_eq!(item["pending"], json!({"cloud-object-storage": 1, "databases-for-postgresql": 1}));
    assert!(item["due_at"].as_u64() > item["notified_at"].as_u64());
    assert_eq!(world.sync().await.status, 409, "the next request starts it again, and the window is closed");
}

#[tokio::test]
async fn a_confirmation_that_dynamodb_does_not_take() {
    let world = world().await;
    let proxy = world.harness.dynamodb().proxy();
    proxy.inject(Fault::Delay(Duration::ZERO), Times::Next(1)); // the claim
    proxy.inject(Fault::Fail, Times::Always);
    assert_eq!(world.sync().await.status, 204, "the claim is durable, and everybody was told");
    assert_eq!(world.harness.object_storage().received().len(), 1);
    assert!(world.item().await["due_at"].is_number(), "it will be told once more: at least once");
}
