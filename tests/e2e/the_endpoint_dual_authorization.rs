//! A key that two people have to agree to delete.

use std::time::Duration;

use http::Method;
use keysync_testkit::iam::Role;
use serde_json::json;

use crate::endpoint_calls::{Caller, Endpoint, endpoint, one, refusal};

const SEVEN_DAYS: Duration = Duration::from_hours(7 * 24);

/// A key with the policy.
async fn guarded_key(endpoint: &Endpoint) -> String {
    let key = endpoint.manager.make_root_key("a key").await;
    guard(&endpoint.manager, &key, true).await;
    key
}

async fn guard(caller: &Caller, key: &str, enabled: bool) {
    let policy = one("policy", json!({"dualAuthDelete": {"enabled": enabled}}));
    let answer =
        caller.call(Method::PUT, &format!("keys/{key}/policies?policy=dualAuthDelete"), Some(policy)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[tokio::test]
async fn it_takes_two_to_delete_a_key() {
    let endpoint = endpoint().await;
    let (first, second) = (&endpoint.manager, endpoint.somebody(Role::Manager).await);
    let key = guarded_key(&endpoint).await;
    let path = format!("keys/{key}");
    let set = format!("{path}/actions/setKeyForDeletion");
    assert_eq!(first.key(&key).await["dualAuthDelete"], json!({"enabled": true, "keySetForDeletion": false}));
    for forced in ["", "?force=true"] {
        let answer = first.delete(&format!("{path}{forced}")).await;
        assert_eq!(refusal(&answer), (409, "AUTHORIZATIONS_NOT_MET"), "nobody agreed yet");
    }
    assert_eq!(first.act(&set).await.status, 204);
    assert_eq!(
        first.key(&key).await["dualAuthDelete"],
        json!({"enabled": true, "keySetForDeletion": true, "authExpiration": "2027-01-22T08:00:00Z"})
    );
    assert_eq!(refusal(&first.delete(&path).await), (409, "AUTHORIZATIONS_NOT_MET"), "one is not two");
    assert_eq!(second.delete(&path).await.status, 204);

    endpoint.advance_clock(Duration::from_secs(31)).await;
    assert_eq!(first.act(&format!("{path}/restore")).await.status, 201);
    let again = second.delete(&path).await;
    assert_eq!(refusal(&again), (409, "AUTHORIZATIONS_NOT_MET"), "that was for one deletion");
}

#[tokio::test]
async fn the_second_has_seven_days() {
    let endpoint = endpoint().await;
    let second = endpoint.somebody(Role::Manager).await;
    let key = guarded_key(&endpoint).await;
    let (path, set) = (format!("keys/{key}"), format!("keys/{key}/actions/setKeyForDeletion"));
    endpoint.manager.act(&set).await;
    endpoint.advance_clock(SEVEN_DAYS).await;
    assert_eq!(refusal(&second.delete(&path).await), (409, "AUTHORIZATIONS_NOT_MET"));
    assert_eq!(second.key(&key).await["dualAuthDelete"]["keySetForDeletion"], false);
    endpoint.manager.act(&set).await;
    endpoint.advance_clock(SEVEN_DAYS.saturating_sub(Duration::from_millis(1))).await;
    assert_eq!(second.delete(&path).await.status, 204);
}

#[tokio::test]
async fn an_agreement_can_be_taken_back() {
    let endpoint = endpoint().await;
    let (second, writer) = (endpoint.somebody(Role::Manager).await, endpoint.somebody(Role::Writer).await);
    let key = guarded_key(&endpoint).await;
    let path = format!("keys/{key}");
    for way in ["unset", "the policy goes and comes back"] {
        assert_eq!(writer.act(&format!("{path}/actions/setKeyForDeletion")).await.status, 204);
        if way == "unset" {
            assert_eq!(writer.act(&format!("{path}/actions/unsetKeyForDeletion")).await.status, 204);
        } else {
            guard(&second, &key, false).await;
            guard(&second, &key, true).await;
        }
        assert_eq!(refusal(&second.delete(&path).await), (409, "AUTHORIZATIONS_NOT_MET"), "{way}");
    }
    let reader = endpoint.somebody(Role::Reader).await;
    for action in ["setKeyForDeletion", "unsetKeyForDeletion"] {
        assert_eq!(reader.act(&format!("{path}/actions/{action}")).await.status, 401, "{action}");
    }
}

#[tokio::test]
async fn only_an_active_key_with_the_policy_is_set_for_deletion() {
    let endpoint = endpoint().await;
    let (plain, guarded) = (endpoint.manager.make_root_key("a key").await, guarded_key(&endpoint).await);
    endpoint.manager.act(&format!("keys/{guarded}/actions/disable")).await;
    for action in ["setKeyForDeletion", "unsetKeyForDeletion"] {
        for (key, expected) in [
            (plain.as_str(), (409, "NOT_DUAL_AUTH_ERR")),
            (guarded.as_str(), (409, "KEY_ACTION_INVALID_STATE_ERR")),
        ] {
            let answer = endpoint.manager.act(&format!("keys/{key}/actions/{action}")).await;
            assert_eq!(refusal(&answer), expected, "{action}");
        }
    }
}
