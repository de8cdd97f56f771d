//! G9, no silence: a service that must acknowledge and has not within four hours is overdue, one
//! whose acknowledged key state contradicts the key's is conflicting. Either is found once, to the
//! millisecond, whatever happens to the process that finds it.

use std::time::Duration;

use keysync::domain::EpochMillis;
use keysync_testkit::{
    Harness, HarnessBuilder, HarnessClock, RedeliverSummary, Response, dynamodb::Fault, lambda::Mode,
    services::Behaviour,
};
use serde_json::{Value, json};

use crate::{
    audit_events::schema,
    log_lines::Lines,
    support::{HOUR, World, text, world_of},
};

const STORAGE: &str = "cloud-object-storage";
const FOUR_HOURS: Duration = Duration::from_hours(4);
const MILLISECOND: Duration = Duration::from_millis(1);

/// A harness in which object storage must acknowledge. No service does it on its own.
fn must_acknowledge() -> HarnessBuilder {
    Harness::builder().service_setting(STORAGE, "acknowledges", true)
}

async fn world() -> World {
    world_of(must_acknowledge()).await
}

/// The status of the last notification at object storage.
async fn status(world: &World) -> Value {
    let path = format!("/api/v2/keys/{}/notifications", world.key);
    let response = world.manager.send(world.manager.request(http::Method::GET, &path)).await.unwrap();
    let services = response.body["resources"].as_array().unwrap();
    services.iter().find(|it| it["service"] == STORAGE).cloned().unwrap()
}

async fn acknowledge(world: &World, key_state: &str, at: EpochMillis) -> Response {
    let bucket = format!("crn:v1:bluemix:public:{STORAGE}:global:a/abc123:8c2e:bucket:invoices");
    let body = json!({"resources": [{
        "eventId": status(world).await["eventId"], "adopterKeyState": key_state, "timestamp": at.to_string(),
        "resourceCrn": bucket,
    }]});
    let request = world.manager.request(http::Method::POST, "/api/v2/event_ack").json(&body);
    world.manager.send(request).await.unwrap()
}

/// The counts of a run: deadlines that it checked, and what it found.
fn counts(summary: &RedeliverSummary) -> [u64; 3] {
    [summary.deadlines_checked, summary.overdue, summary.conflicting]
}

/// The findings in the audit events so far.
fn findings(world: &World) -> Vec<Value> {
    let (lines, schema) = (Lines::of(world.harness.redeliver_function().processes()), schema());
    let findings: Vec<Value> = lines.audit().into_iter().cloned().collect();
    for finding in &findings {
        let violations: Vec<_> = schema.iter_errors(finding).map(|error| error.to_string()).collect();
        assert!(violations.is_empty(), "{finding}: {violations:?}");
    }
    findings
}

async fn assert_not_due(world: &World) {
    let item = world.item().await;
    assert_eq!((item.get("due_at"), item.get("due_shard")), (None, None));
}

#[tokio::test]
async fn service_is_overdue_after_exactly_four_hours() {
    let now = EpochMillis::new(1_795_496_400_001);
    let clock = HarnessClock::set_to(now);
    let world = world_of(must_acknowledge().mode(Mode::InProcess).clock(clock)).await;
    let notified_at = world.harness.clock().now();
    world.sync().await.assert_status(204);
    assert_eq!(world.item().await["due_at"], json!(notified_at.plus(FOUR_HOURS + MILLISECOND).get()));
    let deadline = json!(notified_at.plus(FOUR_HOURS).to_string());

    world.advance_clock(FOUR_HOURS).await;
    assert_eq!(counts(&world.redeliver().await), [0, 0, 0]);
    let in_time = status(&world).await;
    assert_eq!((&in_time["status"], &in_time["deadline"]), (&json!("delivered"), &deadline));

    world.advance_clock(MILLISECOND).await;
    assert_eq!(status(&world).await["status"], "overdue", "before any run");
    assert_eq!(counts(&world.redeliver().await), [1, 1, 0]);
    assert_eq!(status(&world).await["status"], "overdue");
    assert_eq!(counts(&world.redeliver().await), [0, 0, 0], "found once");
    assert_not_due(&world).await;
}

/// The binaries run on the machine's clock, so the test reads the edge from the item.
#[tokio::test]
async fn overdue_service_is_reported_by_the_binaries() {
    let world = world().await;
    world.sync().await.assert_status(204);
    let item = world.item().await;
    let notified_at = item["notified_at"].as_u64().unwrap();
    assert_eq!(item["due_at"], json!(notified_at + 14_400_001));
    world.advance_clock(Duration::from_mins(4 * 60 - 1)).await;
    let summary = world.redeliver().await;
    assert_eq!(counts(&summary), [0, 0, 0]);
    let waiting =
        [summary.leased, summary.left_due, summary.oldest_due_ms, summary.oldest_pending_ms, summary.pending];
    assert_eq!(waiting, [0; 5], "waiting for an acknowledgement is not pending");
    world.advance_clock(Duration::from_mins(2)).await;
    let summary = world.redeliver().await;
    assert_eq!((counts(&summary), summary.leased), ([1, 1, 0], 0));

    let [event] = &findings(&world)[..] else { panic!("one finding") };
    assert_eq!(event["action"], "hs-crypto.secrets-event.ack");
    assert_eq!(event["reason"]["reasonCode"], 408);
    assert_eq!(event["target"]["id"], json!(world.crn(&world.key)));
    let data = &event["responseData"];
    assert_eq!((&data["service"], data.get("resourceCRN")), (&json!(STORAGE), None));
    assert_eq!(data["eventAckData"]["eventId"], status(&world).await["eventId"]);
    assert!(text(&event["eventTime"]) > text(&data["eventAckData"]["deadline"]));

    let lines = Lines::of(world.harness.redeliver_function().processes());
    assert_eq!(lines.count("NotificationsOverdue", None), 1);
    assert_eq!(lines.count("NotificationsOverdue", Some(("Service", STORAGE))), 1);
    assert_eq!(lines.count("NotificationsConflicting", None), 0);
    let pending_ages = lines.values("PendingAge", None);
    assert!(pending_ages.iter().all(|age| *age == 0.0), "{pending_ages:?}");
}

#[tokio::test]
async fn acknowledged_service_is_not_overdue() {
    let world = world().await;
    world.sync().await.assert_status(204);
    acknowledge(&world, "DEK_ENABLED", world.harness.clock().now()).await.assert_status(204);
    world.advance_clock(FOUR_HOURS + HOUR).await;
    assert_eq!(status(&world).await["status"], "acknowledged");
    assert_eq!(counts(&world.redeliver().await), [1, 0, 0]);
    assert_not_due(&world).await;
    assert!(findings(&world).is_empty());
}

#[tokio::test]
async fn contradicting_state_is_conflicting() {
    let world = world().await;
    let path = format!("/api/v2/keys/{}?force=true", world.key);
    world.manager.send(world.manager.request(http::Method::DELETE, &path)).await.unwrap().assert_status(204);
    acknowledge(&world, "DEK_ENABLED", world.harness.clock().now()).await.assert_status(204);
    assert_eq!(status(&world).await["status"], "conflicting", "at once");
    assert_eq!(counts(&world.redeliver().await), [0, 0, 0], "until the deadline, the service may correct it");
    world.advance_clock(FOUR_HOURS + MILLISECOND).await;
    assert_eq!(counts(&world.redeliver().await), [1, 0, 1]);

    let [event] = &findings(&world)[..] else { panic!("one finding") };
    assert_eq!(
        (&event["action"], &event["reason"]["reasonCode"]),
        (&json!("hs-crypto.secrets.ack-delete"), &json!(409))
    );
    let data = &event["responseData"];
    assert_eq!(data["eventAckData"]["adopterKeyState"], "DEK_ENABLED");
    assert!(text(&data["resourceCRN"]).ends_with(":bucket:invoices"));
}

#[tokio::test]
async fn corrected_state_is_not_conflicting() {
    let world = world().await;
    let path = format!("/api/v2/keys/{}?force=true", world.key);
    world.manager.send(world.manager.request(http::Method::DELETE, &path)).await.unwrap().assert_status(204);
    let acted_at = world.harness.clock().now();
    acknowledge(&world, "DEK_ENABLED", acted_at).await.assert_status(204);
    acknowledge(&world, "DEK_DISABLED", acted_at.plus(MILLISECOND)).await.assert_status(204);
    assert_eq!(status(&world).await["status"], "acknowledged");
    world.advance_clock(FOUR_HOURS + MILLISECOND).await;
    assert_eq!(counts(&world.redeliver().await), [1, 0, 0]);
}

#[tokio::test]
async fn unreachable_service_is_overdue_and_retried() {
    let world = world().await;
    world.harness.object_storage().behave(Behaviour::respond(503));
    world.sync().await.assert_status(204);
    world.advance_clock(FOUR_HOURS + MILLISECOND).await;
    let overdue = status(&world).await;
    assert_eq!((&overdue["status"], &overdue["reason"]), (&json!("overdue"), &json!("responded with 503")));
    assert!(overdue["nextAttempt"].is_string(), "the delivery is still retried");
    let summary = world.redeliver().await;
    assert_eq!((counts(&summary), summary.leased, summary.retrying), ([1, 1, 0], 1, 1));
    world.harness.object_storage().behave(Behaviour::Act);
    world.advance_clock(HOUR).await;
    let summary = world.redeliver().await;
    assert_eq!((counts(&summary), summary.delivered), ([0, 0, 0], 1), "reported once");
    assert_not_due(&world).await;
    assert_eq!(findings(&world).len(), 1);
}

#[tokio::test]
async fn newer_notification_has_its_own_deadline() {
    let world = world().await;
    world.sync().await.assert_status(204);
    world.advance_clock(Duration::from_mins(4 * 60 - 1)).await;
    world.take("actions/rotate").await.assert_status(204);
    world.advance_clock(Duration::from_mins(2)).await;
    assert_eq!(counts(&world.redeliver().await), [0, 0, 0]);
    assert_eq!(status(&world).await["status"], "delivered");
    world.advance_clock(FOUR_HOURS).await;
    assert_eq!(counts(&world.redeliver().await), [1, 1, 0]);
    let [event] = &findings(&world)[..] else { panic!("one finding") };
    assert_eq!(event["action"], "hs-crypto.secrets.ack-rotate");
}

/// The finding is reported before it is recorded: a failed write repeats it, and loses nothing.
#[tokio::test]
async fn failed_write_repeats_the_finding_once() {
    let world = world().await;
    world.sync().await.assert_status(204);
    world.advance_clock(FOUR_HOURS + MILLISECOND).await;
    // The confirmation; all its attempts.
    let proxy = world.harness.dynamodb().redeliver_proxy();
    proxy.inject_with_request(|request| request.contains(":deadline").then_some(Fault::Fail));
    assert_eq!(counts(&world.redeliver().await), [1, 1, 0]);
    proxy.clear_faults();
    assert_eq!(counts(&world.redeliver().await), [0, 0, 0], "leased");
    world.advance_clock(Duration::from_mins(1)).await;
    assert_eq!(counts(&world.redeliver().await), [1, 1, 0]);
    world.advance_clock(Duration::from_mins(1)).await;
    assert_eq!(counts(&world.redeliver().await), [0, 0, 0]);
    assert_eq!(findings(&world).len(), 2);
}

#[tokio::test]
async fn concurrent_runs_find_it_once() {
    let world = world_of(must_acknowledge().mode(Mode::Process { environments: 2 })).await;
    world.sync().await.assert_status(204);
    world.advance_clock(FOUR_HOURS + MILLISECOND).await;
    let runs: Vec<RedeliverSummary> = futures_util::future::join_all((0..4).map(|_| world.redeliver())).await;
    assert_eq!(runs.iter().map(|run| counts(run)[1]).sum::<u64>(), 1);
    assert_eq!(findings(&world).len(), 1);
}

#[tokio::test]
async fn acknowledgement_before_its_notification_is_malformed() {
    let now = EpochMillis::new(1_795_496_400_500);
    let clock = HarnessClock::set_to(now);
    let world = world_of(must_acknowledge().mode(Mode::InProcess).clock(clock)).await;
    let notified_at = world.harness.clock().now();
    world.sync().await.assert_status(204);
    acknowledge(&world, "DEK_ENABLED", notified_at.minus(MILLISECOND)).await;
    let letters = world.harness.dead_letters().letters();
    let [letter] = &letters[..] else { panic!("one dead letter") };
    assert!(letter.reason.contains("must not be before the notification"), "{}", letter.reason);
    assert_eq!(status(&world).await["status"], "delivered");
    // A whole second stands for any instant in it.
    acknowledge(&world, "DEK_ENABLED", EpochMillis::new(notified_at.secs() * 1000)).await;
    assert_eq!(status(&world).await["status"], "acknowledged");
    assert_eq!(world.harness.dead_letters().letters().len(), 1);
}

/// The cost of a deadline: one write to lease the item, and one to record the check.
#[tokio::test]
async fn deadline_takes_two_writes() {
    let world = world().await;
    let dynamodb = world.harness.dynamodb();
    let writes = |calls: Vec<keysync_testkit::dynamodb::Call>| {
        calls
            .into_iter()
            .filter(|call| call.operation != "Query")
            .map(|call| call.operation)
            .collect::<Vec<_>>()
    };
    drop(dynamodb.proxy().take_calls());
    world.sync().await.assert_status(204);
    assert_eq!(writes(dynamodb.proxy().take_calls()), ["UpdateItem", "UpdateItem"], "as without a deadline");
    drop(dynamodb.lifecycle_proxy().take_calls());
    acknowledge(&world, "DEK_ENABLED", world.harness.clock().now()).await.assert_status(204);
    assert_eq!(writes(dynamodb.lifecycle_proxy().take_calls()), ["UpdateItem"]);
    world.advance_clock(FOUR_HOURS + MILLISECOND).await;
    drop(dynamodb.redeliver_proxy().take_calls());
    world.redeliver().await;
    assert_eq!(writes(dynamodb.redeliver_proxy().take_calls()), ["UpdateItem", "UpdateItem"]);
}

#[tokio::test]
async fn emulated_services_acknowledge_what_they_act_on() {
    let world = world_of(Harness::builder().acknowledging()).await;
    world.sync().await.assert_status(204);
    let acknowledged = async {
        while world.item().await["acknowledged"].as_object().unwrap().len() < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), acknowledged).await.expect("acknowledged");
    assert_eq!(status(&world).await["status"], "acknowledged");
    world.harness.object_storage().behave(Behaviour::AckWithoutActing);
    world.take("actions/rotate").await.assert_status(204);
    world.advance_clock(FOUR_HOURS + MILLISECOND).await;
    assert_eq!(status(&world).await["status"], "overdue");
}
