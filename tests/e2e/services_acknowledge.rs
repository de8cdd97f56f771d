//! A service says that it acted (`event_ack`), which is more than the 2xx that says "received"; and what
//! became of a key's last notification is readable, service by service.

use std::time::Duration;

use keysync_testkit::{Response, services::Behaviour};
use serde_json::{Value, json};

use crate::support::{HOUR, World, text, world};

const STORAGE: &str = "cloud-object-storage";

/// What became of the last notification, by service.
async fn standing(world: &World, service: &str) -> Value {
    let path = format!("/api/v2/keys/{}/notifications", world.key);
    let answer = world.manager.send(world.manager.request(http::Method::GET, &path)).await.unwrap();
    assert_eq!(answer.body["metadata"]["collectionType"], "application/vnd.ibm.kms.notification+json");
    let services = answer.body["resources"].as_array().unwrap();
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
async fn from_told_to_acted() {
    let world = world().await;
    world.harness.databases().behave(Behaviour::respond(503));
    world.sync().await;
    let told = standing(&world, STORAGE).await;
    assert_eq!((&told["status"], &told["attempts"]), (&json!("delivered"), &json!(1)));

    let acted_at = world.harness.clock().now().to_string();
    let event_id = text(&told["eventId"]);
    for _ in 0..2 {
        assert_eq!(acknowledge(&world, &event_id, &acted_at).await.status, 204, "once, or again");
    }
    let acted = standing(&world, STORAGE).await;
    assert_eq!(
        (&acted["status"], &acted["acknowledgedAt"], &acted["adopterKeyState"]),
        (&json!("acknowledged"), &json!(acted_at), &json!("DEK_ENABLED"))
    );
    acknowledge(&world, &event_id, &world.harness.clock().now().minus(HOUR).to_string()).await;
    assert_eq!(standing(&world, STORAGE).await, acted, "an older word changes nothing");
    let waiting = standing(&world, "databases-for-postgresql").await;
    assert_eq!((&waiting["status"], &waiting["reason"]), (&json!("retrying"), &json!("answered 503")));
    assert!(waiting["nextAttempt"].is_string());
}

#[tokio::test]
async fn a_word_about_an_older_notification_says_nothing_of_the_last_one() {
    let world = world().await;
    world.sync().await;
    let old = text(&standing(&world, STORAGE).await["eventId"]);
    world.take("actions/rotate").await;
    let now = world.harness.clock().now().to_string();
    assert_eq!(acknowledge(&world, &old, &now).await.status, 204);
    assert_eq!(standing(&world, STORAGE).await["status"], "delivered");
}

#[tokio::test]
async fn a_newer_notification_has_to_be_acknowledged_anew() {
    let world = world().await;
    world.sync().await;
    let event_id = text(&standing(&world, STORAGE).await["eventId"]);
    acknowledge(&world, &event_id, &world.harness.clock().now().to_string()).await;
    world.take("actions/rotate").await;
    assert_eq!(standing(&world, STORAGE).await["status"], "delivered");
    assert_eq!(world.item().await["acknowledged"], json!({}));
}

#[tokio::test]
async fn a_newer_sync_has_to_be_acknowledged_anew() {
    let world = world().await;
    world.sync().await;
    let event_id = text(&standing(&world, STORAGE).await["eventId"]);
    acknowledge(&world, &event_id, &world.harness.clock().now().to_string()).await;
    world.advance_clock(HOUR + Duration::from_secs(1)).await;
    assert_eq!(world.sync().await.status, 204);
    assert_eq!(standing(&world, STORAGE).await["status"], "delivered");
}

#[tokio::test]
async fn who_was_never_told_has_nothing_to_acknowledge() {
    let world = world().await;
    world.sync().await;
    let event_id = text(&standing(&world, STORAGE).await["eventId"]).replace(STORAGE, "somebody-else");
    acknowledge(&world, &event_id, &world.harness.clock().now().to_string()).await;
    assert_eq!(world.item().await["acknowledged"], json!({}));
}

#[tokio::test]
async fn what_cannot_be_one_is_refused() {
    let world = world().await;
    world.sync().await;
    let event_id = text(&standing(&world, STORAGE).await["eventId"]);
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
async fn before_its_callback_is_confirmed() {
    let world = world().await;
    // Slow to answer, and quicker to say that it acted.
    world.harness.object_storage().behave(Behaviour::Delay { millis: 500 });
    let sync = world.sync();
    let acknowledged = async {
        world.harness.object_storage().wait_for(1).await;
        let event_id = world.harness.object_storage().received()[0].headers["webhook-id"].clone();
        acknowledge(&world, &event_id, &world.harness.clock().now().to_string()).await
    };
    let (synced, acknowledged) = tokio::join!(sync, acknowledged);
    assert_eq!((synced.status.as_u16(), acknowledged.status.as_u16()), (204, 204));
    assert_eq!(standing(&world, STORAGE).await["status"], "acknowledged");
    world.advance_clock(Duration::from_mins(2)).await;
    assert_eq!(world.redeliver().await["taken_up"], json!(0));
}
