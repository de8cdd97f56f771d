//! Snapshots: what a harness restores, here and in another harness.

use std::time::Duration;

use keysync_testkit::{
    DeliveryStatus, EpochMillis, Harness, HarnessClock, Snapshot, lambda::Mode, services::Behaviour,
};

use serde_json::json;

use crate::harness::{STORAGE, in_process, sorted_items};

#[tokio::test]
async fn snapshot_restores_keys_services_and_window() {
    let clock = HarnessClock::set_to(EpochMillis::new(1_795_496_400_000));
    let harness = Harness::builder().mode(Mode::InProcess).clock(clock);
    let harness = harness.start().await.unwrap();
    let samples = harness.sample_keys().await.unwrap();
    let key = harness.new_key("own").alias("own").with_registration(STORAGE, "b").create().await.unwrap();
    key.delete().await.unwrap().assert_status(204);
    let (snapshot, items) = (harness.snapshot().await.unwrap(), sorted_items(&harness).await);

    harness.new_key("later").create().await.unwrap();
    harness.advance_clock(Duration::from_mins(61)).await.unwrap();
    key.sync().await.unwrap().assert_status(204);
    harness.object_storage().protect("b", "crn", "another-key");
    harness.object_storage().assert_accessible("b");
    harness.restore(&snapshot).await.unwrap();

    assert_eq!(harness.sample_keys().await.unwrap(), samples);
    harness.object_storage().assert_denied("b");
    key.sync().await.unwrap().assert_error(409, "REQ_TOO_EARLY_ERR");
    assert_ne!(sorted_items(&harness).await, items, "instants have moved with the clock");
    harness.advance_clock(Duration::from_mins(61)).await.unwrap();
    harness.manager().await.unwrap().sync("own").await.unwrap().assert_status(204);
    harness.object_storage().assert_callbacks(&key, 1);
}

#[tokio::test]
async fn restored_table_equals_the_saved_one() {
    let clock = HarnessClock::set_to(EpochMillis::new(1_795_496_400_000));
    let harness = Harness::builder().mode(Mode::InProcess).clock(clock);
    let harness = harness.start().await.unwrap();
    harness.sample_keys().await.unwrap();
    let key = harness.new_key("own").alias("own").with_registration(STORAGE, "b").create().await.unwrap();
    key.rotate().await.unwrap().assert_status(204);
    harness.object_storage().behave(Behaviour::respond(503));
    harness.advance_clock(Duration::from_mins(61)).await.unwrap();
    key.sync().await.unwrap().assert_status(204);
    let (snapshot, items) = (harness.snapshot().await.unwrap(), sorted_items(&harness).await);
    harness.reset().await.unwrap();
    harness.restore(&snapshot).await.unwrap();
    assert_eq!(sorted_items(&harness).await, items);
    let status = key.notifications().await.unwrap().remove(0);
    assert_eq!(status.status, DeliveryStatus::Retrying);
}

#[tokio::test]
async fn snapshot_is_restored_in_another_harness() {
    let harness = in_process().await;
    let key = harness.new_key("own").with_registration(STORAGE, "b").create().await.unwrap();
    key.delete().await.unwrap().assert_status(204);
    let file = serde_json::to_string(&harness.snapshot().await.unwrap()).unwrap();
    for secret in [harness.api_key(), &harness.manager().await.unwrap().token()] {
        assert!(!file.contains(secret));
    }

    let other = in_process().await;
    let snapshot: Snapshot = serde_json::from_str(&file).unwrap();
    other.restore(&snapshot).await.unwrap();
    let key = other.key(key.id()).await.unwrap();
    other.object_storage().assert_denied("b");
    key.sync().await.unwrap().assert_error(409, "REQ_TOO_EARLY_ERR");
    other.advance_clock(Duration::from_mins(61)).await.unwrap();
    key.sync().await.unwrap().assert_status(204);
    other.object_storage().assert_callbacks(&key, 1);
}

#[tokio::test]
async fn invalid_snapshot_is_rejected_and_changes_nothing() {
    let harness = in_process().await;
    let key = harness.new_key("own").create().await.unwrap();
    let valid = serde_json::to_value(harness.snapshot().await.unwrap()).unwrap();
    for (field, value, part) in [
        ("format", json!(9), "format is 9"),
        ("instance", json!("x"), "its instance"),
        ("items", json!([{"pk": "harness", "sk": "harness"}]), "an item"),
        ("items", json!([{"pk": "harness"}]), "an item"),
    ] {
        let mut invalid = valid.clone();
        invalid[field] = value;
        let snapshot: Snapshot = serde_json::from_value(invalid).unwrap();
        let error = harness.restore(&snapshot).await.unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
        key.state().await.unwrap();
    }
}
