//! Recordings: what a replay repeats, and how it differs.

use std::time::Duration;

use keysync_testkit::{
    Harness, Recording,
    dynamodb::{Fault, Times},
};
use serde_json::json;

use crate::{
    binaries::binaries,
    harness::{STORAGE, in_process},
};

/// A run with a gap of an hour, and with ids and an alias in its paths.
async fn run(harness: &Harness) {
    let key = harness.new_key("own").alias("own").with_registration(STORAGE, "b").create().await.unwrap();
    key.sync().await.unwrap().assert_status(204);
    key.sync().await.unwrap().assert_error(409, "REQ_TOO_EARLY_ERR");
    harness.advance_clock(Duration::from_mins(61)).await.unwrap();
    harness.manager().await.unwrap().sync("own").await.unwrap().assert_status(204);
    key.delete().await.unwrap().assert_status(204);
}

#[tokio::test]
async fn replay_repeats_run_in_another_harness() {
    let harness = in_process().await;
    run(&harness).await;
    let file = serde_json::to_string(&harness.recording().unwrap()).unwrap();
    assert!(!file.contains(&harness.manager().await.unwrap().token()));

    let other = in_process().await;
    let recording: Recording = serde_json::from_str(&file).unwrap();
    let replay = other.replay(&recording).await.unwrap();
    replay.assert_same();
    let statuses: Vec<_> = replay.requests.iter().map(|request| request.status).collect();
    assert_eq!(statuses, [201, 201, 204, 409, 204, 204]);
    assert_eq!(other.object_storage().received().len(), 3, "two syncs and a deletion");
}

#[tokio::test]
async fn recording_of_binaries_has_the_advanced_time() {
    let (harness, other) = (binaries().start().await.unwrap(), in_process().await);
    run(&harness).await;
    other.replay(&harness.recording().unwrap()).await.unwrap().assert_same();
    harness.reset().await.unwrap();
    run(&harness).await;
    let recording = harness.recording().unwrap();
    harness.reset().await.unwrap();
    harness.replay(&recording).await.unwrap().assert_same();
}

#[tokio::test]
async fn replay_with_other_statuses_names_the_requests() {
    let harness = in_process().await;
    run(&harness).await;
    let recording = harness.recording().unwrap();
    harness.reset().await.unwrap();
    harness.dynamodb().proxy().inject(Fault::Fail, Times::Next(3));
    let replay = harness.replay(&recording).await.unwrap();
    let differences: Vec<_> = replay.differences().iter().map(ToString::to_string).collect();
    assert!(differences[0].ends_with("/actions/sync: 503, recorded 204"), "{differences:?}");
    let failed = std::panic::catch_unwind(|| replay.assert_same()).unwrap_err();
    assert!(failed.downcast_ref::<String>().unwrap().contains(&differences[0]));
}

#[tokio::test]
async fn recording_of_other_format_is_rejected() {
    let harness = in_process().await;
    let mut recording = serde_json::to_value(harness.recording().unwrap()).unwrap();
    recording["format"] = json!(2);
    let recording: Recording = serde_json::from_value(recording).unwrap();
    let error = harness.replay(&recording).await.unwrap_err().to_string();
    assert!(error.contains("its format is 2"), "{error}");
}
