//! A key whose service hangs does not delay another key.

use keysync_testkit::{
    HarnessBuilder,
    lambda::Mode,
    services::{Behaviour, OBJECT_STORAGE},
};

use crate::support::{binaries, world_of};

#[tokio::test]
async fn hanging_service_delays_no_key_across_processes() {
    sync_beside_a_hanging_service(binaries().mode(Mode::Process { environments: 2 })).await;
}

/// Lambda Managed Instances run several requests in one process.
#[tokio::test]
async fn hanging_service_delays_no_key_within_process() {
    sync_beside_a_hanging_service(binaries().concurrency(2)).await;
}

async fn sync_beside_a_hanging_service(builder: HarnessBuilder) {
    let world = world_of(builder.env("KEYSYNC_CALLBACK_TIMEOUT", "1s")).await;
    let other = world.another_key().await;
    world.harness.key(&other).await.unwrap().protect(OBJECT_STORAGE, "other-bucket").await.unwrap();
    world.harness.databases().behave(Behaviour::Hang); // associated with the first key only

    let delayed = tokio::spawn({
        let (manager, key) = (world.manager.clone(), world.key.clone());
        async move { manager.sync(&key).await.unwrap() }
    });
    world.harness.databases().wait_for(1).await;
    assert_eq!(world.manager.sync(&other).await.unwrap().status, 204);
    assert!(!delayed.is_finished(), "the other key does not wait for the hanging service");

    assert_eq!(
        delayed.await.unwrap().status,
        204,
        "accepted: the notification is recorded and will be retried"
    );
    assert_eq!(world.item().await["pending"], serde_json::json!({"databases-for-postgresql": 1}));
    assert_eq!(world.item_of(&other).await["pending"], serde_json::json!({}));
}
