//! An operator replays a key's last notification to chosen services: without the window, without
//! losing a newer notification, and without being lost itself.

use std::time::Duration;

use keysync::{
    domain::{ClaimId, EpochMillis, KeyCrn},
    ledger::{Ledger, ReplayRequest, Replayed, item::Replay},
};
use keysync_testkit::{
    dynamodb::{Fault, Times},
    services::Behaviour,
};
use serde_json::{Value, json};

use crate::{
    audit_events::schema,
    binaries::binaries,
    log_lines::Lines,
    support::{HOUR, World, text, world, world_of},
};

const STORAGE: &str = "cloud-object-storage";
const DATABASES: &str = "databases-for-postgresql";
const DAY: Duration = Duration::from_hours(24);

/// The request for a replay of the key's last notification to object storage.
async fn request(world: &World, key: &str, now: EpochMillis) -> ReplayRequest {
    let claim: ClaimId = text(&world.item_of(key).await["claim"]).parse().unwrap();
    let replay = Replay {
        claim,
        at: now,
        services: vec![STORAGE.parse().unwrap()],
        operator: "operator".to_owned(),
        reason: "test".to_owned(),
    };
    ReplayRequest { key: world.crn(key), replay }
}

fn ledger(world: &World) -> Ledger {
    Ledger::new(&world.harness.dynamodb().sdk_config(), world.harness.table().to_owned())
}

fn now(world: &World) -> EpochMillis {
    world.harness.clock().now()
}

/// The audit events of replays so far.
fn replays(world: &World) -> Vec<Value> {
    let (lines, schema) = (Lines::of(world.harness.redeliver_function().processes()), schema());
    let replays = lines.audit().into_iter().filter(|event| text(&event["action"]).ends_with(".replay"));
    let replays: Vec<Value> = replays.cloned().collect();
    for event in &replays {
        let violations: Vec<_> = schema.iter_errors(event).map(|error| error.to_string()).collect();
        assert!(violations.is_empty(), "{event}: {violations:?}");
    }
    replays
}

/// A world whose object storage has not received the last notification, a sync, in 24 hours.
async fn world_with_exhausted_retries() -> World {
    let world = world().await;
    world.harness.object_storage().behave(Behaviour::respond(503));
    world.sync().await.assert_status(204);
    world.advance_clock(DAY + HOUR).await;
    assert_eq!(world.redeliver().await.failed, 1);
    assert_eq!(world.redeliver().await.leased, 0, "nothing is retried any more");
    world
}

#[tokio::test]
async fn replay_delivers_same_event_to_chosen_service_only() {
    let world = world_with_exhausted_retries().await;
    let (storage, databases) = (world.harness.object_storage(), world.harness.databases());
    let (tried, notified) = (storage.received().len(), databases.received().len());
    storage.behave(Behaviour::Act);

    let request = request(&world, &world.key, now(&world)).await;
    assert_eq!(ledger(&world).replay(&request).await, Ok(Replayed::Scheduled));
    assert_eq!(ledger(&world).replay(&request).await, Ok(Replayed::Scheduled), "the same request again");
    assert_eq!(world.redeliver().await.delivered, 1);
    world.redeliver().await;
    let audited = replays(&world);
    assert_eq!(audited.len(), 1, "{audited:?}");
    assert_eq!(audited[0]["requestData"]["reason"], "test");
    assert_eq!(audited[0]["requestData"]["services"], json!([STORAGE]));
    assert_eq!(
        (&audited[0]["initiator"]["id"], &audited[0]["reason"]["reasonCode"]),
        (&json!("operator"), &json!(202))
    );

    let received = storage.received();
    assert_eq!((received.len(), databases.received().len()), (tried + 1, notified));
    let id = |body: &[u8]| serde_json::from_slice::<Value>(body).unwrap()["id"].clone();
    assert_eq!(id(&received[tried].body), id(&received[0].body), "the same event");
    assert_eq!(world.item().await["outcome"][STORAGE]["status"], "delivered");
}

#[tokio::test]
async fn replay_leaves_the_window_as_it_is() {
    let world = world().await;
    world.sync().await.assert_status(204);
    let request = request(&world, &world.key, now(&world)).await;
    assert_eq!(ledger(&world).replay(&request).await, Ok(Replayed::Scheduled));
    world.sync().await.assert_error(409, "REQ_TOO_EARLY_ERR");
    world.advance_clock(HOUR + Duration::from_secs(1)).await;
    world.sync().await.assert_status(204);
}

#[tokio::test]
async fn retries_count_from_the_replay() {
    let world = world_with_exhausted_retries().await;
    let request = request(&world, &world.key, now(&world)).await;
    assert_eq!(ledger(&world).replay(&request).await, Ok(Replayed::Scheduled));
    assert_eq!(world.redeliver().await.retrying, 1, "the service is still down");
    world.advance_clock(HOUR * 2).await;
    assert_eq!(world.redeliver().await.retrying, 1);
    world.advance_clock(DAY).await;
    assert_eq!(world.redeliver().await.failed, 1, "24 hours after the replay");
}

#[tokio::test]
async fn confirmation_under_way_keeps_the_replay() {
    for replayed_before in [false, true] {
        let world = world().await;
        let (storage, databases) = (world.harness.object_storage(), world.harness.databases());
        databases.behave(Behaviour::respond(503));
        world.sync().await.assert_status(204);
        if replayed_before {
            let earlier = request(&world, &world.key, now(&world)).await;
            assert_eq!(ledger(&world).replay(&earlier).await, Ok(Replayed::Scheduled));
            assert_eq!(world.redeliver().await.delivered, 1, "object storage");
        }
        databases.behave(Behaviour::Act);
        world.advance_clock(HOUR * 2).await;
        let received = storage.received().len();

        // A run of redeliver has delivered to databases, and not confirmed it yet.
        let proxy = world.harness.dynamodb().redeliver_proxy();
        proxy.inject_on("UpdateItem", Fault::HoldRequest, Times::Nth(2)); // the confirmation
        tokio::join!(world.redeliver(), async {
            proxy.wait_until_held(1).await;
            let replay = request(&world, &world.key, now(&world)).await;
            assert_eq!(ledger(&world).replay(&replay).await, Ok(Replayed::Scheduled));
            proxy.release();
        });

        assert_eq!(world.item().await["pending"], json!({STORAGE: 1, DATABASES: 1}), "neither is lost");
        assert_eq!(world.redeliver().await.delivered, 2);
        assert_eq!(storage.received().len(), received + 1);
        assert_eq!(world.item().await["pending"], json!({}));
    }
}

#[tokio::test]
async fn replay_of_older_notification_changes_nothing() {
    let world = world().await;
    world.sync().await.assert_status(204);
    let request = request(&world, &world.key, now(&world)).await;
    world.take("actions/disable").await.assert_status(204);
    let before = world.item().await;
    assert_eq!(ledger(&world).replay(&request).await, Ok(Replayed::Superseded));
    assert_eq!(world.item().await, before);
}

#[tokio::test]
async fn invalid_replays_change_nothing() {
    let world = world_of(binaries()).await;
    world.sync().await.assert_status(204);
    let valid = request(&world, &world.key, now(&world)).await;
    assert_eq!(ledger(&world).replay(&valid).await, Ok(Replayed::Scheduled));
    let before = world.all_items().await;

    let foreign: KeyCrn =
        valid.key.to_string().replace(world.harness.account(), "another0account").parse().unwrap();
    let unknown = world.crn("02fd6835-6001-4482-a892-13bd2085f75d");
    let service: keysync::domain::ServiceName = "data-catalog".parse().unwrap();
    let mut later = valid.clone();
    later.replay.at = valid.replay.at.plus(HOUR);
    let mut unregistered = later.clone();
    unregistered.replay.services = vec![service.clone()];
    let mut earlier = valid.clone();
    earlier.replay.at = valid.replay.at.minus(Duration::from_millis(1));
    for (request, expected) in [
        (ReplayRequest { key: foreign, ..later.clone() }, Replayed::UnknownKey),
        (ReplayRequest { key: unknown, ..later }, Replayed::UnknownKey),
        (unregistered, Replayed::NotRegistered([service].into())),
        (earlier, Replayed::TooEarly(valid.replay.at)),
    ] {
        assert_eq!(ledger(&world).replay(&request).await, Ok(expected));
    }
    assert_eq!(world.all_items().await, before);
}

#[tokio::test]
async fn unconfirmed_replay_is_audited_again() {
    let world = world_with_exhausted_retries().await;
    let request = request(&world, &world.key, now(&world)).await;
    assert_eq!(ledger(&world).replay(&request).await, Ok(Replayed::Scheduled));
    let proxy = world.harness.dynamodb().redeliver_proxy();
    proxy.inject_on("UpdateItem", Fault::HoldRequest, Times::Nth(2)); // the confirmation
    tokio::join!(world.harness.redeliver(), async {
        proxy.wait_until_held(1).await;
        world.harness.redeliver_function().processes().unwrap().kill().await;
        proxy.clear_faults();
    })
    .0
    .unwrap_err();
    assert_eq!(replays(&world).len(), 1, "audited before it is recorded");
    world.end_lease(&world.key).await;
    world.redeliver().await;
    assert_eq!(replays(&world).len(), 2, "none is lost");
}
