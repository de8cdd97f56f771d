//! A sync works in every key state except purged, for root keys with and without associated
//! services.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::Value;

use crate::support::{HOUR, World, world};

const PAST_THE_WINDOW: Duration = HOUR.saturating_add(Duration::from_secs(1));

/// The data of the last callback to object storage.
fn last_callback(world: &World) -> Value {
    let received = world.harness.object_storage().received();
    let event = received.last().unwrap().json();
    event["data"].clone()
}

#[tokio::test]
async fn active_key_is_synced() {
    let world = world().await;
    assert_eq!(world.sync().await.status, 204);
    assert_eq!(
        (&last_callback(&world)["keyState"], &last_callback(&world)["eventType"]),
        (&1.into(), &"create".into())
    );
}

#[tokio::test]
async fn suspended_key_is_synced() {
    let world = world().await;
    assert_eq!(world.take("actions/disable").await.status, 204);
    world.advance_clock(PAST_THE_WINDOW).await;
    assert_eq!(world.sync().await.status, 204);
    assert_eq!(
        (&last_callback(&world)["keyState"], &last_callback(&world)["eventType"]),
        (&2.into(), &"disable".into())
    );
}

#[tokio::test]
async fn deactivated_key_is_synced() {
    let world = world().await;
    // A key is deactivated when it expires; no action does it.
    world
        .harness
        .dynamodb()
        .client()
        .update_item()
        .table_name(world.harness.table())
        .key("pk", AttributeValue::S(format!("{}#{}", world.harness.instance(), world.key)))
        .key("sk", AttributeValue::S("key".to_owned()))
        .update_expression("SET #state = :deactivated")
        .expression_attribute_names("#state", "state")
        .expression_attribute_values(":deactivated", AttributeValue::N("3".to_owned()))
        .send()
        .await
        .unwrap();
    assert_eq!(world.sync().await.status, 204);
    assert_eq!(last_callback(&world)["keyState"], 3);
}

#[tokio::test]
async fn destroyed_key_is_synced() {
    let world = world().await;
    assert_eq!(world.manager.delete(&world.key).await.unwrap().status, 204);
    world.advance_clock(PAST_THE_WINDOW).await;
    assert_eq!(world.sync().await.status, 204);
    assert_eq!(
        (&last_callback(&world)["keyState"], &last_callback(&world)["eventType"]),
        (&5.into(), &"delete".into())
    );
    assert_eq!(last_callback(&world)["renotification"], true);
}

#[tokio::test]
async fn purged_key_returns_404() {
    let world = world().await;
    world.manager.delete(&world.key).await.unwrap();
    world.advance_clock(Duration::from_hours(4)).await;
    let manager = &world.harness.iam().authenticate(&world.manager.token()).unwrap().iam_id;
    world.harness.iam().grant(manager, world.harness.instance(), keysync_testkit::iam::Role::KeyPurge);
    let purge = world.manager.request(http::Method::DELETE, &format!("/api/v2/keys/{}/purge", world.key));
    assert_eq!(world.manager.send(purge).await.unwrap().status, 204);

    let before = world.all_items().await;
    let response = world.sync().await;
    assert_eq!((response.status.as_u16(), response.code()), (404, "KEY_NOT_FOUND_ERR"));
    assert_eq!(world.all_items().await, before);
}

#[tokio::test]
async fn key_without_services_is_synced() {
    let world = world().await;
    let key = world.another_key().await;
    assert_eq!(world.manager.sync(&key).await.unwrap().status, 204);
    let item = world.item_of(&key).await;
    assert_eq!((&item["pending"], item.get("due_at")), (&serde_json::json!({}), None));
    assert_eq!(world.manager.sync(&key).await.unwrap().status, 409);
}

#[tokio::test]
async fn alias_with_key_ring_is_synced() {
    let world = world().await;
    let created = world.take("aliases/invoices").await;
    assert_eq!(created.status, 201);
    let request = world.manager.request(http::Method::POST, "/api/v2/keys/invoices/actions/sync");
    let response = world.manager.send(request.header("x-kms-key-ring", "default")).await.unwrap();
    assert_eq!(response.status, 204);
    assert_eq!(world.sync().await.status, 409, "the alias names the same key");
}
