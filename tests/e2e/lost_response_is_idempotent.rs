//! G3: a DynamoDB response that is lost after the write was applied does not become a 409, and a
//! write that was not applied does not become a 204.

use std::time::Duration;

use keysync::domain::{EpochMillis, KeyFacts, KeyState, KeyType, KeyVersion, LifecycleAction};
use keysync_testkit::dynamodb::{Fault, Times};

use crate::support::{World, text, world, world_at};

async fn assert_notified_once(world: &World) {
    for service in world.harness.services() {
        assert_eq!(service.received().len(), 1, "{}", service.name());
    }
    let item = world.item().await;
    assert_eq!(
        (&item["pending"], &item["sequence"], item.get("due_at")),
        (&serde_json::json!({}), &1.into(), None)
    );
    world.assert_follows_model();
}

#[tokio::test]
async fn lost_claim_response_returns_204() {
    for fault in [Fault::LoseResponse, Fault::FailAfter] {
        let world = world().await;
        drop(world.harness.dynamodb().proxy().take_calls());
        world.harness.dynamodb().proxy().inject(fault, Times::Next(1));
        assert_eq!(world.sync().await.status, 204, "{fault:?}");
        assert_eq!(world.harness.dynamodb().proxy().take_calls().len(), 3, "claim, claim again, confirm");
        assert_notified_once(&world).await;
        assert_eq!(world.sync().await.status, 409);
    }
}

#[tokio::test]
async fn lost_record_response_notifies_once() {
    for fault in [Fault::LoseResponse, Fault::FailAfter] {
        let world = world().await;
        world.harness.dynamodb().lifecycle_proxy().inject_on("UpdateItem", fault, Times::Nth(1));
        assert_eq!(world.manager.delete(&world.key).await.unwrap().status, 204, "{fault:?}");
        assert_notified_once(&world).await;
    }
}

#[tokio::test]
async fn lost_record_response_on_slow_clock_is_recognized() {
    let start = EpochMillis::new(1_795_496_400_000);
    let world = world_at(start).await;
    assert_eq!(world.sync().await.status, 204);
    world.harness.clock().set(start.minus(Duration::from_secs(30)));
    let deleted = KeyFacts {
        crn: text(&world.item().await["crn"]).parse().unwrap(),
        key_type: KeyType::Root,
        state: KeyState::Destroyed,
        ring: "default".parse().unwrap(),
        version: KeyVersion { id: "v-1".to_owned(), created_at: start },
    };
    // The first attempt finds `notified_at` ahead of its clock; the second one is written.
    world.harness.dynamodb().lifecycle_proxy().inject_on("UpdateItem", Fault::LoseResponse, Times::Nth(2));
    let at = start.plus(Duration::from_millis(1));
    world.harness.events().action(LifecycleAction::Delete, &deleted, at).processed().await;
    for service in world.harness.services() {
        assert_eq!(
            service.last_state(&world.key).unwrap().key_state,
            KeyState::Destroyed,
            "{}",
            service.name()
        );
    }
    assert_eq!(world.item().await["sequence"], serde_json::json!(2));
}

#[tokio::test]
async fn lost_claim_request_is_retried() {
    for fault in [Fault::Cut, Fault::Fail, Fault::Throttle] {
        let world = world().await;
        world.harness.dynamodb().proxy().inject(fault, Times::Next(1));
        assert_eq!(world.sync().await.status, 204, "{fault:?}");
        assert_notified_once(&world).await;
    }
}

#[tokio::test]
async fn lost_confirmation_response_returns_204() {
    let world = world().await;
    let proxy = world.harness.dynamodb().proxy();
    proxy.inject(Fault::Delay(Duration::ZERO), Times::Next(1)); // the claim
    proxy.inject(Fault::LoseResponse, Times::Next(1));
    assert_eq!(world.sync().await.status, 204);
    assert_notified_once(&world).await;
}

#[tokio::test]
async fn repeated_request_after_lost_claim_responses_returns_204() {
    let world = world().await;
    let request = || {
        let path = format!("/api/v2/keys/{}/actions/sync", world.key);
        world.manager.request(http::Method::POST, &path).header("correlation-id", "the-same")
    };
    world.harness.dynamodb().proxy().inject(Fault::LoseResponse, Times::Always);
    let undecided = world.manager.send(request()).await.unwrap();
    assert_eq!((undecided.status.as_u16(), undecided.code()), (503, "SERVICE_UNAVAILABLE_ERR"));
    world.harness.dynamodb().proxy().clear_faults();

    // The claim was written: it is pending for redelivery, and the repeated request finds it.
    assert_eq!(world.manager.send(request()).await.unwrap().status, 204);
    let item = world.item().await;
    assert_eq!(
        item["pending"],
        serde_json::json!({"cloud-object-storage": 1, "databases-for-postgresql": 1})
    );
    assert!(item["due_at"].is_number());
}
