//! A service that hangs takes its own share of a redelivery run and no more, and a run ends by its own
//! deadline, oldest notifications first.

use std::time::Duration;

use keysync::key::EpochMillis;
use keysync_testkit::{Harness, services::Behaviour};
use serde_json::{Value, json};

use crate::support::{HOUR, World, text, world_of};

const STORAGE: &str = "cloud-object-storage";
const DATABASES: &str = "databases-for-postgresql";

/// So many keys with one service, the oldest due first.
async fn plant(world: &World, count: u64, service: &str, from: EpochMillis) {
    for n in 0..count {
        world.plant(&[service], from.plus(Duration::from_millis(n))).await;
    }
}

#[tokio::test]
async fn two_hundred_older_ones_for_a_service_that_hangs() {
    let world = world_of(Harness::builder().env("KEYSYNC_CALLBACK_TIMEOUT", "2s")).await;
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
    let (summary, storage_told) = tokio::join!(run, storage);
    let run_ended = tokio::time::Instant::now();

    assert_eq!(summary["delivered"], json!(50));
    // Four at once, and a few more between the first failure and the fourth; then it counts as down.
    let tried = summary["retrying"].as_u64().unwrap();
    assert!((4..8).contains(&tried), "{summary}");
    assert_eq!(world.harness.databases().received().len() as u64, tried);
    // One that was leased just before that is deferred.
    let left = 200 - tried - summary["deferred"].as_u64().unwrap();
    assert_eq!(summary["left_due"], json!(left), "for the next run, which finds out for itself: {summary}");
    assert!(storage_told - started < run_ended - started, "object storage did not wait for databases");
}

#[tokio::test]
async fn a_service_that_asks_for_time_is_not_asked_again_in_the_same_run() {
    let world = world_of(Harness::builder()).await;
    plant(&world, 100, DATABASES, world.harness.clock().now().minus(Duration::from_mins(1))).await;
    world.harness.databases().behave(Behaviour::Respond { status: 429, retry_after: Some(3600) });
    let summary = world.redeliver().await;
    let asked = world.harness.databases().received().len() as u64;
    assert!(asked <= 4, "asked {asked} times; no more than a lane begins with");
    assert_eq!(summary["deferred"], json!(100 - asked));
    world.advance_clock(Duration::from_mins(59)).await;
    assert_eq!(world.redeliver().await["taken_up"], json!(0), "also what was deferred waits for an hour");
}

/// What a service asks for over one notification holds back its others for an hour at most, and puts none of them
/// behind that one again.
#[tokio::test]
async fn a_retry_after_silences_no_service_for_a_day() {
    let world = world_of(Harness::builder()).await;
    plant(&world, 100, DATABASES, world.harness.clock().now().minus(Duration::from_mins(1))).await;
    let a_day = Behaviour::Respond { status: 503, retry_after: Some(86_400) };
    world.harness.databases().behave_next(1, a_day);
    let summary = world.redeliver().await;
    assert_eq!(summary["retrying"], json!(1));
    let delivered = summary["delivered"].as_u64().unwrap();
    assert_eq!(summary["deferred"], json!(99 - delivered), "{summary}");
    let items = world.everything().await;
    let first = items.iter().find(|item| item["outcome"][DATABASES]["status"] == "retrying").unwrap();
    let first = text(&first["pk"]).split_once('#').unwrap().1.to_owned();

    world.advance_clock(Duration::from_hours(1)).await;
    let summary = world.redeliver().await;
    assert_eq!(summary["delivered"], json!(100 - delivered), "an hour later all are told: {summary}");
    let received = world.harness.databases().received();
    let place = received.iter().rposition(|callback| callback.body.contains(&first)).unwrap();
    assert!(place + 32 >= received.len(), "the first came {place}th of {}, with 32 at once", received.len());
}

/// Nothing is given up that was not tried to the end, because of what the service asked for over something else.
#[tokio::test]
async fn the_last_attempt_is_made_whatever_the_service_asked_for() {
    let world = world_of(Harness::builder()).await;
    plant(&world, 20, DATABASES, world.harness.clock().now().minus(24 * HOUR)).await;
    world.harness.databases().behave_next(1, Behaviour::Respond { status: 429, retry_after: Some(600) });
    let summary = world.redeliver().await;
    assert_eq!((&summary["delivered"], &summary["failed"]), (&json!(19), &json!(1)), "{summary}");
}

#[tokio::test]
async fn a_run_ends_before_its_deadline_and_leaves_the_rest_due() {
    let builder =
        Harness::builder().function_timeout(Duration::from_secs(8)).env("KEYSYNC_CALLBACK_TIMEOUT", "2s");
    let world = world_of(builder).await;
    plant(&world, 200, STORAGE, world.harness.clock().now().minus(Duration::from_mins(1))).await;
    world.harness.object_storage().behave(Behaviour::Delay { millis: 1000 });

    let summary = world.redeliver().await;
    let log = world.harness.redeliver_function().processes().unwrap().log().join("\n");
    assert!(!log.contains("killed at its deadline"), "{log}");
    let taken_up = summary["taken_up"].as_u64().unwrap();
    assert!((4..200).contains(&taken_up), "some, and not all: {summary}");
    assert_eq!(summary["delivered"], json!(taken_up), "none was begun that there was no time for: {summary}");

    world.harness.object_storage().behave(Behaviour::Act);
    world.advance_clock(Duration::from_mins(2)).await;
    let mut left = 200 - summary["delivered"].as_u64().unwrap();
    while left > 0 {
        let delivered = world.redeliver().await["delivered"].as_u64().unwrap();
        assert!(delivered > 0, "{left} are left");
        left -= delivered;
        world.advance_clock(Duration::from_mins(2)).await;
    }
    assert_eq!(world.redeliver().await["taken_up"], json!(0));
}

#[tokio::test]
async fn the_oldest_come_first() {
    let world = world_of(Harness::builder()).await;
    let from = world.harness.clock().now().minus(Duration::from_mins(10));
    let mut age_of = std::collections::BTreeMap::new();
    for n in 0..150_u32 {
        let key = world.plant(&[STORAGE], from.plus(Duration::from_secs(n.into()))).await;
        age_of.insert(format!("{}#{key}", world.harness.instance()), n);
    }
    assert_eq!(world.redeliver().await["delivered"], json!(150));
    let calls = world.harness.dynamodb().redeliver_proxy().take_calls();
    let requests = calls.iter().map(|call| serde_json::from_str::<Value>(&call.request).unwrap());
    let leases = requests
        .filter(|request| request["UpdateExpression"].as_str().is_some_and(|it| it.contains(":until")));
    let order: Vec<u32> = leases.map(|request| age_of[&text(&request["Key"]["pk"]["S"])]).collect();
    assert_eq!(order.len(), 150);
    for (place, age) in order.iter().enumerate() {
        assert!(*age as usize <= place + 32, "number {age} by age came {place}th, with 32 at once");
    }
}
