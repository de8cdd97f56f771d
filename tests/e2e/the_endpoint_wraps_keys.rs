//! What root keys are for: wrapping other keys.

use std::time::Duration;

use keysync_testkit::iam::Role;
use serde_json::{Value, json};

use crate::{
    endpoint_calls::{endpoint, refusal},
    support::text,
};

const PLAINTEXT: &str = "cGxhaW50ZXh0LWRhdGEta2V5";
const MATERIAL: &str = "MDEyMzQ1Njc4OWFiY2RlZg==";
const HOUR: Duration = Duration::from_hours(1);

#[tokio::test]
async fn what_is_wrapped_unwraps_with_the_same_additional_data() {
    let endpoint = endpoint().await;
    let reader = endpoint.somebody(Role::Reader).await;
    let key = endpoint.manager.make_root_key("a key").await;
    let act =
        async |action: &str, body: Value| reader.post(&format!("keys/{key}/actions/{action}"), body).await;
    for aad in [json!([]), json!(["one", "two"])] {
        let wrapped = act("wrap", json!({"plaintext": PLAINTEXT, "aad": aad})).await;
        assert_eq!((wrapped.status.as_u16(), &wrapped.body["keyVersion"]), (200, &json!({"id": key})));
        assert_eq!(wrapped.body["plaintext"], Value::Null, "the caller has it");
        let ciphertext = &wrapped.body["ciphertext"];
        let unwrapped = act("unwrap", json!({"ciphertext": ciphertext, "aad": aad})).await;
        assert_eq!(unwrapped.body, json!({"plaintext": PLAINTEXT, "keyVersion": {"id": key}}), "{aad}");
        let other = act("unwrap", json!({"ciphertext": ciphertext, "aad": ["two", "one"]})).await;
        assert_eq!(refusal(&other), (422, "UNPROCESSABLE_CIPHERTEXT_ERR"), "{aad}");
    }
}

#[tokio::test]
async fn a_data_key_is_made_where_none_is_given() {
    let endpoint = endpoint().await;
    let key = endpoint.manager.make_root_key("a key").await;
    let mut made = Vec::new();
    for body in [None, Some(json!({}))] {
        let path = format!("keys/{key}/actions/wrap");
        let answer = endpoint.manager.call(http::Method::POST, &path, body).await;
        let plaintext = text(&answer.body["plaintext"]);
        assert_eq!(plaintext.len(), 44, "32 bytes in base64");
        let unwrap = json!({"ciphertext": answer.body["ciphertext"]});
        let unwrapped = endpoint.manager.post(&format!("keys/{key}/actions/unwrap"), unwrap).await;
        assert_eq!(unwrapped.body["plaintext"], plaintext.as_str());
        made.push(plaintext);
    }
    assert_ne!(made[0], made[1]);
}

#[tokio::test]
async fn what_an_older_version_wrapped_comes_wrapped_anew() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let key = manager.make_root_key("a key").await;
    let act = async |action: &str, body: Value| {
        manager.post(&format!("keys/{key}/actions/{action}"), body).await.body
    };
    let aad = json!(["a"]);
    let old = act("wrap", json!({"plaintext": PLAINTEXT, "aad": aad})).await["ciphertext"].clone();
    manager.act(&format!("keys/{key}/actions/rotate")).await;
    let latest = manager.key(&key).await["keyVersion"]["id"].clone();

    let unwrapped = act("unwrap", json!({"ciphertext": old, "aad": aad})).await;
    assert_eq!(
        unwrapped,
        json!({
            "plaintext": PLAINTEXT, "keyVersion": {"id": key},
            "ciphertext": unwrapped["ciphertext"], "rewrappedKeyVersion": {"id": latest},
        })
    );
    let rewrapped = act("rewrap", json!({"ciphertext": old, "aad": aad})).await;
    assert_eq!(
        rewrapped,
        json!({
            "ciphertext": rewrapped["ciphertext"], "keyVersion": {"id": key},
            "rewrappedKeyVersion": {"id": latest},
        })
    );
    for new in [&unwrapped["ciphertext"], &rewrapped["ciphertext"]] {
        let unwrapped = act("unwrap", json!({"ciphertext": new, "aad": aad})).await;
        assert_eq!(unwrapped, json!({"plaintext": PLAINTEXT, "keyVersion": {"id": latest}}));
    }
}

#[tokio::test]
async fn the_state_decides() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let key = manager.make_root_key("a key").await;
    let ciphertext = manager.act(&format!("keys/{key}/actions/wrap")).await.body["ciphertext"].clone();
    let all = async |expected: (u16, &str)| {
        for action in ["wrap", "unwrap", "rewrap"] {
            let body = if action == "wrap" { json!({}) } else { json!({"ciphertext": ciphertext}) };
            let answer = manager.post(&format!("keys/{key}/actions/{action}"), body).await;
            assert_eq!(refusal(&answer), expected, "{action}");
        }
    };
    all((200, "")).await;
    manager.act(&format!("keys/{key}/actions/disable")).await;
    all((409, "KEY_ACTION_INVALID_STATE_ERR")).await;
    manager.delete(&format!("keys/{key}")).await;
    all((410, "KEY_DELETED_ERR")).await;
    endpoint.advance_clock(HOUR).await;
    manager.act(&format!("keys/{key}/restore")).await;
    all((200, "")).await;
}

#[tokio::test]
async fn an_expired_key_still_unwraps() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let fields = json!({"name": "a key", "extractable": false, "expirationDate": "2027-01-15T09:00:00Z"});
    let key = manager.make(fields).await;
    let ciphertext = manager.act(&format!("keys/{key}/actions/wrap")).await.body["ciphertext"].clone();
    endpoint.advance_clock(HOUR).await;
    for action in ["unwrap", "rewrap"] {
        let body = json!({"ciphertext": ciphertext});
        assert_eq!(manager.post(&format!("keys/{key}/actions/{action}"), body).await.status, 200, "{action}");
    }
    let answer = manager.act(&format!("keys/{key}/actions/wrap")).await;
    assert_eq!(refusal(&answer), (409, "KEY_ACTION_INVALID_STATE_ERR"));
}

#[tokio::test]
async fn a_bad_request_is_refused() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let (key, other) = (manager.make_root_key("a key").await, manager.make_root_key("another").await);
    let of_other = manager.act(&format!("keys/{other}/actions/wrap")).await.body["ciphertext"].clone();
    for (action, body, expected) in [
        ("wrap", json!({"plaintext": "no base64!"}), (400, "INVALID_FIELD_ERR")),
        ("wrap", json!({"aad": vec!["a"; 127]}), (400, "INVALID_FIELD_ERR")),
        ("wrap", json!({"aad": ["a".repeat(256)]}), (400, "INVALID_FIELD_ERR")),
        ("unwrap", json!({}), (400, "INVALID_FIELD_ERR")),
        ("unwrap", json!({"ciphertext": "no base64!"}), (400, "INVALID_FIELD_ERR")),
        ("unwrap", json!({"ciphertext": of_other}), (422, "UNPROCESSABLE_CIPHERTEXT_ERR")),
        ("rewrap", json!({"ciphertext": of_other}), (422, "UNPROCESSABLE_CIPHERTEXT_ERR")),
    ] {
        let answer = manager.post(&format!("keys/{key}/actions/{action}"), body.clone()).await;
        assert_eq!(refusal(&answer), expected, "{action} {body}");
    }
    let answer = manager.act(&format!("keys/{key}/actions/unwrap")).await;
    assert_eq!(refusal(&answer), (400, "NO_BODY_ERR"));
}

#[tokio::test]
async fn an_imported_key_is_rotated_with_material_and_a_generated_one_without() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let imported = manager.make(json!({"name": "imported", "extractable": false, "payload": MATERIAL})).await;
    let generated = manager.make_root_key("generated").await;
    let ciphertext = manager.act(&format!("keys/{imported}/actions/wrap")).await.body["ciphertext"].clone();
    for (key, body, expected) in [
        (&imported, json!({}), (400, "KEY_PAYLOAD_REQ_ERR")),
        (&imported, json!({"payload": ""}), (400, "KEY_PAYLOAD_REQ_ERR")),
        (&imported, json!({"payload": "YQ=="}), (400, "INVALID_FIELD_ERR")),
        (&imported, json!({"payload": "ZmVkY2JhOTg3NjU0MzIxMA=="}), (204, "")),
        (&generated, json!({"payload": MATERIAL}), (400, "INVALID_FIELD_ERR")),
        (&generated, json!({}), (204, "")),
    ] {
        let answer = manager.post(&format!("keys/{key}/actions/rotate"), body.clone()).await;
        assert_eq!(refusal(&answer), expected, "{body}");
    }
    let body = json!({"ciphertext": ciphertext});
    let unwrapped = manager.post(&format!("keys/{imported}/actions/unwrap"), body).await;
    assert_eq!(unwrapped.status, 200, "the old version still unwraps");
}
