//! Lambda kills a function at its timeout: the caller gets 502, and the next request a new process.

use std::time::Duration;

use keysync_testkit::{iam::Health, services::Behaviour};

use crate::support::{binaries, world_of};

#[tokio::test]
async fn timeout_before_the_claim_changes_nothing() {
    let world = world_of(binaries().function_timeout(Duration::from_secs(1))).await;
    let before = world.all_items().await;
    world.harness.iam().set_health(Health::Slow { millis: 2000 });
    assert_eq!(world.sync().await.status, 502);
    assert_eq!(world.all_items().await, before);
    world.harness.iam().set_health(Health::Up);
    assert_eq!(world.sync().await.status, 204);
}

#[tokio::test]
async fn delivery_stops_in_time_to_confirm() {
    let builder = binaries().function_timeout(Duration::from_secs(4)).env("KEYSYNC_CALLBACK_TIMEOUT", "20s");
    let world = world_of(builder).await;
    world.harness.databases().behave(Behaviour::Hang);
    assert_eq!(world.sync().await.status, 204, "the function stops waiting in time to confirm");
    assert_eq!(world.item().await["outcome"]["databases-for-postgresql"]["status"], "retrying");
    world.assert_follows_model();
}
