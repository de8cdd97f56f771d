//! A root key says when it was last notified about, and from when on a sync works. The service's keys do not.

use std::time::Duration;

use keysync_testkit::iam::Role;
use serde_json::{Value, json};

use crate::{
    endpoint_calls::{Caller, Endpoint, endpoint, refusal},
    support::text,
};

/// What the key says of its last notification and the next sync, and the instant that a sync is refused until.
async fn window(manager: &Caller, key: &str) -> (Value, Value, String) {
    let refused = manager.act(&format!("keys/{key}/actions/sync")).await;
    assert_eq!(refusal(&refused), (409, "REQ_TOO_EARLY_ERR"));
    let (_, until) = refused.message().rsplit_once(" until at least ").unwrap();
    let key = manager.key(key).await;
    (key["lastNotificationDate"].clone(), key["syncAllowedFrom"].clone(), until.to_owned())
}

fn says_nothing(key: &Value) -> bool {
    key.get("lastNotificationDate").is_none() && key.get("syncAllowedFrom").is_none()
}

/// A root key that was never notified about, on a clock that shows no whole second.
async fn a_key() -> (Endpoint, String) {
    let endpoint = endpoint().await;
    endpoint.advance_clock(Duration::from_millis(257)).await;
    let key = endpoint.manager.make_root_key("a key").await;
    (endpoint, key)
}

#[tokio::test]
async fn it_is_the_instant_that_the_refusal_names() {
    let (endpoint, key) = a_key().await;
    let manager = &endpoint.manager;
    assert!(says_nothing(&manager.key(&key).await), "it was never notified about");
    assert_eq!(manager.act(&format!("keys/{key}/actions/sync")).await.status, 204);
    let (notified, allowed, until) = window(manager, &key).await;
    assert_eq!((&notified, text(&allowed)), (&json!("2027-01-15T08:00:00.257Z"), until));
    assert_eq!(allowed, "2027-01-15T09:00:01Z", "rounded up: a request at that instant succeeds");

    endpoint.advance_clock(Duration::from_millis(3_600_743)).await;
    assert_eq!(manager.act(&format!("keys/{key}/actions/sync")).await.status, 204);
    let (notified, allowed, until) = window(manager, &key).await;
    assert_eq!((&notified, text(&allowed)), (&json!("2027-01-15T09:00:01Z"), until));
    assert_eq!(allowed, "2027-01-15T10:00:02Z", "at one hour precisely the window is still closed");
}

#[tokio::test]
async fn a_lifecycle_action_moves_it_too() {
    let (endpoint, key) = a_key().await;
    let manager = &endpoint.manager;
    assert_eq!(manager.act(&format!("keys/{key}/actions/sync")).await.status, 204);
    endpoint.advance_clock(Duration::from_mins(10)).await;
    assert_eq!(manager.act(&format!("keys/{key}/actions/rotate")).await.status, 204);
    let (notified, allowed, until) = window(manager, &key).await;
    assert_eq!((&notified, text(&allowed)), (&json!("2027-01-15T08:10:00.257Z"), until));
    assert_eq!(allowed, "2027-01-15T09:10:01Z");
}

#[tokio::test]
async fn every_way_to_read_a_root_key_says_it_and_no_standard_key_does() {
    let (endpoint, key) = a_key().await;
    let manager = &endpoint.manager;
    let standard = manager.make(json!({"name": "standard"})).await;
    manager.act(&format!("keys/{key}/actions/sync")).await;
    let reader = endpoint.somebody(Role::ReaderPlus).await;
    for path in ["keys?extractable=false", &format!("keys/{key}"), &format!("keys/{key}/metadata")] {
        let read = &reader.get(path).await.body["resources"][0];
        assert_eq!(read["syncAllowedFrom"], "2027-01-15T09:00:01Z", "{path}");
    }
    manager.delete(&format!("keys/{standard}")).await;
    assert!(says_nothing(&manager.key(&standard).await), "it cannot be synchronized");
}
