//! G9, no silence: an acknowledged key state that contradicts the key's is reported at once,
//! whatever else the service or another resource of it acknowledges, and whether or not it must
//! acknowledge.

use keysync::domain::{EpochMillis, ResourceCrn};
use keysync_testkit::dynamodb::Fault;
use serde_json::{Value, json};

use crate::{
    acknowledgement_deadline::{CHECKED, counts, findings, must_acknowledge, status},
    binaries::binaries,
    log_lines::Lines,
    support::{World, text, world_of},
};

const STORAGE: &str = "cloud-object-storage";

/// A world whose key is deleted. Its services must not use it any more.
async fn deleted(world: World) -> World {
    world.manager.delete(&world.key).await.unwrap().assert_status(204);
    world
}

fn bucket(name: &str) -> ResourceCrn {
    format!("crn:v1:bluemix:public:{STORAGE}:global:a/abc123:8c2e:bucket:{name}").parse().unwrap()
}

/// Object storage acknowledges for a bucket that it acted `seconds` after the notification.
async fn acknowledge(world: &World, name: &str, key_state: &str, seconds: u64) {
    let item = world.item().await;
    let notified_at = EpochMillis::new(item["notified_at"].as_u64().unwrap());
    let at = notified_at.plus(std::time::Duration::from_secs(seconds));
    let event_id = item["outcome"][STORAGE]["event_id"].clone();
    let (crn, resource) = (world.crn(&world.key), bucket(name));
    let events = world.harness.events();
    events.acknowledgement(&crn, &text(&event_id), key_state, Some(&resource), at).processed().await;
}

/// The buckets of the findings so far.
fn conflicting(world: &World) -> Vec<String> {
    let buckets = findings(world).into_iter().map(|finding| {
        assert_eq!(finding["reason"]["reasonCode"], 409);
        text(&finding["responseData"]["resourceCRN"])
    });
    buckets.map(|crn| crn.rsplit(':').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn contradicting_state_is_conflicting() {
    let world = deleted(world_of(must_acknowledge()).await).await;
    acknowledge(&world, "invoices", "DEK_ENABLED", 1).await;
    assert_eq!(status(&world).await["status"], "conflicting");
    let [event] = &findings(&world)[..] else { panic!("one finding") };
    assert_eq!(
        (&event["action"], &event["reason"]["reasonCode"]),
        (&json!("hs-crypto.secrets.ack-delete"), &json!(409))
    );
    let data = &event["responseData"];
    assert_eq!(data["eventAckData"]["adopterKeyState"], "DEK_ENABLED");
    assert!(text(&data["resourceCRN"]).ends_with(":bucket:invoices"));

    let lines = Lines::of(world.harness.lifecycle_function().processes());
    assert_eq!(lines.count("NotificationsConflicting", None), 1);
    assert_eq!(lines.count("NotificationsConflicting", Some(("Service", STORAGE))), 1);
    world.advance_clock(CHECKED).await;
    assert_eq!(counts(&world.redeliver().await), [1, 0], "it acted in time, if wrongly");
    assert_eq!(findings(&world).len(), 1);
}

#[tokio::test]
async fn service_that_need_not_acknowledge_can_conflict() {
    let world = deleted(world_of(binaries()).await).await;
    acknowledge(&world, "invoices", "DEK_ENABLED", 1).await;
    assert_eq!(conflicting(&world), ["invoices"]);
    assert_eq!(status(&world).await["status"], "conflicting");
}

#[tokio::test]
async fn another_resource_does_not_hide_a_contradiction() {
    let world = deleted(world_of(binaries()).await).await;
    acknowledge(&world, "a", "DEK_ENABLED", 1).await;
    acknowledge(&world, "b", "DEK_DISABLED", 2).await;
    let shown = status(&world).await;
    assert_eq!((&shown["status"], &shown["adopterKeyState"]), (&json!("conflicting"), &json!("DEK_ENABLED")));
    acknowledge(&world, "c", "DEK_ENABLED", 3).await;
    assert_eq!(conflicting(&world), ["a", "c"], "one for each resource");
    acknowledge(&world, "c", "DEK_DISABLED", 4).await;
    assert_eq!(status(&world).await["status"], "acknowledged", "corrected");
    acknowledge(&world, "c", "DEK_ENABLED", 3).await;
    assert_eq!(conflicting(&world), ["a", "c"], "a late repetition");
    let entry = world.item().await["acknowledged"][STORAGE].clone();
    assert_eq!(
        entry["counted"]["resource"],
        json!(bucket("c")),
        "one entry, whatever the resources: {entry}"
    );
}

/// It is reported before it is recorded: a failed write repeats it, and loses nothing.
#[tokio::test]
async fn failed_write_repeats_the_report() {
    let world = deleted(world_of(binaries()).await).await;
    let proxy = world.harness.dynamodb().lifecycle_proxy();
    let mut failures = 3; // all attempts of a call
    proxy.inject_with_request(move |request| {
        let is_write = request.contains(":acknowledgements") && failures > 0;
        failures -= i32::from(is_write);
        is_write.then_some(Fault::Fail)
    });
    acknowledge(&world, "invoices", "DEK_ENABLED", 1).await;
    assert_eq!(conflicting(&world), ["invoices", "invoices"]);
    assert_eq!(
        world.item().await["acknowledged"][STORAGE]["counted"]["key_state"],
        Value::from("DEK_ENABLED")
    );
}

/// A service acknowledges for all its buckets at once.
#[tokio::test]
async fn concurrent_acknowledgements_are_all_recorded() {
    let world = deleted(world_of(binaries()).await).await;
    let names: Vec<String> = (0..10).map(|n| format!("bucket-{n}")).collect();
    let all = names.iter().zip(1..).map(|(name, seconds)| {
        let key_state = if seconds == 5 { "DEK_ENABLED" } else { "DEK_DISABLED" };
        acknowledge(&world, name, key_state, seconds)
    });
    futures_util::future::join_all(all).await;
    assert_eq!(status(&world).await["status"], "conflicting");
    assert_eq!(conflicting(&world), ["bucket-4"]);
    let first_at = &world.item().await["acknowledged"][STORAGE]["first_at"];
    let notified_at = world.item().await["notified_at"].as_u64().unwrap();
    assert_eq!(*first_at, json!(notified_at + 1000));
}
