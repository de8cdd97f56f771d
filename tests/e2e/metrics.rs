//! Metrics in CloudWatch's embedded metric format: complete, without duplicates, in the right
//! units, and printed before the response, after which Lambda may freeze the process for good.

use std::time::{Duration, Instant};

use http::Method;
use keysync_testkit::services::Behaviour;

use crate::{
    binaries::binaries,
    log_lines::Lines,
    support::{HOUR, World, keys_of_shard, world, world_of},
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
    assert!(metrics.iter().all(|metric| metric.namespace == "keysync"), "the default");
    for absent in ["CallbackFailures", "Retries", "NotificationsFailed", "PendingAge", "EventsRetried"] {
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
    assert_eq!(lines.values("PendingNotifications", None), [1.0, 1.0, 0.0]);
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
        assert_eq!(summary.pending, 1);
    }
    assert_eq!(redeliver_lines(&world).values("PendingNotifications", None), [1.0, 1.0]);
}

#[tokio::test]
async fn oldest_notification_counts_wherever_it_waits() {
    let world = world_of(binaries()).await;
    // In the first shard the older one is due later, as after attempts with growing waits.
    for (shard, age, wait) in [(0, 20, 10), (0, 40, 20), (1, 30, 30)] {
        let key = keys_of_shard(shard).next().unwrap();
        let key = world.plant_as(key, &["cloud-object-storage"], world.harness.clock().now()).await;
        world.defer(&key, Duration::from_mins(age), Duration::from_mins(wait)).await;
    }
    let summary = world.redeliver().await;
    assert_eq!((summary.leased, summary.pending), (0, 3), "not due");
    let age = redeliver_lines(&world).values("PendingAge", None)[0];
    assert!((2400.0..2430.0).contains(&age), "the oldest was claimed 40 minutes ago: {age} s");
}

#[tokio::test]
async fn more_waiting_keys_than_read_are_reported() {
    let world = world_of(binaries()).await;
    let later = world.harness.clock().now().plus(HOUR);
    world.plant_in_one_shard(4001, later).await;
    let summary = world.redeliver().await;
    assert_eq!((summary.pending, summary.unseen_shards), (4000, 1));
    assert_eq!(redeliver_lines(&world).values("PendingNotifications", None), [4000.0], "a lower bound");
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
async fn retried_events_are_counted_by_reason() {
    use keysync_testkit::dynamodb::{Fault, Times};
    let world = world().await;
    let proxy = world.harness.dynamodb().lifecycle_proxy();
    for fault in [Fault::Fail, Fault::Throttle] {
        proxy.inject(fault, Times::Always);
        let event = world.purge_event(&world.key);
        assert_eq!(world.process(&event).await, 1, "{fault:?}: returned to the queue");
        proxy.clear_faults();
    }
    let unknown = world.purge_event("7b3c9c1e-5d0f-4b7c-9b0a-0d4f5a6b7c8d");
    assert_eq!(world.process(&unknown).await, 1, "the event that creates the key may still arrive");
    world.harness.dead_letters().fail_next(3);
    assert_eq!(world.process("no event").await, 1, "all attempts at the dead-letter queue failed");
    assert_eq!(world.process("no event").await, 0);

    let lines = Lines::of(world.harness.lifecycle_function().processes());
    for (reason, count) in
        [("unavailable", 1), ("throttled", 1), ("unknown_key", 1), ("dead_letter_queue", 1)]
    {
        assert_eq!(lines.count("EventsRetried", Some(("Reason", reason))), count, "{reason}");
    }
    assert_eq!(lines.count("DeadLetters", None), 1);
    let retried = lines.metrics().into_iter().filter(|metric| metric.name == "EventsRetried");
    assert!(retried.clone().count() == 4 && retried.into_iter().all(|metric| metric.unit == "Count"));
}

#[tokio::test]
async fn namespace_is_that_of_the_deployment() {
    let builder = binaries().env("KEYSYNC_METRICS_NAMESPACE", "keysync/keysync-dev");
    let world = world_of(builder).await;
    world.sync().await.assert_status(204);
    world.redeliver().await;
    assert_eq!(world.process("no event").await, 0);
    let lifecycle = Lines::of(world.harness.lifecycle_function().processes());
    for lines in [sync_lines(&world), redeliver_lines(&world), lifecycle] {
        let namespaces: Vec<_> = lines.metrics().into_iter().map(|metric| metric.namespace).collect();
        assert!(!namespaces.is_empty() && namespaces.iter().all(|name| name == "keysync/keysync-dev"));
    }
}

#[tokio::test]
async fn over_100_values_are_split_across_lines() {
    let world = world_of(binaries()).await;
    let earlier = world.harness.clock().now().minus(Duration::from_mins(1));
    for _ in 0..250 {
        world.plant(&["cloud-object-storage"], earlier).await;
    }
    assert_eq!(world.redeliver().await.delivered, 250);
    let lines = redeliver_lines(&world);
    assert_eq!(lines.values("CallbackDuration", STORAGE).len(), 250, "no value is lost");
    assert_eq!(lines.values("PendingAge", None).len(), 1, "no value is printed twice");
}
