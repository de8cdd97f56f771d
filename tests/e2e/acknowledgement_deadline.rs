//! G9, no silence: a service that must acknowledge and has not within four hours is overdue. That
//! is found once, to the millisecond, whatever happens to the process that finds it.

use std::time::Duration;

use keysync::domain::EpochMillis;
use keysync_testkit::{
    HarnessBuilder, HarnessClock, RedeliverSummary, Response, dynamodb::Fault, lambda::Mode,
    services::Behaviour,
};
use serde_json::{Value, json};

use crate::{
    audit_events::schema,
    binaries::binaries,
    log_lines::Lines,
    support::{HOUR, World, text, world_of},
};

const STORAGE: &str = "cloud-object-storage";
const FOUR_HOURS: Duration = Duration::from_hours(4);
const MILLISECOND: Duration = Duration::from_millis(1);
/// How long the check waits for acknowledgements that arrive late.
const GRACE: Duration = Duration::from_mins(5);
/// The time after a notification at which its deadline is checked.
pub(crate) const CHECKED: Duration = FOUR_HOURS.saturating_add(GRACE).saturating_add(MILLISECOND);

/// A harness in which object storage must acknowledge. No service does it on its own.
pub(crate) fn must_acknowledge() -> HarnessBuilder {
    binaries().service_setting(STORAGE, "acknowledges", true)
}

async fn world() -> World {
    world_of(must_acknowledge()).await
}

/// The status of the last notification at object storage.
pub(crate) async fn status(world: &World) -> Value {
    let path = format!("/api/v2/keys/{}/notifications", world.key);
    let response = world.manager.send(world.manager.request(http::Method::GET, &path)).await.unwrap();
    let services = response.body["resources"].as_array().unwrap();
    services.iter().find(|it| it["service"] == STORAGE).cloned().unwrap()
}

pub(crate) async fn acknowledge(world: &World, key_state: &str, at: EpochMillis) -> Response {
    let bucket = format!("crn:v1:bluemix:public:{STORAGE}:global:a/abc123:8c2e:bucket:invoices");
    let body = json!({"resources": [{
        "eventId": status(world).await["eventId"], "adopterKeyState": key_state, "timestamp": at.to_string(),
        "resourceCrn": bucket,
    }]});
    let request = world.manager.request(http::Method::POST, "/api/v2/event_ack").json(&body);
    world.manager.send(request).await.unwrap()
}

/// The counts of a run: deadlines that it checked, and services that are overdue.
pub(crate) fn counts(summary: &RedeliverSummary) -> [u64; 2] {
    [summary.deadlines_checked, summary.overdue]
}

/// The findings in the audit events so far: of acknowledgements, then of `redeliver`.
pub(crate) fn findings(world: &World) -> Vec<Value> {
    let functions = [world.harness.lifecycle_function(), world.harness.redeliver_function()];
    let lines = functions.map(|function| Lines::of(function.processes()));
    let (findings, schema) = (lines.iter().flat_map(Lines::audit), schema());
    let findings: Vec<Value> = findings.cloned().collect();
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
    assert_eq!(world.item().await["due_at"], json!(notified_at.plus(CHECKED).get()));
    let deadline = json!(notified_at.plus(FOUR_HOURS).to_string());

    world.advance_clock(FOUR_HOURS).await;
    let in_time = status(&world).await;
    assert_eq!((&in_time["status"], &in_time["deadline"]), (&json!("delivered"), &deadline));
    world.advance_clock(MILLISECOND).await;
    assert_eq!(status(&world).await["status"], "overdue", "before any run");
    world.advance_clock(GRACE.saturating_sub(MILLISECOND)).await;
    assert_eq!(counts(&world.redeliver().await), [0, 0]);

    world.advance_clock(MILLISECOND).await;
    assert_eq!(counts(&world.redeliver().await), [1, 1]);
    assert_eq!(status(&world).await["status"], "overdue");
    assert_eq!(counts(&world.redeliver().await), [0, 0], "found once");
    assert_not_due(&world).await;
}

/// The binaries run on the machine's clock, so the test reads the edge from the item.
#[tokio::test]
async fn overdue_service_is_reported_by_the_binaries() {
    let world = world().await;
    world.sync().await.assert_status(204);
    let item = world.item().await;
    let notified_at = item["notified_at"].as_u64().unwrap();
    assert_eq!(item["due_at"], json!(notified_at + 14_700_001));
    world.advance_clock(FOUR_HOURS + Duration::from_mins(4)).await;
    let summary = world.redeliver().await;
    assert_eq!(counts(&summary), [0, 0]);
    let waiting =
        [summary.leased, summary.left_due, summary.oldest_due_ms, summary.oldest_pending_ms, summary.pending];
    assert_eq!(waiting, [0; 5], "waiting for an acknowledgement is not pending");
    world.advance_clock(Duration::from_mins(2)).await;
    let summary = world.redeliver().await;
    assert_eq!((counts(&summary), summary.leased), ([1, 1], 0));

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
    assert_eq!(counts(&world.redeliver().await), [1, 0]);
    assert_not_due(&world).await;
    assert!(findings(&world).is_empty());
}

#[tokio::test]
async fn unreachable_service_is_overdue_and_retried() {
    let world = world().await;
    world.harness.object_storage().behave(Behaviour::respond(503));
    world.sync().await.assert_status(204);
    world.advance_clock(CHECKED).await;
    let overdue = status(&world).await;
    assert_eq!((&overdue["status"], &overdue["reason"]), (&json!("overdue"), &json!("responded with 503")));
    assert!(overdue["nextAttempt"].is_string(), "the delivery is still retried");
    let summary = world.redeliver().await;
    assert_eq!((counts(&summary), summary.leased, summary.retrying), ([1, 1], 1, 1));
    world.harness.object_storage().behave(Behaviour::Act);
    world.advance_clock(HOUR).await;
    let summary = world.redeliver().await;
    assert_eq!((counts(&summary), summary.delivered), ([0, 0], 1), "reported once");
    assert_not_due(&world).await;
    assert_eq!(findings(&world).len(), 1);
}

/// It never received the notification, which is another finding than that it did not act.
#[tokio::test]
async fn unreachable_service_is_overdue_and_then_failed() {
    let world = world().await;
    world.harness.object_storage().behave(Behaviour::respond(503));
    world.sync().await.assert_status(204);
    for wait in [CHECKED, Duration::from_hours(20), HOUR] {
        world.advance_clock(wait).await;
        world.redeliver().await;
    }
    let findings = findings(&world);
    let codes: Vec<_> = findings.iter().map(|finding| &finding["reason"]["reasonCode"]).collect();
    assert_eq!(codes, [408, 504]);
    assert_eq!(status(&world).await["status"], "failed");
}

/// A service that wants no notifications has not acted either.
#[tokio::test]
async fn service_that_refuses_is_overdue() {
    let world = world().await;
    world.harness.object_storage().behave(Behaviour::respond(410));
    world.sync().await.assert_status(204);
    assert_eq!(status(&world).await["status"], "refused");
    world.advance_clock(CHECKED).await;
    assert_eq!(counts(&world.redeliver().await), [1, 1]);
    let overdue = status(&world).await;
    assert_eq!((&overdue["status"], &overdue["reason"]), (&json!("overdue"), &json!("responded with 410")));
    assert_eq!(findings(&world)[0]["reason"]["reasonCode"], 408);
}

/// It has nothing to act on any more.
#[tokio::test]
async fn deregistered_service_is_not_overdue() {
    let world = world().await;
    world.sync().await.assert_status(204);
    world.deregister(STORAGE).await;
    world.advance_clock(CHECKED).await;
    assert_eq!(counts(&world.redeliver().await), [0, 0]);
    assert_not_due(&world).await;
    assert!(findings(&world).is_empty());
}

/// What counts is when the service acted. An event that failed once arrives a few minutes later.
#[tokio::test]
async fn acknowledgement_in_time_may_arrive_late() {
    let world = world().await;
    world.sync().await.assert_status(204);
    world.advance_clock(FOUR_HOURS + Duration::from_mins(3)).await;
    assert_eq!(counts(&world.redeliver().await), [0, 0]);
    let acted_at = world.harness.clock().now().minus(Duration::from_mins(4));
    acknowledge(&world, "DEK_ENABLED", acted_at).await.assert_status(204);
    world.advance_clock(GRACE).await;
    assert_eq!(counts(&world.redeliver().await), [1, 0]);
}

#[tokio::test]
async fn later_acknowledgement_does_not_make_it_late() {
    let world = world().await;
    world.sync().await.assert_status(204);
    acknowledge(&world, "DEK_ENABLED", world.harness.clock().now()).await.assert_status(204);
    world.advance_clock(FOUR_HOURS + Duration::from_mins(1)).await;
    acknowledge(&world, "DEK_ENABLED", world.harness.clock().now()).await.assert_status(204);
    world.advance_clock(GRACE).await;
    assert_eq!(counts(&world.redeliver().await), [1, 0]);
}

/// The finding is reported before it is recorded: a failed write repeats it, and loses nothing.
#[tokio::test]
async fn failed_write_repeats_the_finding_once() {
    let world = world().await;
    world.sync().await.assert_status(204);
    world.advance_clock(CHECKED).await;
    // The confirmation; all its attempts.
    let proxy = world.harness.dynamodb().redeliver_proxy();
    proxy.inject_with_request(|request| request.contains(":deadline").then_some(Fault::Fail));
    assert_eq!(counts(&world.redeliver().await), [1, 1]);
    proxy.clear_faults();
    assert_eq!(counts(&world.redeliver().await), [0, 0], "leased");
    world.advance_clock(Duration::from_mins(1)).await;
    assert_eq!(counts(&world.redeliver().await), [1, 1]);
    world.advance_clock(Duration::from_mins(1)).await;
    assert_eq!(counts(&world.redeliver().await), [0, 0]);
    assert_eq!(findings(&world).len(), 2);
}

#[tokio::test]
async fn concurrent_runs_find_it_once() {
    let world = world_of(must_acknowledge().mode(Mode::Process { environments: 2 })).await;
    world.sync().await.assert_status(204);
    world.advance_clock(CHECKED).await;
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
            .filter(|call| !["Query", "GetItem"].contains(&&*call.operation))
            .map(|call| call.operation)
            .collect::<Vec<_>>()
    };
    drop(dynamodb.proxy().take_calls());
    world.sync().await.assert_status(204);
    assert_eq!(writes(dynamodb.proxy().take_calls()), ["UpdateItem", "UpdateItem"], "as without a deadline");
    drop(dynamodb.lifecycle_proxy().take_calls());
    acknowledge(&world, "DEK_ENABLED", world.harness.clock().now()).await.assert_status(204);
    let of_acknowledgement = dynamodb.lifecycle_proxy().take_calls();
    let of_acknowledgement: Vec<_> = of_acknowledgement.iter().map(|call| &*call.operation).collect();
    assert_eq!(of_acknowledgement, ["GetItem", "UpdateItem"]);
    world.advance_clock(CHECKED).await;
    drop(dynamodb.redeliver_proxy().take_calls());
    world.redeliver().await;
    assert_eq!(writes(dynamodb.redeliver_proxy().take_calls()), ["UpdateItem", "UpdateItem"]);
}

#[tokio::test]
async fn emulated_services_acknowledge_what_they_act_on() {
    let world = world_of(binaries().acknowledging()).await;
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
    world.advance_clock(CHECKED).await;
    assert_eq!(status(&world).await["status"], "overdue");
}
