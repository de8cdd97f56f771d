//! Acknowledgements: a service reports that it acted (`event_ack`), which is more than its 2xx to
//! the callback, and the delivery status of a key's last notification is readable by service.

use std::time::Duration;

use keysync_testkit::{Response, services::Behaviour};
use serde_json::{Value, json};

use crate::support::{HOUR, World, text, world};

const STORAGE: &str = "cloud-object-storage";

/// The delivery status of the last notification to a service.
async fn notification_status(world: &World, service: &str) -> Value {
    let path = format!("/api/v2/keys/{}/notifications", world.key);
    let response = world.manager.send(world.manager.request(http::Method::GET, &path)).await.unwrap();
    assert_eq!(response.body["metadata"]["collectionType"], "application/vnd.ibm.kms.notification+json");
    let services = response.body["resources"].as_array().unwrap();
    services.iter().find(|it| it["service"] == service).cloned().unwrap_or_default()
}

async fn acknowledge(world: &World, event_id: &str, timestamp: &str) -> Response {
    let body = json!({
        "metadata": {"collectionType": "application/vnd.ibm.kms.event_acknowledge+json", "collectionTotal": 1},
        "resources": [{"eventId": event_id, "adopterKeyState": "DEK_ENABLED", "timestamp": timestamp}],
    });
    let request = world.manager.request(http::Method::POST, "/api/v2/event_ack").json(&body);
    world.manager.send(request).await.unwrap()
}

#[tokio::test]
async fn acknowledgement_changes_the_status() {
    let world = world().await;
    world.harness.databases().behave(Behaviour::respond(503));
    world.sync().await;
    let delivered = notification_status(&world, STORAGE).await;
    assert_eq!((&delivered["status"], &delivered["attempts"]), (&json!("delivered"), &json!(1)));

    let sent_at = world.harness.clock().now();
    let acted_at = sent_at.plus(Duration::from_secs(1)).to_string();
    let event_id = text(&delivered["eventId"]);
    for _ in 0..2 {
        assert_eq!(acknowledge(&world, &event_id, &acted_at).await.status, 204, "repeatable");
    }
    let acknowledged = notification_status(&world, STORAGE).await;
    assert_eq!(
        (&acknowledged["status"], &acknowledged["acknowledgedAt"], &acknowledged["adopterKeyState"]),
        (&json!("acknowledged"), &json!(acted_at), &json!("DEK_ENABLED"))
    );
    acknowledge(&world, &event_id, &sent_at.to_string()).await;
    assert_eq!(
        notification_status(&world, STORAGE).await,
        acknowledged,
        "an older acknowledgement changes nothing"
    );
    let retrying = notification_status(&world, "databases-for-postgresql").await;
    assert_eq!(
        (&retrying["status"], &retrying["reason"]),
        (&json!("retrying"), &json!("responded with 503"))
    );
    assert!(retrying["nextAttempt"].is_string());
}

#[tokio::test]
async fn acknowledgement_of_older_notification_is_ignored() {
    let world = world().await;
    world.sync().await;
    let old = text(&notification_status(&world, STORAGE).await["eventId"]);
    world.take("actions/rotate").await;
    let now = world.harness.clock().now().to_string();
    assert_eq!(acknowledge(&world, &old, &now).await.status, 204);
    assert_eq!(notification_status(&world, STORAGE).await["status"], "delivered");
}

#[tokio::test]
async fn newer_notification_clears_the_acknowledgement() {
    let world = world().await;
    world.sync().await;
    let event_id = text(&notification_status(&world, STORAGE).await["eventId"]);
    acknowledge(&world, &event_id, &world.harness.clock().now().to_string()).await;
    world.take("actions/rotate").await;
    assert_eq!(notification_status(&world, STORAGE).await["status"], "delivered");
}

#[tokio::test]
async fn newer_sync_clears_the_acknowledgement() {
    let world = world().await;
    world.sync().await;
    let event_id = text(&notification_status(&world, STORAGE).await["eventId"]);
    acknowledge(&world, &event_id, &world.harness.clock().now().to_string()).await;
    world.advance_clock(HOUR + Duration::from_secs(1)).await;
    assert_eq!(world.sync().await.status, 204);
    assert_eq!(notification_status(&world, STORAGE).await["status"], "delivered");
}

#[tokio::test]
async fn acknowledgement_of_unnotified_service_is_ignored() {
    let world = world().await;
    world.sync().await;
    let event_id =
        text(&notification_status(&world, STORAGE).await["eventId"]).replace(STORAGE, "another-service");
    acknowledge(&world, &event_id, &world.harness.clock().now().to_string()).await;
    assert_eq!(world.item().await["acknowledged"], json!({}));
}

#[tokio::test]
async fn invalid_acknowledgement_is_rejected() {
    let world = world().await;
    world.sync().await;
    let event_id = text(&notification_status(&world, STORAGE).await["eventId"]);
    let now = world.harness.clock().now().to_string();
    let unknown = event_id.replace(&world.key, "02fd6835-6001-4482-a892-13bd2085f75d");
    for (event_id, timestamp, status) in [
        ("x", now.as_str(), 400),
        (event_id.as_str(), "yesterday", 400),
        (unknown.as_str(), now.as_str(), 404),
    ] {
        assert_eq!(acknowledge(&world, event_id, timestamp).await.status, status, "{event_id} {timestamp}");
    }
    let reader =
        keysync_testkit::Client::log_in(&world.harness, world.harness.reader_api_key()).await.unwrap();
    let request = reader.request(http::Method::POST, "/api/v2/event_ack").json(&json!({"resources": [
        {"eventId": event_id, "adopterKeyState": "x", "timestamp": now}]}));
    assert_eq!(reader.send(request).await.unwrap().status, 401);
}

#[tokio::test]
async fn acknowledgement_before_the_confirmation_is_kept() {
    let world = world().await;
    // The service responds slowly and acknowledges before.
    world.harness.object_storage().behave(Behaviour::Delay { millis: 500 });
    let sync = world.sync();
    let acknowledged = async {
        world.harness.object_storage().wait_for(1).await;
        let event_id = world.harness.object_storage().received()[0].header("webhook-id").to_owned();
        acknowledge(&world, &event_id, &world.harness.clock().now().to_string()).await
    };
    let (synced, acknowledged) = tokio::join!(sync, acknowledged);
    assert_eq!((synced.status.as_u16(), acknowledged.status.as_u16()), (204, 204));
    assert_eq!(notification_status(&world, STORAGE).await["status"], "acknowledged");
    world.advance_clock(Duration::from_mins(2)).await;
    assert_eq!(world.redeliver().await.leased, 0);
}
