//! Redelivery runs may overlap: each notification is delivered by one of them, and a slow run
//! undoes nothing.

use std::time::Duration;

use keysync_testkit::{
    KeyState, RedeliverSummary,
    dynamodb::{Fault, Times},
    lambda::Mode,
    services::Behaviour,
};
use serde_json::json;
use tokio::task::JoinSet;

use crate::support::{HOUR, World, binaries, world, world_of};

const STORAGE: &str = "cloud-object-storage";
const DATABASES: &str = "databases-for-postgresql";

#[tokio::test]
async fn eight_concurrent_runs_deliver_each_notification_once() {
    let world = world_of(binaries().mode(Mode::Process { environments: 2 })).await;
    let now = world.harness.clock().now();
    for n in 0..100 {
        world.plant(&[STORAGE], now.minus(Duration::from_millis(n))).await;
    }
    let redeliver = world.harness.redeliver_function();
    let runs = futures_util::future::join_all((0..8).map(|_| world.redeliver())).await;
    assert_eq!(redeliver.processes().unwrap().process_ids().len(), 2);

    let sum = |count: fn(&RedeliverSummary) -> u64| runs.iter().map(count).sum::<u64>();
    assert_eq!((sum(|run| run.leased), sum(|run| run.delivered), sum(|run| run.errors)), (100, 100, 0));
    assert_eq!(world.harness.object_storage().received().len(), 100, "no notification was delivered twice");
}

#[tokio::test]
async fn superseded_run_confirms_nothing() {
    let world = world_of(binaries().mode(Mode::Process { environments: 2 })).await;
    let key = world.plant(&[STORAGE], world.harness.clock().now()).await;
    let storage = world.harness.object_storage();
    storage.behave_next(1, Behaviour::respond(503));
    let proxy = world.harness.dynamodb().redeliver_proxy();
    proxy.inject_on("UpdateItem", Fault::HoldRequest, Times::Nth(2)); // the first run's confirmation

    let (slow, ()) = tokio::join!(world.redeliver(), async {
        proxy.wait_until_held(1).await;
        world.end_lease(&key).await;
        assert_eq!(world.redeliver().await.delivered, 1);
        proxy.release();
    });
    assert_eq!(slow.retrying, 1, "the first run's own result");

    let left = world.all_items().await.into_iter().find(|item| item["name"] == "planted").unwrap();
    assert_eq!(
        (&left["pending"], left.get("due_at")),
        (&json!({}), None),
        "the second run's confirmation is kept"
    );
    assert_eq!(left["outcome"][STORAGE]["status"], "delivered");
}

#[tokio::test]
async fn lost_lease_response_keeps_the_lease() {
    for fault in [Fault::LoseResponse, Fault::FailAfter] {
        let world = world().await;
        world.plant(&[STORAGE], world.harness.clock().now()).await;
        world.harness.dynamodb().redeliver_proxy().inject_on("UpdateItem", fault, Times::Nth(1));
        let summary = world.redeliver().await;
        assert_eq!((summary.leased, summary.contended), (1, 0), "{fault:?}");
    }
}

/// A world with a notification that databases failed and that is due again.
async fn world_with_failed_delivery() -> World {
    let world = world().await;
    world.harness.databases().behave_next(1, Behaviour::respond(503));
    world.sync().await.assert_status(204);
    world.advance_clock(Duration::from_mins(2)).await;
    world
}

#[tokio::test]
async fn late_older_notification_undoes_no_newer_one() {
    let world = world_with_failed_delivery().await;
    let databases = world.harness.databases();

    // Redelivery has leased the sync's notification when the key is deleted.
    let proxy = world.harness.dynamodb().redeliver_proxy();
    proxy.inject_on("UpdateItem", Fault::HoldResponse, Times::Nth(1)); // the lease
    tokio::join!(world.redeliver(), async {
        proxy.wait_until_held(1).await;
        assert_eq!(world.manager.delete(&world.key).await.unwrap().status, 204);
        proxy.release();
    });
    let states: Vec<u64> =
        World::callbacks(databases, &world.key).into_iter().map(|(_, state)| state).collect();
    assert_eq!(states, [1, 5, 1], "the older notification arrived last");
    assert_eq!(
        databases.last_state(&world.key).unwrap().key_state,
        KeyState::Destroyed,
        "the older sequence was ignored"
    );
    let item = world.item().await;
    assert_eq!((&item["pending"], &item["sequence"]), (&json!({}), &json!(2)));
    assert_eq!(item["outcome"]["databases-for-postgresql"]["status"], "delivered");
    world.assert_follows_model();
}

#[tokio::test]
async fn late_older_notification_confirms_no_newer_one() {
    for newer in ["sync", "deletion"] {
        let world = world_with_failed_delivery().await;
        let databases = world.harness.databases();

        // Redelivery has delivered the older notification and not confirmed it when a newer one
        // fails.
        let proxy = world.harness.dynamodb().redeliver_proxy();
        proxy.inject_on("UpdateItem", Fault::HoldRequest, Times::Nth(2)); // the confirmation
        tokio::join!(world.redeliver(), async {
            proxy.wait_until_held(1).await;
            databases.behave_next(1, Behaviour::respond(503));
            if newer == "sync" {
                world.advance_clock(HOUR).await;
                assert_eq!(world.sync().await.status, 204);
            } else {
                assert_eq!(world.manager.delete(&world.key).await.unwrap().status, 204);
            }
            proxy.release();
        });
        let item = world.item().await;
        assert_eq!(item["pending"], json!({DATABASES: 1}), "the {newer} is pending");
        world.advance_clock(Duration::from_mins(2)).await;
        assert_eq!(world.redeliver().await.delivered, 1, "the {newer}");
        assert_eq!(json!(databases.last_state(&world.key).unwrap().sequence), item["sequence"]);
        world.assert_follows_model();
    }
}

#[tokio::test]
async fn continuous_runs_leave_concurrent_syncs_alone() {
    let world = world_of(binaries().mode(Mode::Process { environments: 2 })).await;
    let mut keys = Vec::new();
    for _ in 0..10 {
        let key = world.another_key().await;
        world.harness.key(&key).await.unwrap().protect(STORAGE, &key).await.unwrap();
        keys.push(key);
    }
    let mut syncs = JoinSet::new();
    for key in keys.clone() {
        let manager = world.manager.clone();
        syncs.spawn(async move { manager.sync(&key).await.unwrap().status.as_u16() });
    }
    while !syncs.is_empty() {
        world.redeliver().await;
        while let Some(status) = syncs.try_join_next() {
            assert_eq!(status.unwrap(), 204);
        }
    }
    for key in keys {
        assert_eq!(
            World::callbacks(world.harness.object_storage(), &key).len(),
            1,
            "notified by its request only"
        );
    }
}
