//! A request that bears the correlation id and the caller of the sync that closed the window, within
//! ten minutes of it, gets that sync's 204 again and notifies nobody twice.

use std::time::Duration;

use keysync::key::EpochMillis;
use keysync_testkit::{Client, Response, iam::Role};

use crate::support::{World, world_at};

const START: EpochMillis = EpochMillis::new(1_700_000_000_000);

async fn sync_as(world: &World, who: &Client, correlation_id: &str) -> Response {
    sync_with(world, who, &[("correlation-id", correlation_id)]).await
}

async fn sync_with(world: &World, who: &Client, headers: &[(&str, &str)]) -> Response {
    let path = format!("/api/v2/keys/{}/actions/sync", world.key);
    let request = who.request(http::Method::POST, &path);
    who.send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)))
        .await
        .unwrap()
}

#[tokio::test]
async fn within_ten_minutes_and_by_the_same_caller() {
    let world = world_at(START).await;
    let first = sync_as(&world, &world.manager, "c-1").await;
    assert_eq!((first.status.as_u16(), first.header("correlation-id")), (204, "c-1"));

    assert_eq!(sync_as(&world, &world.manager, "c-1").await.status, 204);
    world.advance_clock(Duration::from_mins(10)).await;
    assert_eq!(sync_as(&world, &world.manager, "c-1").await.status, 204);
    assert_eq!(world.harness.object_storage().received().len(), 1, "nobody is told twice");

    assert_eq!(sync_as(&world, &world.manager, "c-2").await.status, 409, "another request");
    world.advance_clock(Duration::from_millis(1)).await;
    assert_eq!(sync_as(&world, &world.manager, "c-1").await.status, 409, "too late");
}

/// As the Python client names its calls: a new id for each, and the same over its own retries.
#[tokio::test]
async fn replays_by_x_correlation_id() {
    let world = world_at(START).await;
    let (x_1, x_2) = (("x-correlation-id", "x-1"), ("x-correlation-id", "x-2"));
    let sync = async |headers: &[(&str, &str)]| {
        let response = sync_with(&world, &world.manager, headers).await;
        (response.status.as_u16(), response.header("correlation-id").to_owned())
    };
    assert_eq!(sync(&[x_1]).await, (204, "x-1".to_owned()));
    assert_eq!(sync(&[x_1]).await, (204, "x-1".to_owned()), "the same request");
    assert_eq!(
        sync(&[("correlation-id", "x-1"), x_2]).await.0,
        204,
        "`correlation-id` counts where both are there"
    );
    assert_eq!(sync(&[x_2]).await, (409, "x-2".to_owned()), "another request");
    assert_eq!(sync(&[("correlation-id", "c-1"), x_1]).await, (409, "c-1".to_owned()), "another request");
    assert_eq!(world.harness.object_storage().received().len(), 1, "nobody is notified twice");
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
