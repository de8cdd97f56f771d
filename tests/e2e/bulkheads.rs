//! A hanging service uses at most its share of a redelivery run, and a run ends before its timeout,
//! oldest notifications first.

use std::time::Duration;

use keysync::domain::EpochMillis;
use keysync_testkit::services::Behaviour;
use serde_json::Value;

use crate::support::{HOUR, World, binaries, text, world_of};

const STORAGE: &str = "cloud-object-storage";
const DATABASES: &str = "databases-for-postgresql";

/// Plants keys with one service, due one millisecond after another.
async fn plant(world: &World, count: u64, service: &str, from: EpochMillis) {
    for n in 0..count {
        world.plant(&[service], from.plus(Duration::from_millis(n))).await;
    }
}

#[tokio::test]
async fn hanging_service_delays_no_other_service() {
    let world = world_of(binaries().env("KEYSYNC_CALLBACK_TIMEOUT", "2s")).await;
    let earlier = world.harness.clock().now().minus(Duration::from_mins(10));
    plant(&world, 200, DATABASES, earlier).await;
    plant(&world, 50, STORAGE, earlier.plus(Duration::from_mins(5))).await;
    world.harness.databases().behave(Behaviour::Hang);

    let run = world.redeliver();
    let storage = async {
        world.harness.object_storage().wait_for(50).await;
        tokio::time::Instant::now()
    };
    let started = tokio::time::Instant::now();
    let (summary, storage_notified) = tokio::join!(run, storage);
    let run_ended = tokio::time::Instant::now();

    assert_eq!(summary.delivered, 50);
    // Four at once, and a few more between the first failure and the fourth, which opens the
    // circuit.
    let attempted = summary.retrying;
    assert!((4..8).contains(&attempted), "{summary:?}");
    assert_eq!(world.harness.databases().received().len() as u64, attempted);
    // A notification leased just before that is deferred.
    let left = 200 - attempted - summary.deferred;
    assert_eq!(summary.left_due, left, "left for the next run: {summary:?}");
    assert!(storage_notified - started < run_ended - started, "object storage did not wait for databases");
}

#[tokio::test]
async fn retry_after_pauses_service_for_the_run() {
    let world = world_of(binaries()).await;
    plant(&world, 100, DATABASES, world.harness.clock().now().minus(Duration::from_mins(1))).await;
    world.harness.databases().behave(Behaviour::Respond { status: 429, retry_after: Some(3600) });
    let summary = world.redeliver().await;
    let attempts = world.harness.databases().received().len() as u64;
    assert!(attempts <= 4, "{attempts} attempts, more than a lane starts with");
    assert_eq!(summary.deferred, 100 - attempts);
    world.advance_clock(Duration::from_mins(59)).await;
    assert_eq!(world.redeliver().await.leased, 0, "a deferred notification waits for an hour, too");
}

/// A `retry-after` for one notification delays the service's others by at most an hour, and that
/// one comes first afterwards.
#[tokio::test]
async fn retry_after_is_capped_at_an_hour() {
    let world = world_of(binaries()).await;
    plant(&world, 100, DATABASES, world.harness.clock().now().minus(Duration::from_mins(1))).await;
    let a_day = Behaviour::Respond { status: 503, retry_after: Some(86_400) };
    world.harness.databases().behave_next(1, a_day);
    let summary = world.redeliver().await;
    assert_eq!(summary.retrying, 1);
    let delivered = summary.delivered;
    assert_eq!(summary.deferred, 99 - delivered, "{summary:?}");
    let items = world.all_items().await;
    let delayed = items.iter().find(|item| item["outcome"][DATABASES]["status"] == "retrying").unwrap();
    let delayed = text(&delayed["pk"]).split_once('#').unwrap().1.to_owned();

    world.advance_clock(Duration::from_hours(1)).await;
    let summary = world.redeliver().await;
    assert_eq!(summary.delivered, 100 - delivered, "all are delivered an hour later: {summary:?}");
    let received = world.harness.databases().received();
    let place = received.iter().rposition(|callback| callback.text().contains(&delayed)).unwrap();
    assert!(
        place + 32 >= received.len(),
        "the delayed one was number {place} of {}, with 32 at once",
        received.len()
    );
}

/// A notification older than a day gets its last attempt, even if the service sends `retry-after`
/// for another one.
#[tokio::test]
async fn last_attempt_ignores_retry_after() {
    let world = world_of(binaries()).await;
    plant(&world, 20, DATABASES, world.harness.clock().now().minus(24 * HOUR)).await;
    world.harness.databases().behave_next(1, Behaviour::Respond { status: 429, retry_after: Some(600) });
    let summary = world.redeliver().await;
    assert_eq!((summary.delivered, summary.failed), (19, 1), "{summary:?}");
}

#[tokio::test]
async fn run_ends_before_deadline_leaving_rest_due() {
    let builder = binaries().function_timeout(Duration::from_secs(8)).env("KEYSYNC_CALLBACK_TIMEOUT", "2s");
    let world = world_of(builder).await;
    plant(&world, 200, STORAGE, world.harness.clock().now().minus(Duration::from_mins(1))).await;
    world.harness.object_storage().behave(Behaviour::Delay { millis: 1000 });

    let summary = world.redeliver().await;
    let log = world.harness.redeliver_function().processes().unwrap().log().join("\n");
    assert!(!log.contains("exceeded the function timeout"), "{log}");
    let leased = summary.leased;
    assert!((4..200).contains(&leased), "some, and not all: {summary:?}");
    assert_eq!(summary.delivered, leased, "no delivery was started without time to finish: {summary:?}");

    world.harness.object_storage().behave(Behaviour::Act);
    world.advance_clock(Duration::from_mins(2)).await;
    let mut left = 200 - summary.delivered;
    while left > 0 {
        let delivered = world.redeliver().await.delivered;
        assert!(delivered > 0, "{left} are left");
        left -= delivered;
        world.advance_clock(Duration::from_mins(2)).await;
    }
    assert_eq!(world.redeliver().await.leased, 0);
}

#[tokio::test]
async fn oldest_notifications_are_leased_first() {
    let world = world_of(binaries()).await;
    let from = world.harness.clock().now().minus(Duration::from_mins(10));
    let mut age_of = std::collections::BTreeMap::new();
    for n in 0..150_u32 {
        let key = world.plant(&[STORAGE], from.plus(Duration::from_secs(n.into()))).await;
        age_of.insert(format!("{}#{key}", world.harness.instance()), n);
    }
    assert_eq!(world.redeliver().await.delivered, 150);
    let calls = world.harness.dynamodb().redeliver_proxy().take_calls();
    let requests = calls.iter().map(|call| serde_json::from_str::<Value>(&call.request).unwrap());
    let leases = requests
        .filter(|request| request["UpdateExpression"].as_str().is_some_and(|it| it.contains(":until")));
    let order: Vec<u32> = leases.map(|request| age_of[&text(&request["Key"]["pk"]["S"])]).collect();
    assert_eq!(order.len(), 150);
    for (place, age) in order.iter().enumerate() {
        assert!(
            *age as usize <= place + 32,
            "number {age} by age was leased as number {place}, with 32 at once"
        );
    }
}
