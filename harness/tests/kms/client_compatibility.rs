//! Requests of the public clients where they differ from the API's description.

use std::time::Duration;

use http::Method;
use keysync_testkit::Response;
use serde_json::{Value, json};

use crate::kms::{Caller, endpoint, one, status_and_code};

const MATERIAL: &str = "MDEyMzQ1Njc4OWFiY2RlZg==";

async fn set_for_instance(caller: &Caller, kind: &str, data: &Value) -> Response {
    let path = format!("instance/policies?policy={kind}");
    let policy = one("policy", json!({"policy_type": kind, "policy_data": data}));
    caller.call(Method::PUT, &path, Some(policy)).await
}

async fn policy_data(caller: &Caller, kind: &str) -> Value {
    let response = caller.get(&format!("instance/policies?policy={kind}")).await;
    assert_eq!(response.body["metadata"]["collectionTotal"], 1, "{}", response.body);
    response.body["resources"][0]["policy_data"].clone()
}

fn target(response: &Response) -> &Value {
    &response.body["resources"][0]["reasons"][0]["target"]
}

/// Some clients always send JSON, and `null` for an empty body.
#[tokio::test]
async fn null_is_an_empty_body() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let key = manager.create_root_key("a key").await;
    for body in [None, Some(json!({})), Some(Value::Null)] {
        let response = manager.call(Method::POST, &format!("keys/{key}/actions/rotate"), body.clone()).await;
        assert_eq!(response.status, 204, "{body:?}: {}", response.body);
        endpoint.advance_clock(Duration::from_hours(1)).await;
    }
    assert_eq!(manager.post(&format!("keys/{key}/actions/wrap"), Value::Null).await.status, 200);
    assert_eq!(manager.post("import_token", Value::Null).await.status, 200);
    manager.delete(&format!("keys/{key}")).await.assert_status(204);
    endpoint.advance_clock(Duration::from_mins(1)).await;
    assert_eq!(manager.post(&format!("keys/{key}/restore"), Value::Null).await.status, 201);
    let nothing = manager.post(&format!("keys/{key}/actions/unwrap"), Value::Null).await;
    assert_eq!(status_and_code(&nothing).0, 400, "a required body");
}

#[tokio::test]
async fn disabled_network_policy_shows_its_attributes() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let (kind, private) = ("allowedNetwork", json!({"allowed_network": "private-only"}));
    for (data, shown) in [
        (json!({"enabled": false, "attributes": private}), json!({"enabled": false, "attributes": private})),
        (json!({"enabled": true, "attributes": private}), json!({"enabled": true, "attributes": private})),
        (json!({"enabled": false}), json!({"enabled": false})),
        (json!({"enabled": false, "attributes": {}}), json!({"enabled": false})),
    ] {
        assert_eq!(set_for_instance(manager, kind, &data).await.status, 204, "{data}");
        assert_eq!(policy_data(manager, kind).await, shown, "{data}");
    }
}

#[tokio::test]
async fn access_policy_completes_its_attributes() {
    let endpoint = endpoint().await;
    let (manager, kind) = (&endpoint.manager, "keyCreateImportAccess");
    let all = |create_root_key: bool| {
        json!({"create_root_key": create_root_key, "create_standard_key": true, "import_root_key": true,
               "import_standard_key": true, "enforce_token": false})
    };
    let one_attribute = json!({"enabled": true, "attributes": {"create_root_key": false}});
    assert_eq!(set_for_instance(manager, kind, &one_attribute).await.status, 204);
    assert_eq!(policy_data(manager, kind).await, json!({"enabled": true, "attributes": all(false)}));

    let without = set_for_instance(manager, kind, &json!({"enabled": true})).await;
    assert_eq!(status_and_code(&without), (400, "INVALID_FIELD_ERR"));
    assert_eq!(*target(&without), json!({"type": "field", "name": "attributes"}));
    assert_eq!(policy_data(manager, kind).await["attributes"], all(false), "the policy is unchanged");

    assert_eq!(set_for_instance(manager, kind, &json!({"enabled": false})).await.status, 204);
    assert_eq!(policy_data(manager, kind).await, json!({"enabled": false, "attributes": all(true)}));
}

#[tokio::test]
async fn overrides_without_rotation_mean_no_rotation() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let rotation = json!({"enabled": true, "attributes": {"interval_month": 2}});
    assert_eq!(set_for_instance(manager, "rotation", &rotation).await.status, 204);
    let fields = |more: Value| {
        let mut fields = json!({"name": "a key", "extractable": false});
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        one("key", fields)
    };
    for (path, more, months) in [
        ("keys", json!({}), json!(2)),
        ("keys_with_policy_overrides", json!({}), Value::Null),
        ("keys_with_policy_overrides", json!({"dualAuthDelete": {"enabled": true}}), Value::Null),
        ("keys_with_policy_overrides", json!({"rotation": {"enabled": true, "interval_month": 3}}), json!(3)),
    ] {
        let response = manager.post(path, fields(more.clone())).await;
        assert_eq!(response.status, 201, "{}", response.body);
        let key = &response.body["resources"][0];
        assert_eq!(key["rotation"]["interval_month"], months, "{path} {more}");
        let policies =
            manager.get(&format!("keys/{}/policies?policy=rotation", key["id"].as_str().unwrap())).await;
        assert_eq!(
            policies.body["metadata"]["collectionTotal"],
            u8::from(!months.is_null()),
            "{path} {more}"
        );
    }
}

/// The Go client sends `Tags`, and a comma after every search term.
#[tokio::test]
async fn keys_of_the_go_client_are_found() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let key =
        manager.create(json!({"name": "invoices", "extractable": false, "Tags": ["blue", "green"]})).await;
    manager.create_root_key("backups").await;
    assert_eq!(manager.key(&key).await["tags"], json!(["blue", "green"]));
    for search in ["invoices", "invoices,", "invoices%2C", "name:exact:invoices,", "not:backups,"] {
        assert_eq!(manager.ids(&format!("keys?search={search}")).await, [key.as_str()], "{search}");
    }
}

#[tokio::test]
async fn error_names_the_field_as_target() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let root = manager.create_root_key("a root key").await;
    let imported =
        manager.create(json!({"name": "imported", "extractable": false, "payload": MATERIAL})).await;
    let (unwrap, rotate) = (format!("keys/{root}/actions/unwrap"), format!("keys/{imported}/actions/rotate"));
    let other = manager.act(&format!("keys/{imported}/actions/wrap")).await.body["ciphertext"].clone();
    for (path, body, expected, name) in [
        (&unwrap, json!({"ciphertext": "no base64!"}), (400, "INVALID_FIELD_ERR"), "ciphertext"),
        (&unwrap, json!({"ciphertext": 7}), (400, "INVALID_FIELD_ERR"), "ciphertext"),
        (&unwrap, json!({}), (400, "INVALID_FIELD_ERR"), "ciphertext"),
        (&unwrap, json!({"ciphertext": other}), (422, "UNPROCESSABLE_CIPHERTEXT_ERR"), "ciphertext"),
        (&rotate, json!({}), (400, "KEY_PAYLOAD_REQ_ERR"), "payload"),
        (&rotate, Value::Null, (400, "KEY_PAYLOAD_REQ_ERR"), "payload"),
        (&rotate, json!({"payload": "YQ=="}), (400, "INVALID_FIELD_ERR"), "payload"),
        (&"keys".to_owned(), one("key", json!({"extractable": false})), (400, "INVALID_FIELD_ERR"), "name"),
        (&"keys".to_owned(), one("key", json!({"name": "x"})), (400, "INVALID_FIELD_ERR"), "name"),
    ] {
        let response = manager.post(path, body.clone()).await;
        assert_eq!(status_and_code(&response), expected, "{path} {body}");
        assert_eq!(*target(&response), json!({"type": "field", "name": name}), "{path} {body}");
    }
    let missing = manager.get("keys/no-such-key/metadata").await;
    assert_eq!((missing.status.as_u16(), target(&missing)), (404, &Value::Null), "not about a field");
}
