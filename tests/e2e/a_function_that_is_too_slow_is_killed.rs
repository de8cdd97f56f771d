//! Lambda kills a function at its deadline; the caller learns that something failed, and the next
//! request finds a new process.

use std::time::Duration;

use keysync_testkit::{Harness, iam::Health, services::Behaviour};

use crate::support::world_of;

#[tokio::test]
async fn at_its_deadline_before_it_claimed_anything() {
    let world = world_of(Harness::builder().function_timeout(Duration::from_secs(1))).await;
    let before = world.everything().await;
    world.harness.iam().set_health(Health::Slow(Duration::from_secs(2)));
    assert_eq!(world.sync().await.status, 502);
    assert_eq!(world.everything().await, before);
    world.harness.iam().set_health(Health::Up);
    assert_eq!(world.sync().await.status, 204);
}

#[tokio::test]
async fn and_it_knows_its_deadline() {
    let builder =
        Harness::builder().function_timeout(Duration::from_secs(4)).env("KEYSYNC_CALLBACK_TIMEOUT", "20s");
    let world = world_of(builder).await;
    world.harness.databases().behave(Behaviour::Hang);
    assert_eq!(world.sync().await.status, 204, "it stopped waiting in time to confirm");
    assert_eq!(world.item().await["outcome"]["databases-for-postgresql"]["status"], "retrying");
}
