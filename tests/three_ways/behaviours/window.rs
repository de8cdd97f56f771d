//! Once an hour.

use std::time::Duration;

use crate::way::{World, refused};

pub(super) async fn the_first_gets_204_and_the_second_409(world: &World<'_>) {
    let accepted = world.sync_with("correlation-id", "c-42").await;
    assert_eq!((accepted.status.as_u16(), accepted.header("correlation-id")), (204, "c-42"));
    let too_early = world.sync().await;
    refused(&too_early, 409, "REQ_TOO_EARLY_ERR");
    assert!(too_early.message().contains("Sync cannot be performed until at least 2"), "{too_early:?}");
    let retry_after: u64 = too_early.header("retry-after").parse().unwrap();
    assert!((3500..=3601).contains(&retry_after), "{retry_after} s");
    assert_eq!(world.times_told(), (1, 1));
}

pub(super) async fn an_hour_later_it_works_again(world: &World<'_>) {
    assert_eq!(world.sync().await.status, 204);
    world.advance_clock(Duration::from_mins(59)).await;
    refused(&world.sync().await, 409, "REQ_TOO_EARLY_ERR");
    world.advance_clock(Duration::from_mins(2)).await;
    assert_eq!(world.sync().await.status, 204);
    let sequences: Vec<u64> = world.told(world.harness.databases()).iter().map(|told| told.0).collect();
    assert_eq!(sequences, [1, 2]);
}

pub(super) async fn the_same_request_gets_its_204_again_and_nobody_is_told_twice(world: &World<'_>) {
    for _ in 0..2 {
        assert_eq!(world.sync_with("correlation-id", "c-1").await.status, 204);
    }
    assert_eq!(world.times_told(), (1, 1));
    refused(&world.sync_with("correlation-id", "c-2").await, 409, "REQ_TOO_EARLY_ERR");
}
