//! A request that bears the correlation id and the caller of the sync that closed the window, within
//! ten minutes of it, gets that sync's 204 again and notifies nobody twice.

use std::time::Duration;

use keysync::key::EpochMillis;
use keysync_harness::{Answer, Client, iam::Role};

use crate::support::{World, world_at};

const START: EpochMillis = EpochMillis::new(1_700_000_000_000);

async fn sync_as(world: &World, who: &Client, correlation_id: &str) -> Answer {
    let path = format!("/api/v2/keys/{}/actions/sync", world.key);
    who.send(who.request(http::Method::POST, &path).header("correlation-id", correlation_id)).await.unwrap()
}

#[tokio::test]
async fn within_ten_minutes_and_by_the_same_caller() {
    let world = world_at(START).await;
    let first = sync_as(&world, &world.manager, "c-1").await;
    assert_eq!((first.status.as_u16(), first.header("correlation-id")), (204, "c-1"));

    assert_eq!(sync_as(&world, &world.manager, "c-1").await.status, 204);
    world.travel(Duration::from_mins(10)).await;
    assert_eq!(sync_as(&world, &world.manager, "c-1").await.status, 204);
    assert_eq!(world.harness.object_storage().received().len(), 1, "nobody is told twice");

    assert_eq!(sync_as(&world, &world.manager, "c-2").await.status, 409, "another request");
    world.travel(Duration::from_millis(1)).await;
    assert_eq!(sync_as(&world, &world.manager, "c-1").await.status, 409, "too late");
}

#[tokio::test]
async fn not_by_somebody_else() {
    let world = world_at(START).await;
    sync_as(&world, &world.manager, "c-1").await;
    let other = Client::log_in(&world.harness, world.harness.reader_api_key()).await.unwrap();
    let iam_id = world.harness.iam().authenticate(&other.token()).unwrap().iam_id;
    world.harness.iam().grant(&iam_id, world.harness.instance(), Role::Writer);
    assert_eq!(sync_as(&world, &other, "c-1").await.status, 409);
}

#[tokio::test]
async fn not_after_a_lifecycle_action() {
    let world = world_at(START).await;
    sync_as(&world, &world.manager, "c-1").await;
    assert_eq!(world.take("actions/rotate").await.status, 204);
    assert_eq!(
        sync_as(&world, &world.manager, "c-1").await.status,
        409,
        "it was the rotation that closed it"
    );
}
