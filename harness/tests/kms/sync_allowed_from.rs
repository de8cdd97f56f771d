//! `lastNotificationDate` and `syncAllowedFrom` of a root key. The real service's keys do not have
//! them.

use std::time::Duration;

use keysync_testkit::iam::Role;
use serde_json::{Value, json};

use crate::{
    kms::{Caller, Endpoint, endpoint, status_and_code},
    world::text,
};

/// A key's `lastNotificationDate` and `syncAllowedFrom`, and the instant in the conflict response.
async fn window(manager: &Caller, key: &str) -> (Value, Value, String) {
    let conflict = manager.act(&format!("keys/{key}/actions/sync")).await;
    assert_eq!(status_and_code(&conflict), (409, "REQ_TOO_EARLY_ERR"));
    let (_, until) = conflict.message().rsplit_once(" until at least ").unwrap();
    let key = manager.key(key).await;
    (key["lastNotificationDate"].clone(), key["syncAllowedFrom"].clone(), until.to_owned())
}

fn has_neither_field(key: &Value) -> bool {
    key.get("lastNotificationDate").is_none() && key.get("syncAllowedFrom").is_none()
}

/// A root key that was never synchronized, on a clock between two seconds.
async fn never_synchronized_key() -> (Endpoint, String) {
    let endpoint = endpoint().await;
    endpoint.advance_clock(Duration::from_millis(257)).await;
    let key = endpoint.manager.create_root_key("a key").await;
    (endpoint, key)
}

#[tokio::test]
async fn sync_allowed_from_matches_the_conflict_response() {
    let (endpoint, key) = never_synchronized_key().await;
    let manager = &endpoint.manager;
    assert!(has_neither_field(&manager.key(&key).await), "never synchronized");
    assert_eq!(manager.act(&format!("keys/{key}/actions/sync")).await.status, 204);
    let (notified, allowed, until) = window(manager, &key).await;
    assert_eq!((&notified, text(&allowed)), (&json!("2027-01-15T08:00:00.257Z"), until));
    assert_eq!(allowed, "2027-01-15T09:00:01Z", "rounded up: a request at that instant succeeds");

    endpoint.advance_clock(Duration::from_millis(3_600_743)).await;
    assert_eq!(manager.act(&format!("keys/{key}/actions/sync")).await.status, 204);
    let (notified, allowed, until) = window(manager, &key).await;
    assert_eq!((&notified, text(&allowed)), (&json!("2027-01-15T09:00:01.000Z"), until));
    assert_eq!(allowed, "2027-01-15T10:00:02Z", "the window is still closed after exactly one hour");
}

#[tokio::test]
async fn lifecycle_action_moves_sync_allowed_from() {
    let (endpoint, key) = never_synchronized_key().await;
    let manager = &endpoint.manager;
    assert_eq!(manager.act(&format!("keys/{key}/actions/sync")).await.status, 204);
    endpoint.advance_clock(Duration::from_mins(10)).await;
    assert_eq!(manager.act(&format!("keys/{key}/actions/rotate")).await.status, 204);
    let (notified, allowed, until) = window(manager, &key).await;
    assert_eq!((&notified, text(&allowed)), (&json!("2027-01-15T08:10:00.257Z"), until));
    assert_eq!(allowed, "2027-01-15T09:10:01Z");
}

#[tokio::test]
async fn every_root_key_view_has_sync_allowed_from() {
    let (endpoint, key) = never_synchronized_key().await;
    let manager = &endpoint.manager;
    let standard = manager.create(json!({"name": "standard"})).await;
    manager.act(&format!("keys/{key}/actions/sync")).await.assert_status(204);
    let reader = endpoint.caller_with(Role::ReaderPlus).await;
    for path in ["keys?extractable=false", &format!("keys/{key}"), &format!("keys/{key}/metadata")] {
        let key = &reader.get(path).await.body["resources"][0];
        assert_eq!(key["syncAllowedFrom"], "2027-01-15T09:00:01Z", "{path}");
    }
    manager.delete(&format!("keys/{standard}")).await.assert_status(204);
    assert!(has_neither_field(&manager.key(&standard).await), "a standard key cannot be synchronized");
}
