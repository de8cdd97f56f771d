//! The log: one flat JSON object per line, with the same field names in all three functions, so
//! that a query by key, request or trace finds every line.

use std::time::Duration;

use http::Method;
use keysync_testkit::{iam::Health, services::Behaviour};
use serde_json::{Value, json};

use crate::{
    binaries::binaries,
    log_lines::Lines,
    support::{text, world, world_of},
};

const SERVICES: [&str; 2] = ["cloud-object-storage", "databases-for-postgresql"];

fn assert_has_ids(line: &Value, key: &str, claim: &str) {
    let trace = text(&line["trace_id"]);
    assert!(trace.len() == 32 && trace.bytes().all(|c| c.is_ascii_hexdigit()), "{line}");
    assert_eq!((&line["key"], &line["claim"]), (&json!(key), &json!(claim)), "{line}");
    assert!(line["instance"].is_string() && line["timestamp"].is_string(), "{line}");
}

/// Asserts one line per service, in any order.
fn assert_callbacks(lines: &Lines, key: &str, claim: &str, outcomes: [&str; 2]) {
    let mut callbacks: Vec<_> =
        lines.log().into_iter().filter(|line| line["message"] == "callback").collect();
    callbacks.sort_by_key(|line| line["service"].to_string());
    assert_eq!(callbacks.len(), SERVICES.len());
    for ((line, service), outcome) in callbacks.into_iter().zip(SERVICES).zip(outcomes) {
        assert_has_ids(line, key, claim);
        assert_eq!((&line["service"], &line["outcome"]), (&json!(service), &json!(outcome)));
        assert_eq!(line["event_id"], format!("{key}_{claim}_{service}"));
        assert!(line["duration_ms"].is_u64() && line["attempt"] == 1, "{line}");
        assert_eq!(line.get("reason").is_some(), outcome == "failed", "{line}");
    }
}

#[tokio::test]
async fn sync_log_lines_identify_the_request() {
    let world = world().await;
    world.harness.databases().behave_next(1, Behaviour::respond(503));
    let path = format!("/api/v2/keys/{}/actions/sync", world.key);
    let request = || world.manager.request(Method::POST, &path).header("correlation-id", "c-1");
    world.manager.send(request()).await.unwrap().assert_status(204);
    world.sync().await.assert_status(409);

    let lines = Lines::of(world.harness.sync_function().process());
    let claim = text(&world.item().await["claim"]);
    let accepted = lines.only("sync accepted");
    assert_has_ids(accepted, &world.key, &claim);
    assert_eq!((&accepted["outcome"], &accepted["status"]), (&json!("notified"), &json!(204)));
    assert_eq!(accepted["correlation_id"], "c-1");
    assert_callbacks(&lines, &world.key, &claim, ["delivered", "failed"]);
    let rejected = lines.only("sync rejected");
    assert_eq!((&rejected["outcome"], &rejected["status"]), (&json!("REQ_TOO_EARLY_ERR"), &json!(409)));
    assert!(
        rejected["reason"].is_string()
            && rejected["key"] == world.key.as_str()
            && rejected.get("claim").is_none()
    );
    assert_ne!(rejected["trace_id"], accepted["trace_id"]);
    for line in lines.log() {
        assert!(line["correlation_id"].is_string() && line["trace_id"].is_string(), "{line}");
        assert!(line.get("span").is_none() && line.get("spans").is_none(), "flat: {line}");
    }
}

#[tokio::test]
async fn lifecycle_log_lines_identify_the_event() {
    let world = world().await;
    assert!(world.take("actions/rotate").await.status.is_success());
    world.harness.events().queue().send("no event").processed().await;
    world.harness.object_storage().wait_for(1).await;
    world.harness.databases().wait_for(1).await;
    let process = world.harness.lifecycle_function().processes().unwrap();
    process.wait_for_log(|log| log.iter().any(|line| line.contains(r#""notified""#))).await;

    let lines = Lines::of(Some(process));
    let claim = text(&world.item().await["claim"]);
    let taken: Vec<_> =
        lines.log().into_iter().filter(|line| line["message"] == "lifecycle event processed").collect();
    let notified = taken.iter().find(|line| line["outcome"] == "notified").unwrap();
    assert_has_ids(notified, &world.key, &claim);
    assert!(notified["message_id"].is_string() && notified["duration_ms"].is_u64());
    assert_callbacks(&lines, &world.key, &claim, ["delivered", "delivered"]);
    let malformed = lines.only("malformed lifecycle event sent to the dead-letter queue");
    assert_eq!((&malformed["outcome"], &malformed["level"]), (&json!("dead_letter"), &json!("ERROR")));
    assert!(text(&malformed["reason"]).contains("the event: ") && malformed["trace_id"].is_string());
}

#[tokio::test]
async fn redeliver_log_lines_identify_the_run() {
    let world = world().await;
    world.harness.databases().behave_next(1, Behaviour::respond(503));
    world.sync().await.assert_status(204);
    world.advance_clock(Duration::from_mins(2)).await;
    world.redeliver().await;

    let lines = Lines::of(world.harness.redeliver_function().processes());
    let (callback, run) = (lines.only("callback"), lines.only("redelivered"));
    assert_has_ids(callback, &world.key, &text(&world.item().await["claim"]));
    assert_eq!((&callback["attempt"], &callback["outcome"]), (&json!(2), &json!("delivered")));
    assert_eq!(run["trace_id"], callback["trace_id"]);
    assert_eq!((&run["outcome"], &run["leased"]), (&json!("done"), &json!(1)));
    assert!(run["duration_ms"].is_u64() && run["oldest_due_ms"].as_u64().unwrap() >= 120_000);
}

#[tokio::test]
async fn error_line_alone_identifies_the_request() {
    let world = world_of(binaries().env("KEYSYNC_LOG", "error")).await;
    world.harness.iam().set_health(Health::Down);
    world.sync().await.assert_status(503);
    let lines = Lines::of(world.harness.sync_function().process());
    let [line] = lines.log()[..] else { panic!("expected one line: {:?}", lines.log()) };
    assert_eq!((&line["message"], &line["level"]), (&json!("sync failed"), &json!("ERROR")));
    assert!(
        line["correlation_id"].is_string()
            && line["trace_id"].is_string()
            && line["key"] == world.key.as_str()
    );
}
