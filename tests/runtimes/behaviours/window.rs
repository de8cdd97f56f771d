//! The window: one sync per key and hour.

use std::time::Duration;

use crate::runtime::{Context, assert_error};

pub(super) async fn second_sync_within_an_hour_returns_409(context: &Context<'_>) {
    let accepted = context.sync_with("correlation-id", "c-42").await;
    assert_eq!((accepted.status.as_u16(), accepted.header("correlation-id")), (204, "c-42"));
    let too_early = context.sync().await;
    assert_error(&too_early, 409, "REQ_TOO_EARLY_ERR");
    assert!(too_early.message().contains("Sync cannot be performed until at least 2"), "{too_early:?}");
    let retry_after: u64 = too_early.header("retry-after").parse().unwrap();
    assert!((3500..=3601).contains(&retry_after), "{retry_after} s");
    assert_eq!(context.callback_counts(), (1, 1));
}

pub(super) async fn sync_after_an_hour_returns_204(context: &Context<'_>) {
    assert_eq!(context.sync().await.status, 204);
    context.advance_clock(Duration::from_mins(59)).await;
    assert_error(&context.sync().await, 409, "REQ_TOO_EARLY_ERR");
    context.advance_clock(Duration::from_mins(2)).await;
    assert_eq!(context.sync().await.status, 204);
    let sequences: Vec<u64> =
        context.events(context.harness.databases()).iter().map(|event| event.0).collect();
    assert_eq!(sequences, [1, 2]);
}

pub(super) async fn repeated_request_returns_204_without_second_callback(context: &Context<'_>) {
    for _ in 0..2 {
        assert_eq!(context.sync_with("correlation-id", "c-1").await.status, 204);
    }
    assert_eq!(context.callback_counts(), (1, 1));
    assert_error(&context.sync_with("correlation-id", "c-2").await, 409, "REQ_TOO_EARLY_ERR");
}
