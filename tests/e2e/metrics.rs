//! Metrics in CloudWatch's embedded metric format: complete, without duplicates, in the right
//! units, and printed before the response, after which Lambda may freeze the process for good.

use std::time::{Duration, Instant};

use http::Method;
use keysync_testkit::{Harness, services::Behaviour};

use crate::{
    log_lines::Lines,
    support::{HOUR, World, world, world_of},
};

const STORAGE: Option<(&str, &str)> = Some(("Service", "cloud-object-storage"));
const DATABASES: Option<(&str, &str)> = Some(("Service", "databases-for-postgresql"));

fn sync_lines(world: &World) -> Lines {
    Lines::of(world.harness.sync_function().process())
}

fn redeliver_lines(world: &World) -> Lines {
    Lines::of(world.harness.redeliver_function().processes())
}

#[tokio::test]
async fn requests_are_counted_by_outcome() {
    let (world, started) = (world().await, Instant::now());
    let path = format!("/api/v2/keys/{}/actions/sync", world.key);
    let repeated = || world.manager.request(Method::POST, &path).header("correlation-id", "the-same");
    for (request, status) in [(repeated(), 204), (repeated(), 204)] {
        world.manager.send(request).await.unwrap().assert_status(status);
    }
    world.sync().await.assert_error(409, "REQ_TOO_EARLY_ERR");
    world.sync().await.assert_error(409, "REQ_TOO_EARLY_ERR");
    let unknown = world.manager.with_token("no-token");
    unknown.sync(&world.key).await.unwrap().assert_error(400, "BEARER_SUB_EXTRACTION_ERR");
    // The metrics have been printed by then.
    world.harness.sync_function().process().unwrap().kill().await;

    let lines = sync_lines(&world);
    for (name, count) in
        [("notified", 1), ("replayed", 1), ("REQ_TOO_EARLY_ERR", 2), ("BEARER_SUB_EXTRACTION_ERR", 1)]
    {
        assert_eq!(lines.count("Syncs", Some(("Outcome", name))), count, "{name}");
    }
    let durations = lines.values("SyncDuration", None);
    assert_eq!(durations.len(), 5);
    let elapsed = started.elapsed().as_secs_f64() * 1000.0;
    assert!(durations.iter().all(|ms| *ms > 0.0) && durations.iter().sum::<f64>() < elapsed, "{durations:?}");
    for service in [STORAGE, DATABASES] {
        assert_eq!(lines.values("CallbackDuration", service).len(), 1, "notified once");
    }
    let metrics = lines.metrics();
    let total = |name: &str| metrics.iter().filter(|metric| metric.name == name).count();
    for absent in ["CallbackFailures", "Retries", "NotificationsFailed", "PendingAge", "DeadLetters"] {
        assert_eq!(total(absent), 0, "{absent}");
    }
    assert!(metrics.iter().filter(|metric| metric.name == "Syncs").all(|metric| metric.unit == "Count"));
    let durations = metrics.iter().filter(|metric| metric.name.ends_with("Duration"));
    assert!(durations.into_iter().all(|metric| metric.unit == "Milliseconds"));
}

#[tokio::test]
async fn failures_retries_and_pending_age_are_reported() {
    let world = world().await;
    world.harness.databases().behave_next(2, Behaviour::respond(503));
    world.sync().await.assert_status(204);
    let lines = sync_lines(&world);
    assert_eq!(lines.count("CallbackFailures", DATABASES), 1);
    assert!(lines.values("CallbackFailures", STORAGE).is_empty());
    assert!(lines.values("Retries", DATABASES).is_empty());

    world.advance_clock(Duration::from_mins(20)).await;
    world.redeliver().await;
    let lines = redeliver_lines(&world);
    let [age] = lines.values("PendingAge", None)[..] else { panic!("expected one run") };
    assert!((1200.0..1230.0).contains(&age), "twenty minutes: {age} s");
    assert_eq!(lines.count("Retries", DATABASES), 1);
    assert_eq!(lines.count("CallbackFailures", DATABASES), 1, "the retry failed");
    assert_eq!(lines.values("CallbackDuration", DATABASES).len(), 1);

    world.advance_clock(Duration::from_mins(5)).await;
    world.redeliver().await;
    world.redeliver().await;
    let lines = redeliver_lines(&world);
    let [_, older, none] = lines.values("PendingAge", None)[..] else { panic!("expected three runs") };
    assert!((1500.0..1530.0).contains(&older), "since the claim, not since the last attempt: {older} s");
    assert!(none == 0.0, "a run that finds nothing reports zero");
    assert_eq!(lines.count("Retries", DATABASES), 2);
    assert_eq!(lines.count("CallbackFailures", DATABASES), 1);
    let units = lines.metrics().into_iter().map(|metric| (metric.name, metric.unit));
    let unit_of = |name: &str| match name {
        "PendingAge" => "Seconds",
        "CallbackDuration" => "Milliseconds",
        _ => "Count",
    };
    for (name, unit) in units {
        assert_eq!(unit, unit_of(&name), "{name}");
    }
}

#[tokio::test]
async fn pending_age_includes_notifications_not_yet_due() {
    let world = world().await;
    let busy = Behaviour::Respond { status: 429, retry_after: Some(86_400) };
    world.harness.databases().behave(busy);
    world.sync().await.assert_status(204);
    for minutes in [10, 20] {
        world.advance_clock(Duration::from_mins(10)).await;
        let summary = world.redeliver().await;
        assert_eq!((summary.leased, summary.oldest_due_ms), (0, 0), "not due");
        let age = *redeliver_lines(&world).values("PendingAge", None).last().unwrap();
        let waited = f64::from(minutes * 60);
        assert!((waited..waited + 30.0).contains(&age), "{minutes} min: {age} s");
    }
}

#[tokio::test]
async fn failed_query_reports_no_pending_age() {
    use keysync_testkit::dynamodb::{Fault, Times};
    let world = world().await;
    world.harness.dynamodb().redeliver_proxy().inject_on("Query", Fault::Fail, Times::Always);
    world.harness.redeliver().await.unwrap_err();
    assert!(redeliver_lines(&world).values("PendingAge", None).is_empty());
}

#[tokio::test]
async fn exhausted_notifications_are_counted_by_service() {
    let world = world().await;
    for service in world.harness.services() {
        service.behave(Behaviour::respond(503));
    }
    world.sync().await.assert_status(204);
    world.advance_clock(24 * HOUR).await;
    assert_eq!(world.redeliver().await.failed, 2);
    let lines = redeliver_lines(&world);
    for (dimension, count) in [(STORAGE, 1), (DATABASES, 1), (None, 2)] {
        assert_eq!(lines.count("NotificationsFailed", dimension), count, "{dimension:?}");
    }
}

#[tokio::test]
async fn dead_letters_are_counted() {
    let world = world().await;
    for body in ["no event", "{}"] {
        world.harness.events().queue().send(body).processed().await;
    }
    let lines = Lines::of(world.harness.lifecycle_function().processes());
    assert_eq!(lines.count("DeadLetters", None), 2);
    let units: Vec<_> = lines.metrics().into_iter().map(|metric| (metric.name, metric.unit)).collect();
    assert!(units.contains(&("DeadLetters".to_owned(), "Count".to_owned())), "{units:?}");
}

#[tokio::test]
async fn over_100_values_are_split_across_lines() {
    let world = world_of(Harness::builder()).await;
    let earlier = world.harness.clock().now().minus(Duration::from_mins(1));
    for _ in 0..250 {
        world.plant(&["cloud-object-storage"], earlier).await;
    }
    assert_eq!(world.redeliver().await.delivered, 250);
    let lines = redeliver_lines(&world);
    assert_eq!(lines.values("CallbackDuration", STORAGE).len(), 250, "no value is lost");
    assert_eq!(lines.values("PendingAge", None).len(), 1, "no value is printed twice");
}
