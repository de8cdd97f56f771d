//! Wrapping, unwrapping and rewrapping of data keys with root keys.

use std::time::Duration;

use keysync_testkit::iam::Role;
use serde_json::{Value, json};

use crate::{
    kms::{endpoint, status_and_code},
    world::text,
};

const PLAINTEXT: &str = "cGxhaW50ZXh0LWRhdGEta2V5";
const MATERIAL: &str = "MDEyMzQ1Njc4OWFiY2RlZg==";
const HOUR: Duration = Duration::from_hours(1);

#[tokio::test]
async fn unwrap_requires_the_same_additional_data() {
    let endpoint = endpoint().await;
    let reader = endpoint.caller_with(Role::Reader).await;
    let key = endpoint.manager.create_root_key("a key").await;
    let act =
        async |action: &str, body: Value| reader.post(&format!("keys/{key}/actions/{action}"), body).await;
    for aad in [json!([]), json!(["one", "two"])] {
        let wrapped = act("wrap", json!({"plaintext": PLAINTEXT, "aad": aad})).await;
        assert_eq!((wrapped.status.as_u16(), &wrapped.body["keyVersion"]), (200, &json!({"id": key})));
        assert_eq!(wrapped.body["plaintext"], Value::Null, "the plaintext is not returned");
        let ciphertext = &wrapped.body["ciphertext"];
        let unwrapped = act("unwrap", json!({"ciphertext": ciphertext, "aad": aad})).await;
        assert_eq!(unwrapped.body, json!({"plaintext": PLAINTEXT, "keyVersion": {"id": key}}), "{aad}");
        let other = act("unwrap", json!({"ciphertext": ciphertext, "aad": ["two", "one"]})).await;
        assert_eq!(status_and_code(&other), (422, "UNPROCESSABLE_CIPHERTEXT_ERR"), "{aad}");
    }
}

#[tokio::test]
async fn wrap_without_plaintext_generates_data_key() {
    let endpoint = endpoint().await;
    let key = endpoint.manager.create_root_key("a key").await;
    let mut generated = Vec::new();
    for body in [None, Some(json!({}))] {
        let path = format!("keys/{key}/actions/wrap");
        let response = endpoint.manager.call(http::Method::POST, &path, body).await;
        let plaintext = text(&response.body["plaintext"]);
        assert_eq!(plaintext.len(), 44, "32 bytes in base64");
        let unwrap = json!({"ciphertext": response.body["ciphertext"]});
        let unwrapped = endpoint.manager.post(&format!("keys/{key}/actions/unwrap"), unwrap).await;
        assert_eq!(unwrapped.body["plaintext"], plaintext.as_str());
        generated.push(plaintext);
    }
    assert_ne!(generated[0], generated[1]);
}

#[tokio::test]
async fn old_ciphertext_is_rewrapped_with_latest_version() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let key = manager.create_root_key("a key").await;
    let act = async |action: &str, body: Value| {
        manager.post(&format!("keys/{key}/actions/{action}"), body).await.body
    };
    let aad = json!(["a"]);
    let old = act("wrap", json!({"plaintext": PLAINTEXT, "aad": aad})).await["ciphertext"].clone();
    manager.act(&format!("keys/{key}/actions/rotate")).await.assert_status(204);
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
async fn wrapping_depends_on_the_key_state() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let key = manager.create_root_key("a key").await;
    let ciphertext = manager.act(&format!("keys/{key}/actions/wrap")).await.body["ciphertext"].clone();
    let assert_all = async |expected: (u16, &str)| {
        for action in ["wrap", "unwrap", "rewrap"] {
            let body = if action == "wrap" { json!({}) } else { json!({"ciphertext": ciphertext}) };
            let response = manager.post(&format!("keys/{key}/actions/{action}"), body).await;
            assert_eq!(status_and_code(&response), expected, "{action}");
        }
    };
    assert_all((200, "")).await;
    manager.act(&format!("keys/{key}/actions/disable")).await.assert_status(204);
    assert_all((409, "KEY_ACTION_INVALID_STATE_ERR")).await;
    manager.delete(&format!("keys/{key}")).await.assert_status(204);
    assert_all((410, "KEY_DELETED_ERR")).await;
    endpoint.advance_clock(HOUR).await;
    manager.act(&format!("keys/{key}/restore")).await.assert_status(201);
    assert_all((200, "")).await;
}

#[tokio::test]
async fn expired_key_still_unwraps() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let fields = json!({"name": "a key", "extractable": false, "expirationDate": "2027-01-15T09:00:00Z"});
    let key = manager.create(fields).await;
    let ciphertext = manager.act(&format!("keys/{key}/actions/wrap")).await.body["ciphertext"].clone();
    endpoint.advance_clock(HOUR).await;
    for action in ["unwrap", "rewrap"] {
        let body = json!({"ciphertext": ciphertext});
        assert_eq!(manager.post(&format!("keys/{key}/actions/{action}"), body).await.status, 200, "{action}");
    }
    let response = manager.act(&format!("keys/{key}/actions/wrap")).await;
    assert_eq!(status_and_code(&response), (409, "KEY_ACTION_INVALID_STATE_ERR"));
}

#[tokio::test]
async fn invalid_wrap_request_is_rejected() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let (key, other) = (manager.create_root_key("a key").await, manager.create_root_key("another").await);
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
        let response = manager.post(&format!("keys/{key}/actions/{action}"), body.clone()).await;
        assert_eq!(status_and_code(&response), expected, "{action} {body}");
    }
    let response = manager.act(&format!("keys/{key}/actions/unwrap")).await;
    assert_eq!(status_and_code(&response), (400, "NO_BODY_ERR"));
}

#[tokio::test]
async fn rotation_needs_material_for_imported_keys_only() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let imported =
        manager.create(json!({"name": "imported", "extractable": false, "payload": MATERIAL})).await;
    let generated = manager.create_root_key("generated").await;
    let ciphertext = manager.act(&format!("keys/{imported}/actions/wrap")).await.body["ciphertext"].clone();
    for (key, body, expected) in [
        (&imported, json!({}), (400, "KEY_PAYLOAD_REQ_ERR")),
        (&imported, json!({"payload": ""}), (400, "KEY_PAYLOAD_REQ_ERR")),
        (&imported, json!({"payload": "YQ=="}), (400, "INVALID_FIELD_ERR")),
        (&imported, json!({"payload": "ZmVkY2JhOTg3NjU0MzIxMA=="}), (204, "")),
        (&generated, json!({"payload": MATERIAL}), (400, "INVALID_FIELD_ERR")),
        (&generated, json!({}), (204, "")),
    ] {
        let response = manager.post(&format!("keys/{key}/actions/rotate"), body.clone()).await;
        assert_eq!(status_and_code(&response), expected, "{body}");
    }
    let body = json!({"ciphertext": ciphertext});
    let unwrapped = manager.post(&format!("keys/{imported}/actions/unwrap"), body).await;
    assert_eq!(unwrapped.status, 200, "the old version still unwraps");
}
