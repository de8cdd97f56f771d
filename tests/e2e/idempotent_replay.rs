//! Idempotent replay: a request with the correlation id and the caller of the sync that closed the
//! window gets that sync's 204 again for ten minutes, and notifies no service twice.

use std::time::Duration;

use keysync::domain::EpochMillis;
use keysync_testkit::{Client, Response, iam::Role};

use crate::support::{World, world_at};

const START: EpochMillis = EpochMillis::new(1_700_000_000_000);

async fn sync_as(world: &World, caller: &Client, correlation_id: &str) -> Response {
    sync_with(world, caller, &[("correlation-id", correlation_id)]).await
}

async fn sync_with(world: &World, caller: &Client, headers: &[(&str, &str)]) -> Response {
    let path = format!("/api/v2/keys/{}/actions/sync", world.key);
    let request = caller.request(http::Method::POST, &path);
    caller
        .send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)))
        .await
        .unwrap()
}

#[tokio::test]
async fn same_request_within_ten_minutes_is_replayed() {
    let world = world_at(START).await;
    let first = sync_as(&world, &world.manager, "c-1").await;
    assert_eq!((first.status.as_u16(), first.header("correlation-id")), (204, "c-1"));

    assert_eq!(sync_as(&world, &world.manager, "c-1").await.status, 204);
    world.advance_clock(Duration::from_mins(10)).await;
    assert_eq!(sync_as(&world, &world.manager, "c-1").await.status, 204);
    assert_eq!(world.harness.object_storage().received().len(), 1, "no service is notified twice");

    assert_eq!(sync_as(&world, &world.manager, "c-2").await.status, 409, "another request");
    world.advance_clock(Duration::from_millis(1)).await;
    assert_eq!(sync_as(&world, &world.manager, "c-1").await.status, 409, "ten minutes have passed");
}

/// The Python client sends a new id with each call, and the same one with its own retries.
#[tokio::test]
async fn x_correlation_id_identifies_the_request() {
    let world = world_at(START).await;
    let (x_1, x_2) = (("x-correlation-id", "x-1"), ("x-correlation-id", "x-2"));
    let sync = async |headers: &[(&str, &str)]| {
        let response = sync_with(&world, &world.manager, headers).await;
        (response.status.as_u16(), response.header("correlation-id").to_owned())
    };
    assert_eq!(sync(&[x_1]).await, (204, "x-1".to_owned()));
    assert_eq!(sync(&[x_1]).await, (204, "x-1".to_owned()), "the same request");
    assert_eq!(sync(&[("correlation-id", "x-1"), x_2]).await.0, 204, "`correlation-id` takes precedence");
    assert_eq!(sync(&[x_2]).await, (409, "x-2".to_owned()), "another request");
    assert_eq!(sync(&[("correlation-id", "c-1"), x_1]).await, (409, "c-1".to_owned()), "another request");
    assert_eq!(world.harness.object_storage().received().len(), 1, "no service is notified twice");
}

#[tokio::test]
async fn other_caller_gets_no_replay() {
    let world = world_at(START).await;
    sync_as(&world, &world.manager, "c-1").await;
    let other = Client::log_in(&world.harness, world.harness.reader_api_key()).await.unwrap();
    let iam_id = world.harness.iam().authenticate(&other.token()).unwrap().iam_id;
    world.harness.iam().grant(&iam_id, world.harness.instance(), Role::Writer);
    assert_eq!(sync_as(&world, &other, "c-1").await.status, 409);
}

#[tokio::test]
async fn lifecycle_action_ends_the_replay() {
    let world = world_at(START).await;
    sync_as(&world, &world.manager, "c-1").await;
    assert_eq!(world.take("actions/rotate").await.status, 204);
    assert_eq!(sync_as(&world, &world.manager, "c-1").await.status, 409, "the rotation closed the window");
}
