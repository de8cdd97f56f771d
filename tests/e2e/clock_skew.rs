//! G8: every process has its own clock. With clocks Δ apart, two syncs are at least an hour − Δ
//! apart, and a clock that steps back opens no window.
//!
//! The tests call the ledger directly, with the instants that the processes would pass.

use std::time::Duration;

use keysync::{
    domain::{
        ClaimId, EpochMillis, KeyFacts, KeyId, KeyState, KeyType, KeyVersion, LeaseId, LifecycleAction,
        LifecycleEvent,
    },
    ledger::{
        Awaits, ClaimRequest, Claimed, Confirmed, DueKey, DynamoDbClient, Ledger, LifecycleChange, Recorded,
        Settled,
    },
};
use serde_json::json;

use crate::support::{HOUR, LEASE, World, world};

/// The skew between the clocks of two processes.
const SKEW: Duration = Duration::from_secs(30);

fn ledger(world: &World) -> Ledger {
    Ledger::new(&world.harness.dynamodb().sdk_config(), world.harness.table().to_owned())
}

fn key(world: &World) -> KeyId {
    world.key.parse().unwrap()
}

fn claim_request(world: &World, now: EpochMillis) -> ClaimRequest {
    ClaimRequest {
        key: world.crn(&world.key),
        ring: None,
        caller: serde_json::from_value(json!("IBMid-1")).unwrap(),
        correlation_id: keysync::domain::CorrelationId::random(),
        claim: ClaimId::unique(),
        now,
        lease: LEASE,
    }
}

/// Claims by a process whose clock shows `now`; returns whether it won.
async fn claim(world: &World, now: EpochMillis) -> bool {
    matches!(ledger(world).claim(&claim_request(world, now)).await.unwrap(), Claimed::Won(_))
}

/// Records a lifecycle action by a process whose clock shows `now`.
async fn record(world: &World, now: EpochMillis) -> Recorded {
    record_as(world, now, ClaimId::unique()).await
}

/// The same, with this claim id.
async fn record_as(world: &World, now: EpochMillis, claim: ClaimId) -> Recorded {
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
        claim,
        now,
        lease: LEASE,
    };
    ledger(world).record(&change).await.unwrap()
}

async fn notified_at(world: &World) -> EpochMillis {
    EpochMillis::new(world.item().await["notified_at"].as_u64().unwrap())
}

#[tokio::test]
async fn window_shrinks_by_at_most_the_skew() {
    let world = world().await;
    let start = world.harness.clock().now();
    assert!(claim(&world, start.minus(SKEW)).await, "a slow clock claims at `start`");
    // A process with the right clock claims next:
    let shortened = HOUR.saturating_sub(SKEW);
    assert!(!claim(&world, start.plus(shortened)).await, "not before an hour minus the skew");
    assert!(claim(&world, start.plus(shortened + Duration::from_millis(1))).await);
}

#[tokio::test]
async fn clock_stepping_back_opens_no_window() {
    let world = world().await;
    let start = world.harness.clock().now();
    assert!(claim(&world, start).await);
    for back in [Duration::from_millis(1), SKEW, HOUR, 2 * HOUR, 1000 * HOUR] {
        assert!(!claim(&world, start.minus(back)).await, "{back:?} back");
    }
    assert_eq!(notified_at(&world).await, start);
}

#[tokio::test]
async fn slow_clock_action_never_moves_window_back() {
    let world = world().await;
    let start = world.harness.clock().now();
    assert!(claim(&world, start).await);
    assert!(
        matches!(record(&world, start.minus(SKEW)).await, Recorded::Pending(_)),
        "the action is recorded"
    );
    assert_eq!(notified_at(&world).await, start);
    assert!(!claim(&world, start.plus(HOUR)).await);
    assert!(matches!(record(&world, start.plus(SKEW)).await, Recorded::Pending(_)));
    assert_eq!(notified_at(&world).await, start.plus(SKEW));
}

#[tokio::test]
async fn claim_ids_sort_like_their_notifications() {
    let world = world().await;
    let start = world.harness.clock().now();
    let [first, second, third] = [ClaimId::unique(), ClaimId::unique(), ClaimId::unique()];
    let mut claims = Vec::new();
    for (claim, now) in [(second, start), (third, start), (first, start), (second, start.minus(SKEW))] {
        let Recorded::Pending(notification) = record_as(&world, now, claim).await else { panic!("recorded") };
        assert_eq!(notification.lease, notification.claim.into(), "and may confirm");
        claims.push(notification.claim);
    }
    assert_eq!(claims[..2], [second, third]);
    assert!(claims.is_sorted_by(|earlier, later| earlier < later), "{claims:?}");
    assert_eq!(notified_at(&world).await, start);
}

#[tokio::test]
async fn late_confirmation_after_early_lease_is_fenced() {
    let world = world().await;
    let start = world.harness.clock().now();
    let planted = world.plant(&["cloud-object-storage"], start).await;
    let ledger = ledger(&world);
    let due = DueKey {
        instance: world.harness.instance(),
        awaits: Awaits::Delivery,
        key: planted.parse().unwrap(),
        at: start,
        notified_at: start,
        pending: Vec::new(),
    };
    let take = async |now: EpochMillis| ledger.lease(&due, LeaseId::unique(), now, LEASE).await.unwrap();
    let slow = take(start).await.unwrap();
    assert!(
        take(start.plus(LEASE).minus(Duration::from_millis(1))).await.is_none(),
        "the lease has not expired"
    );
    let fast = take(start.plus(LEASE)).await.unwrap();
    let confirm = async |notification| ledger.confirm(notification, &Settled::default(), None).await.unwrap();
    assert_eq!(confirm(&slow).await, Confirmed::Superseded, "an expired lease cannot confirm");
    assert_eq!(confirm(&fast).await, Confirmed::Recorded);
}

#[tokio::test]
async fn late_lease_request_cannot_confirm_newer_notification() {
    let world = world().await;
    let start = world.harness.clock().now();
    assert!(claim(&world, start).await);
    let ledger = ledger(&world);
    let due = DueKey {
        instance: world.harness.instance(),
        awaits: Awaits::Delivery,
        key: key(&world),
        at: start.plus(LEASE),
        notified_at: start,
        pending: Vec::new(),
    };
    // A redelivery on a clock ahead by a lease sends its request twice; the second one arrives
    // first.
    let (lease, fast) = (LeaseId::unique(), start.plus(LEASE));
    let older = ledger.lease(&due, lease, fast, LEASE).await.unwrap().unwrap();
    assert!(matches!(record(&world, start).await, Recorded::Pending(_)), "a newer notification");
    assert!(
        ledger.lease(&due, lease, fast, LEASE).await.unwrap().is_some(),
        "the late request takes the lease"
    );

    let confirmed = ledger.confirm(&older, &Settled::default(), None).await.unwrap();
    assert_eq!(confirmed, Confirmed::Superseded, "the older lease cannot confirm the newer notification");
    let item = world.item().await;
    assert_eq!(item["pending"].as_object().unwrap().len(), 2);
    assert!(item["due_at"].is_number());
}

/// Found by the comparison with the model. With the redelivery's lease, the claimant could schedule
/// services again that the redelivery has settled.
#[tokio::test]
async fn resent_claim_cannot_confirm_by_anothers_lease() {
    for client in [DynamoDbClient::Thin, DynamoDbClient::Sdk] {
        let world = world().await;
        let (start, ledger) = (world.harness.clock().now(), ledger(&world).with_client(client));
        let request = claim_request(&world, start);
        assert!(matches!(ledger.claim(&request).await.unwrap(), Claimed::Won(_)), "its response is lost");
        let due = DueKey {
            instance: world.harness.instance(),
            awaits: Awaits::Delivery,
            key: key(&world),
            at: start.plus(LEASE),
            notified_at: start,
            pending: Vec::new(),
        };
        // A redelivery on a clock ahead by a lease comes before the second attempt of the claim.
        let leased = ledger.lease(&due, LeaseId::unique(), start.plus(LEASE), LEASE).await.unwrap().unwrap();
        let resent = ledger.claim(&request).await.unwrap();
        let Claimed::Won(resent) = resent else { panic!("{client:?}: it is its own claim") };
        let confirm =
            async |notification| ledger.confirm(notification, &Settled::default(), None).await.unwrap();
        assert_eq!(confirm(&resent).await, Confirmed::Superseded, "{client:?}");
        assert_eq!(confirm(&leased).await, Confirmed::Recorded, "{client:?}");
    }
}
