//! The boundary of the sync window, to the millisecond: it is open when *longer than* 3,600 s have
//! passed.

use std::time::Duration;

use keysync::domain::EpochMillis;

use crate::support::{HOUR, world, world_at};

/// 2021-09-29T20:38:42.500Z
const START: EpochMillis = EpochMillis::new(1_632_947_922_500);

async fn sync_after(passed: Duration) -> u16 {
    let world = world_at(START).await;
    assert_eq!(world.sync().await.status, 204);
    world.advance_clock(passed).await;
    world.sync().await.status.as_u16()
}

#[tokio::test]
async fn window_is_closed_after_3599_s() {
    assert_eq!(sync_after(Duration::from_secs(3599)).await, 409);
}

#[tokio::test]
async fn window_is_closed_after_exactly_3600_s() {
    assert_eq!(sync_after(HOUR).await, 409);
}

#[tokio::test]
async fn window_is_open_after_3600_001_s() {
    assert_eq!(sync_after(HOUR + Duration::from_millis(1)).await, 204);
}

#[tokio::test]
async fn conflict_names_the_first_successful_second() {
    let world = world_at(START).await;
    world.sync().await;
    world.advance_clock(Duration::from_mins(1)).await;
    let rejected = world.sync().await;
    assert_eq!(
        rejected.message(),
        "The key was updated recently: Please wait and try again: \
         Sync cannot be performed until at least 2021-09-29T21:38:43Z"
    );
    let named = EpochMillis::new(1_632_951_523_000);
    let wait = named.since(world.harness.clock().now());
    assert_eq!(rejected.header("retry-after"), wait.as_millis().div_ceil(1000).to_string());

    world.harness.clock().set(named);
    assert_eq!(world.sync().await.status, 204);
}

#[tokio::test]
async fn sync_after_the_retry_after_succeeds() {
    let world = world_at(START).await;
    world.sync().await;
    let seconds = world.sync().await.header("retry-after").parse().unwrap();
    world.advance_clock(Duration::from_secs(seconds)).await;
    assert_eq!(world.sync().await.status, 204);
}

#[tokio::test]
async fn clock_stepping_back_keeps_window_closed() {
    let world = world_at(START).await;
    world.sync().await;
    world.harness.clock().set(START.minus(Duration::from_secs(30)));
    assert_eq!(world.sync().await.status, 409);
}

#[tokio::test]
async fn never_notified_key_has_open_window() {
    let world = world_at(START).await;
    let key = world.another_key().await;
    assert_eq!(world.manager.sync(&key).await.unwrap().status, 204);
}

#[tokio::test]
async fn every_lifecycle_action_closes_the_window() {
    let world = world().await;
    for action in ["actions/rotate", "actions/disable", "actions/enable", "", "restore"] {
        let path = format!("/api/v2/keys/{}/{action}", world.key);
        let response = if action.is_empty() {
            world.manager.delete(&world.key).await.unwrap()
        } else {
            world.manager.post(&path).await.unwrap()
        };
        assert!(response.status.is_success(), "{action}: {response:?}");
        assert_eq!(world.sync().await.code(), "REQ_TOO_EARLY_ERR", "after {action}");
        world.advance_clock(HOUR + Duration::from_secs(1)).await;
        assert_eq!(world.sync().await.status, 204, "an hour after {action}");
        world.advance_clock(HOUR + Duration::from_secs(1)).await;
    }
}
