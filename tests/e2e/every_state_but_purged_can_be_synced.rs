//! A sync works in every state but purged, for root keys, with and without associated services.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::Value;

use crate::support::{HOUR, World, world};

const LONGER: Duration = HOUR.saturating_add(Duration::from_secs(1));

/// The data of the last callback that object storage got.
fn last_told(world: &World) -> Value {
    let received = world.harness.object_storage().received();
    let event: Value = serde_json::from_str(&received.last().unwrap().body).unwrap();
    event["data"].clone()
}

#[tokio::test]
async fn active() {
    let world = world().await;
    assert_eq!(world.sync().await.status, 204);
    assert_eq!(
        (&last_told(&world)["keyState"], &last_told(&world)["eventType"]),
        (&1.into(), &"create".into())
    );
}

#[tokio::test]
async fn suspended() {
    let world = world().await;
    assert_eq!(world.take("actions/disable").await.status, 204);
    world.advance_clock(LONGER).await;
    assert_eq!(world.sync().await.status, 204);
    assert_eq!(
        (&last_told(&world)["keyState"], &last_told(&world)["eventType"]),
        (&2.into(), &"disable".into())
    );
}

#[tokio::test]
async fn deactivated() {
    let world = world().await;
    // A key becomes deactivated when it expires, which no action brings about.
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
    assert_eq!(last_told(&world)["keyState"], 3);
}

#[tokio::test]
async fn destroyed() {
    let world = world().await;
    assert_eq!(world.manager.delete(&world.key).await.unwrap().status, 204);
    world.advance_clock(LONGER).await;
    assert_eq!(world.sync().await.status, 204);
    assert_eq!(
        (&last_told(&world)["keyState"], &last_told(&world)["eventType"]),
        (&5.into(), &"delete".into())
    );
    assert_eq!(last_told(&world)["renotification"], true);
}

#[tokio::test]
async fn not_purged() {
    let world = world().await;
    world.manager.delete(&world.key).await.unwrap();
    world.advance_clock(Duration::from_hours(4)).await;
    let manager = &world.harness.iam().authenticate(&world.manager.token()).unwrap().iam_id;
    world.harness.iam().grant(manager, world.harness.instance(), keysync_testkit::iam::Role::KeyPurge);
    let purge = world.manager.request(http::Method::DELETE, &format!("/api/v2/keys/{}/purge", world.key));
    assert_eq!(world.manager.send(purge).await.unwrap().status, 204);

    let before = world.everything().await;
    let answer = world.sync().await;
    assert_eq!((answer.status.as_u16(), answer.code()), (404, "KEY_NOT_FOUND_ERR"));
    assert_eq!(world.everything().await, before);
}

#[tokio::test]
async fn without_associated_services() {
    let world = world().await;
    let key = world.another_key().await;
    assert_eq!(world.manager.sync(&key).await.unwrap().status, 204);
    let item = world.item_of(&key).await;
    assert_eq!((&item["pending"], item.get("due_at")), (&serde_json::json!({}), None));
    assert_eq!(world.manager.sync(&key).await.unwrap().status, 409);
}

#[tokio::test]
async fn by_an_alias_and_in_its_ring() {
    let world = world().await;
    let made = world.take("aliases/invoices").await;
    assert_eq!(made.status, 201);
    let request = world.manager.request(http::Method::POST, "/api/v2/keys/invoices/actions/sync");
    let answer = world.manager.send(request.header("x-kms-key-ring", "default")).await.unwrap();
    assert_eq!(answer.status, 204);
    assert_eq!(world.sync().await.status, 409, "the alias names the same key");
}
