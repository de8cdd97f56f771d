//! Policies of keys, and policies of an instance for its new keys.

use http::Method;
use keysync_testkit::{Response, iam::Role};
use serde_json::{Value, json};

use crate::{
    kms::{Caller, endpoint, one, status_and_code},
    world::text,
};

const MATERIAL: &str = "MDEyMzQ1Njc4OWFiY2RlZg==";

async fn set(caller: &Caller, path: &str, policy: Value) -> Response {
    caller.call(Method::PUT, path, Some(one("policy", policy))).await
}

async fn set_for_instance(caller: &Caller, kind: &str, data: Value) -> Response {
    set(caller, "instance/policies", json!({"policy_type": kind, "policy_data": data})).await
}

#[tokio::test]
async fn key_returns_its_policies() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let key = manager.create_root_key("a key").await;
    let path = format!("keys/{key}/policies");
    assert_eq!(manager.get(&path).await.body["metadata"]["collectionTotal"], 0);
    set(
        manager,
        &format!("{path}?policy=rotation"),
        json!({"rotation": {"enabled": true, "interval_month": 3}}),
    )
    .await
    .assert_status(200);
    endpoint.advance_clock(std::time::Duration::from_hours(1)).await;
    let both = json!({"dualAuthDelete": {"enabled": true}, "rotation": {"interval_month": 6}});
    let response = set(manager, &path, both).await;
    assert_eq!((response.status.as_u16(), response.body["resources"].as_array().unwrap().len()), (200, 2));

    let response = manager.get(&format!("{path}?policy=rotation")).await;
    let policy = &response.body["resources"][0];
    let (id, by) = (text(&policy["id"]), &policy["createdBy"]);
    assert!(text(&policy["crn"]).ends_with(&format!(":{}:policy:{id}", endpoint.harness.instance())));
    assert_eq!(
        *policy,
        json!({
            "type": "application/vnd.ibm.kms.policy+json", "id": id, "crn": policy["crn"],
            "creationDate": "2027-01-15T08:00:00Z", "createdBy": by,
            "lastUpdateDate": "2027-01-15T09:00:00Z", "updatedBy": by,
            "rotation": {"enabled": true, "interval_month": 6},
        })
    );
    assert_eq!(manager.key(&key).await["rotation"], policy["rotation"]);
    let writer = endpoint.caller_with(Role::Writer).await;
    assert_eq!(writer.get(&path).await.status, 401);
}

#[tokio::test]
async fn unsuitable_policy_is_rejected() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let root = manager.create_root_key("a root key").await;
    let standard = manager.create(json!({"name": "standard"})).await;
    let imported =
        manager.create(json!({"name": "imported", "extractable": false, "payload": MATERIAL})).await;
    let rotation = json!({"rotation": {"enabled": true, "interval_month": 3}});
    for (key, query, policy, expected) in [
        (&standard, "", rotation.clone(), (400, "KEY_ROOT_REQ_ERR")),
        (&imported, "", rotation.clone(), (400, "INVALID_FIELD_ERR")),
        (&root, "", json!({"rotation": {"enabled": true, "interval_month": 13}}), (400, "INVALID_FIELD_ERR")),
        (&root, "?policy=dualAuthDelete", rotation.clone(), (400, "BODY_QUERY_PARAM_MISMATCH_ERR")),
        (&root, "?policy=rotation", rotation, (200, "")),
    ] {
        let response = set(manager, &format!("keys/{key}/policies{query}"), policy.clone()).await;
        assert_eq!(status_and_code(&response), expected, "{policy} {query}");
    }
    let response = manager.get(&format!("keys/{root}/policies?policy=other")).await;
    assert_eq!(status_and_code(&response), (400, "INVALID_FIELD_ERR"));
}

#[tokio::test]
async fn new_keys_inherit_or_override_instance_policies() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let before = manager.create_root_key("made before").await;
    let rotation = json!({"enabled": true, "attributes": {"interval_month": 2}});
    assert_eq!(set_for_instance(manager, "dualAuthDelete", json!({"enabled": true})).await.status, 204);
    assert_eq!(set_for_instance(manager, "rotation", rotation).await.status, 204);

    let root = manager.create_root_key("made after").await;
    let standard = manager.create(json!({"name": "standard"})).await;
    let fields = json!({"name": "its own", "extractable": false, "dualAuthDelete": {"enabled": false},
        "rotation": {"enabled": true, "interval_month": 12}});
    let response = manager.post("keys_with_policy_overrides", one("key", fields.clone())).await;
    assert_eq!(response.status, 201, "{}", response.body);
    let own = text(&response.body["resources"][0]["id"]);
    for (key, dual_auth, interval) in [
        (&before, false, Value::Null),
        (&root, true, json!(2)),
        (&standard, true, Value::Null),
        (&own, false, json!(12)),
    ] {
        let key = manager.key(key).await;
        assert_eq!(
            (&key["dualAuthDelete"]["enabled"], &key["rotation"]["interval_month"]),
            (&json!(dual_auth), &interval),
            "{key}"
        );
    }
    let writer = endpoint.caller_with(Role::Writer).await;
    let response = writer.post("keys_with_policy_overrides", one("key", fields)).await;
    assert_eq!(response.status, 401, "policies need a Manager");
}

#[tokio::test]
async fn instance_returns_its_policies() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let network = json!({"enabled": true, "attributes": {"allowed_network": "public-and-private"}});
    for (kind, data) in [("allowedNetwork", network.clone()), ("metrics", json!({"enabled": true}))] {
        assert_eq!(set_for_instance(manager, kind, data).await.status, 204, "{kind}");
    }
    assert_eq!(manager.get("instance/policies").await.body["metadata"]["collectionTotal"], 2);
    let response = manager.get("instance/policies?policy=allowedNetwork").await;
    let policy = &response.body["resources"][0];
    let by = &policy["createdBy"];
    assert_eq!(
        *policy,
        json!({
            "policy_type": "allowedNetwork", "policy_data": network,
            "creationDate": "2027-01-15T08:00:00Z", "createdBy": by,
            "lastUpdated": "2027-01-15T08:00:00Z", "updatedBy": by,
        })
    );
    let restricted = set_for_instance(manager, "allowedIP", json!({"enabled": true})).await;
    assert_eq!(status_and_code(&restricted), (403, "FEATURE_RESTRICTED_ERR"));
    let writer = endpoint.caller_with(Role::Writer).await;
    assert_eq!(writer.get("instance/policies").await.status, 401);
}

#[tokio::test]
async fn instance_policy_restricts_key_creation() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let generated = |extractable: bool| json!({"name": "a key", "extractable": extractable});
    let imported =
        |extractable: bool| json!({"name": "a key", "extractable": extractable, "payload": MATERIAL});
    for (attributes, denied, allowed) in [
        (json!({"create_root_key": false}), generated(false), generated(true)),
        (json!({"create_standard_key": false}), generated(true), generated(false)),
        (json!({"import_root_key": false}), imported(false), imported(true)),
        (json!({"import_standard_key": false}), imported(true), imported(false)),
        (json!({"enforce_token": true}), imported(false), generated(false)),
    ] {
        let data = json!({"enabled": true, "attributes": attributes});
        assert_eq!(set_for_instance(manager, "keyCreateImportAccess", data).await.status, 204);
        let response = manager.post("keys", one("key", denied)).await;
        assert_eq!(status_and_code(&response), (409, "KEY_CREATE_IMPORT_ACCESS_ERR"), "{attributes}");
        manager.create(allowed).await;
    }
    set_for_instance(manager, "keyCreateImportAccess", json!({"enabled": false})).await.assert_status(204);
    manager.create(imported(false)).await;
}
