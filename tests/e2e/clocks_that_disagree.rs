//! G8: every process has a clock of its own. With clocks apart by Δ no two syncs are less than an hour − Δ
//! apart, and a clock that steps back opens nothing.
//!
//! The ledger is asked directly here, with the instants that processes would tell it.

use std::time::Duration;

use keysync::{
    key::{
        ClaimId, EpochMillis, KeyFacts, KeyId, KeyState, KeyType, KeyVersion, LeaseId, LifecycleAction,
        LifecycleEvent,
    },
    ledger::{ClaimRequest, Claimed, DueKey, Ledger, LifecycleChange, Recorded, Settled},
};
use serde_json::json;

use crate::support::{HOUR, LEASE, World, world};

/// How far apart the clocks of two processes are.
const APART: Duration = Duration::from_secs(30);

fn ledger(world: &World) -> Ledger {
    Ledger::new(&world.harness.dynamodb().sdk_config(), world.harness.table().to_owned())
}

fn key(world: &World) -> KeyId {
    world.key.parse().unwrap()
}

/// A claim by a process whose clock shows `now`. Whether it won.
async fn claims(world: &World, now: EpochMillis) -> bool {
    let request = ClaimRequest {
        key: world.crn(&world.key),
        ring: None,
        caller: serde_json::from_value(json!("IBMid-1")).unwrap(),
        correlation_id: keysync::key::CorrelationId::random(),
        claim: ClaimId::unique(),
        now,
        lease: LEASE,
    };
    matches!(ledger(world).claim(&request).await.unwrap(), Claimed::Won(_))
}

/// A lifecycle action, recorded by a process whose clock shows `now`.
async fn records(world: &World, now: EpochMillis) -> Recorded {
    let item = world.item().await;
    let at = EpochMillis::new(item["event"]["at"].as_u64().unwrap() + 1);
    let change = LifecycleChange {
        facts: KeyFacts {
            crn: item["crn"].as_str().unwrap().parse().unwrap(),
            key_type: KeyType::Root,
            state: KeyState::Destroyed,
            ring: "default".parse().unwrap(),
            version: KeyVersion { id: "v".to_owned(), created_at: at },
        },
        event: LifecycleEvent { action: LifecycleAction::Delete, at },
        claim: ClaimId::unique(),
        now,
        lease: LEASE,
    };
    ledger(world).record(&change).await.unwrap()
}

async fn notified_at(world: &World) -> EpochMillis {
    EpochMillis::new(world.item().await["notified_at"].as_u64().unwrap())
}

#[tokio::test]
async fn the_window_shrinks_by_what_they_are_apart_and_no_more() {
    let world = world().await;
    let start = world.harness.clock().now();
    assert!(claims(&world, start.minus(APART)).await, "a slow clock claims at `start`");
    // A right one comes, by the right time:
    let apart = HOUR.saturating_sub(APART);
    assert!(!claims(&world, start.plus(apart)).await, "not before an hour less what they are apart");
    assert!(claims(&world, start.plus(apart + Duration::from_millis(1))).await);
}

#[tokio::test]
async fn a_clock_that_steps_back_opens_nothing() {
    let world = world().await;
    let start = world.harness.clock().now();
    assert!(claims(&world, start).await);
    for back in [Duration::from_millis(1), APART, HOUR, 2 * HOUR, 1000 * HOUR] {
        assert!(!claims(&world, start.minus(back)).await, "{back:?} back");
    }
    assert_eq!(notified_at(&world).await, start);
}

#[tokio::test]
async fn a_lifecycle_action_on_a_slow_clock_does_not_move_the_window_back() {
    let world = world().await;
    let start = world.harness.clock().now();
    assert!(claims(&world, start).await);
    assert!(
        matches!(records(&world, start.minus(APART)).await, Recorded::News(_)),
        "it is news all the same"
    );
    assert_eq!(notified_at(&world).await, start);
    assert!(!claims(&world, start.plus(HOUR)).await);
    assert!(matches!(records(&world, start.plus(APART)).await, Recorded::News(_)));
    assert_eq!(notified_at(&world).await, start.plus(APART));
}

#[tokio::test]
async fn a_fast_clock_takes_a_lease_early_and_the_late_confirmation_is_fenced() {
    let world = world().await;
    let start = world.harness.clock().now();
    let planted = world.plant(&["cloud-object-storage"], start).await;
    let ledger = ledger(&world);
    let due = DueKey {
        instance: world.harness.instance(),
        key: planted.parse().unwrap(),
        at: start,
        notified_at: start,
        pending: Vec::new(),
    };
    let take = async |now: EpochMillis| ledger.lease(&due, LeaseId::unique(), now, LEASE).await.unwrap();
    let slow = take(start).await.unwrap();
    assert!(take(start.plus(LEASE).minus(Duration::from_millis(1))).await.is_none(), "the lease holds");
    let fast = take(start.plus(LEASE)).await.unwrap();
    assert!(!ledger.confirm(&slow, &Settled::default()).await.unwrap(), "whose lease is over has no say");
    assert!(ledger.confirm(&fast, &Settled::default()).await.unwrap());
}

#[tokio::test]
async fn a_request_for_a_lease_that_comes_late_gives_no_say_over_a_newer_notification() {
    let world = world().await;
    let start = world.harness.clock().now();
    assert!(claims(&world, start).await);
    let ledger = ledger(&world);
    let due = DueKey {
        instance: world.harness.instance(),
        key: key(&world),
        at: start.plus(LEASE),
        notified_at: start,
        pending: Vec::new(),
    };
    // A redelivery on a clock that is fast by a lease sends its request twice; the second one arrives first.
    let (lease, fast) = (LeaseId::unique(), start.plus(LEASE));
    let older = ledger.lease(&due, lease, fast, LEASE).await.unwrap().unwrap();
    assert!(matches!(records(&world, start).await, Recorded::News(_)), "a newer notification");
    assert!(ledger.lease(&due, lease, fast, LEASE).await.unwrap().is_some(), "the first one wins it back");

    assert!(!ledger.confirm(&older, &Settled::default()).await.unwrap(), "it has no say over the newer one");
    let item = world.item().await;
    assert_eq!(item["pending"].as_object().unwrap().len(), 2);
    assert!(item["due_at"].is_number());
}
