//! G9, no silence, for a key that is notified again before its services had four hours to act: a
//! newer notification replaces an older one, but not its deadline.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    acknowledgement_deadline::{CHECKED, acknowledge, counts, findings, must_acknowledge, status},
    binaries::binaries,
    support::{HOUR, World, text, world_of},
};

const STORAGE: &str = "cloud-object-storage";
const MINUTE: Duration = Duration::from_mins(1);

async fn world() -> World {
    world_of(must_acknowledge()).await
}

/// The events that were not acknowledged, as the findings so far name them.
fn overdue(world: &World) -> Vec<String> {
    let events = findings(world).into_iter().map(|finding| {
        assert_eq!(finding["reason"]["reasonCode"], 408);
        text(&finding["responseData"]["eventAckData"]["eventId"])
    });
    events.collect()
}

async fn event_id(world: &World) -> String {
    text(&status(world).await["eventId"])
}

#[tokio::test]
async fn older_deadline_is_checked_before_the_newer() {
    let world = world().await;
    world.sync().await.assert_status(204);
    let synced = event_id(&world).await;
    world.advance_clock(CHECKED.saturating_sub(MINUTE)).await;
    world.take("actions/rotate").await.assert_status(204);
    let rotated = event_id(&world).await;
    world.advance_clock(2 * MINUTE).await;
    assert_eq!(counts(&world.redeliver().await), [1, 1]);
    assert_eq!(overdue(&world), [&*synced]);
    let finding = findings(&world).remove(0);
    assert_eq!(finding["action"], "hs-crypto.secrets-event.ack", "of a key that was only created");
    assert_eq!(status(&world).await["status"], "delivered", "of the last notification");

    world.advance_clock(CHECKED).await;
    assert_eq!(counts(&world.redeliver().await), [1, 1]);
    assert_eq!(overdue(&world), [synced, rotated]);
    assert_eq!(findings(&world)[1]["action"], "hs-crypto.secrets.ack-rotate");
}

/// The claim comes between the deadline and the run that would have checked it.
#[tokio::test]
async fn claim_after_the_deadline_loses_no_finding() {
    let world = world().await;
    world.sync().await.assert_status(204);
    let synced = event_id(&world).await;
    world.advance_clock(CHECKED + MINUTE).await;
    world.sync().await.assert_status(204);
    assert_eq!(counts(&world.redeliver().await), [1, 1]);
    assert_eq!(overdue(&world), [synced]);
}

#[tokio::test]
async fn service_synced_every_hour_is_reported() {
    let world = world().await;
    let mut events = Vec::new();
    for _ in 0..9 {
        world.sync().await.assert_status(204);
        events.push(event_id(&world).await);
        world.advance_clock(HOUR + MINUTE).await;
        world.redeliver().await;
        let older = world.item().await["deadline"]["older"].as_object().map_or(0, serde_json::Map::len);
        assert!(older <= 1, "the item does not grow with the notifications");
    }
    // The first is found after the fifth, and from then on the fifth is the oldest.
    assert_eq!(overdue(&world), [events[0].clone(), events[4].clone()]);
}

#[tokio::test]
async fn newer_acknowledgement_settles_older_deadlines() {
    let world = world().await;
    world.sync().await.assert_status(204);
    world.advance_clock(HOUR + MINUTE).await;
    world.sync().await.assert_status(204);
    acknowledge(&world, "DEK_ENABLED", world.harness.clock().now()).await.assert_status(204);
    world.advance_clock(CHECKED).await;
    assert_eq!(counts(&world.redeliver().await)[1], 0);
    assert!(findings(&world).is_empty());
}

/// The acknowledgement was under way when the key was notified again.
#[tokio::test]
async fn late_acknowledgement_of_superseded_notification_counts() {
    let world = world().await;
    world.sync().await.assert_status(204);
    let (synced, acted_at) = (event_id(&world).await, world.harness.clock().now());
    world.take("actions/rotate").await.assert_status(204);
    let rotated = event_id(&world).await;
    let crn = world.crn(&world.key);
    world.harness.events().acknowledgement(&crn, &synced, "DEK_ENABLED", None, acted_at).processed().await;
    assert_eq!(status(&world).await["status"], "delivered", "the last notification is not acknowledged");
    world.advance_clock(CHECKED + MINUTE).await;
    world.redeliver().await;
    assert_eq!(overdue(&world), [rotated]);
}

/// Neither outcomes nor acknowledgements of services that are gone stay in the item.
#[tokio::test]
async fn item_forgets_deregistered_services() {
    let world = world().await;
    world.sync().await.assert_status(204);
    acknowledge(&world, "DEK_ENABLED", world.harness.clock().now()).await.assert_status(204);
    world.deregister(STORAGE).await;
    world.take("actions/rotate").await.assert_status(204);
    let item = world.item().await;
    let names = |map: &str| item[map].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names("outcome"), ["databases-for-postgresql"]);
    assert_eq!(names("acknowledged"), [""; 0]);
    assert_eq!(item.get("deadline"), None);
}

/// A claim reads nothing before it, and costs the same with an older deadline.
#[tokio::test]
async fn older_deadline_costs_the_claim_nothing() {
    let world = world().await;
    world.sync().await.assert_status(204);
    world.advance_clock(HOUR + MINUTE).await;
    let proxy = world.harness.dynamodb().proxy();
    drop(proxy.take_calls());
    world.sync().await.assert_status(204);
    let calls: Vec<_> = proxy.take_calls().into_iter().map(|call| call.operation).collect();
    assert_eq!(calls, ["UpdateItem", "UpdateItem"]);
}

#[tokio::test]
async fn nothing_is_stored_if_no_service_acknowledges() {
    let world = world_of(binaries()).await;
    world.sync().await.assert_status(204);
    let item = world.item().await;
    assert_eq!((item.get("deadline"), &item["acknowledged"]), (None::<&Value>, &json!({})));
}
