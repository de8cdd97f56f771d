//! Dual authorization: the deletion of a key needs the consent of two callers.

use std::time::Duration;

use http::Method;
use keysync_testkit::iam::Role;
use serde_json::json;

use crate::kms::{Caller, Endpoint, endpoint, one, status_and_code};

const SEVEN_DAYS: Duration = Duration::from_hours(7 * 24);

/// A key with the dual authorization policy.
async fn guarded_key(endpoint: &Endpoint) -> String {
    let key = endpoint.manager.create_root_key("a key").await;
    guard(&endpoint.manager, &key, true).await;
    key
}

async fn guard(caller: &Caller, key: &str, enabled: bool) {
    let policy = one("policy", json!({"dualAuthDelete": {"enabled": enabled}}));
    let response =
        caller.call(Method::PUT, &format!("keys/{key}/policies?policy=dualAuthDelete"), Some(policy)).await;
    assert_eq!(response.status, 200, "{}", response.body);
}

#[tokio::test]
async fn deletion_needs_two_callers() {
    let endpoint = endpoint().await;
    let (first, second) = (&endpoint.manager, endpoint.caller_with(Role::Manager).await);
    let key = guarded_key(&endpoint).await;
    let path = format!("keys/{key}");
    let set = format!("{path}/actions/setKeyForDeletion");
    assert_eq!(first.key(&key).await["dualAuthDelete"], json!({"enabled": true, "keySetForDeletion": false}));
    for forced in ["", "?force=true"] {
        let response = first.delete(&format!("{path}{forced}")).await;
        assert_eq!(status_and_code(&response), (409, "AUTHORIZATIONS_NOT_MET"), "no caller has consented");
    }
    assert_eq!(first.act(&set).await.status, 204);
    assert_eq!(
        first.key(&key).await["dualAuthDelete"],
        json!({"enabled": true, "keySetForDeletion": true, "authExpiration": "2027-01-22T08:00:00Z"})
    );
    assert_eq!(
        status_and_code(&first.delete(&path).await),
        (409, "AUTHORIZATIONS_NOT_MET"),
        "the second caller must be another one"
    );
    assert_eq!(second.delete(&path).await.status, 204);

    endpoint.advance_clock(Duration::from_secs(31)).await;
    assert_eq!(first.act(&format!("{path}/restore")).await.status, 201);
    let later = second.delete(&path).await;
    assert_eq!(
        status_and_code(&later),
        (409, "AUTHORIZATIONS_NOT_MET"),
        "an authorization is for one deletion"
    );
}

#[tokio::test]
async fn authorization_expires_after_seven_days() {
    let endpoint = endpoint().await;
    let second = endpoint.caller_with(Role::Manager).await;
    let key = guarded_key(&endpoint).await;
    let (path, set) = (format!("keys/{key}"), format!("keys/{key}/actions/setKeyForDeletion"));
    endpoint.manager.act(&set).await.assert_status(204);
    endpoint.advance_clock(SEVEN_DAYS).await;
    assert_eq!(status_and_code(&second.delete(&path).await), (409, "AUTHORIZATIONS_NOT_MET"));
    assert_eq!(second.key(&key).await["dualAuthDelete"]["keySetForDeletion"], false);
    endpoint.manager.act(&set).await.assert_status(204);
    endpoint.advance_clock(SEVEN_DAYS.saturating_sub(Duration::from_millis(1))).await;
    assert_eq!(second.delete(&path).await.status, 204);
}

#[tokio::test]
async fn authorization_can_be_withdrawn() {
    let endpoint = endpoint().await;
    let (second, writer) =
        (endpoint.caller_with(Role::Manager).await, endpoint.caller_with(Role::Writer).await);
    let key = guarded_key(&endpoint).await;
    let path = format!("keys/{key}");
    for way in ["unset", "policy disabled and enabled"] {
        assert_eq!(writer.act(&format!("{path}/actions/setKeyForDeletion")).await.status, 204);
        if way == "unset" {
            assert_eq!(writer.act(&format!("{path}/actions/unsetKeyForDeletion")).await.status, 204);
        } else {
            guard(&second, &key, false).await;
            guard(&second, &key, true).await;
        }
        assert_eq!(status_and_code(&second.delete(&path).await), (409, "AUTHORIZATIONS_NOT_MET"), "{way}");
    }
    let reader = endpoint.caller_with(Role::Reader).await;
    for action in ["setKeyForDeletion", "unsetKeyForDeletion"] {
        assert_eq!(reader.act(&format!("{path}/actions/{action}")).await.status, 401, "{action}");
    }
}

#[tokio::test]
async fn set_for_deletion_needs_active_key_with_policy() {
    let endpoint = endpoint().await;
    let (plain, guarded) = (endpoint.manager.create_root_key("a key").await, guarded_key(&endpoint).await);
    endpoint.manager.act(&format!("keys/{guarded}/actions/disable")).await.assert_status(204);
    for action in ["setKeyForDeletion", "unsetKeyForDeletion"] {
        for (key, expected) in [
            (plain.as_str(), (409, "NOT_DUAL_AUTH_ERR")),
            (guarded.as_str(), (409, "KEY_ACTION_INVALID_STATE_ERR")),
        ] {
            let response = endpoint.manager.act(&format!("keys/{key}/actions/{action}")).await;
            assert_eq!(status_and_code(&response), expected, "{action}");
        }
    }
}
