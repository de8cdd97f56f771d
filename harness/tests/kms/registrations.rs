//! Registrations: creation, listing, changes and deletion.

use std::time::Duration;

use http::Method;
use keysync_testkit::iam::Role;
use serde_json::{Value, json};

use crate::{
    kms::{Caller, Endpoint, endpoint, one, status_and_code},
    world::text,
};

fn bucket(name: &str) -> String {
    format!("crn:v1:bluemix:public:cloud-object-storage:global:a/abc123:8c2e:bucket:{name}")
}

fn encoded(crn: &str) -> String {
    crn.replace(':', "%3A").replace('/', "%2F").replace('*', "%2A")
}

fn path(key: &str, resource: &str) -> String {
    format!("keys/{key}/registrations/{}", encoded(resource))
}

async fn register(caller: &Caller, key: &str, resource: &str, prevent: bool) {
    let fields = one("registration", json!({"preventKeyDeletion": prevent, "description": "for tests"}));
    let response = caller.post(&path(key, resource), fields).await;
    assert_eq!(response.status, 201, "{}", response.body);
}

/// The resources in a list of registrations, without their common prefix.
async fn found(caller: &Caller, list: &str) -> Vec<String> {
    let response = caller.get(list).await;
    assert_eq!(response.status, 200, "{list}: {}", response.body);
    let resources = response.body["resources"].as_array().unwrap().clone();
    resources.iter().map(|it| text(&it["resourceCrn"]).replace(&bucket(""), "")).collect()
}

/// Two keys with two and one registrations.
async fn registered(endpoint: &Endpoint) -> (String, String) {
    let manager = &endpoint.manager;
    let (one, other) = (manager.create_root_key("one").await, manager.create_root_key("other").await);
    register(manager, &one, &bucket("invoices"), false).await;
    endpoint.advance_clock(Duration::from_secs(1)).await;
    register(manager, &one, &bucket("images"), true).await;
    endpoint.advance_clock(Duration::from_secs(1)).await;
    register(manager, &other, &bucket("backups"), false).await;
    (one, other)
}

#[tokio::test]
async fn created_registration_has_all_documented_fields() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let key = manager.create_root_key("a key").await;
    let fields = one("registration", json!({"preventKeyDeletion": true, "description": "for tests"}));
    let response = manager.post(&path(&key, &bucket("invoices")), fields.clone()).await;
    let registration = &response.body["resources"][0];
    let by = &registration["createdBy"];
    assert_eq!(
        *registration,
        json!({
            "keyId": key, "keyName": "a key", "resourceCrn": bucket("invoices"), "description": "for tests",
            "preventKeyDeletion": true, "createdBy": by, "creationDate": "2027-01-15T08:00:00Z",
            "updatedBy": by, "lastUpdated": "2027-01-15T08:00:00Z",
            "keyVersion": {"id": key, "creationDate": "2027-01-15T08:00:00Z"},
        })
    );
    let second = manager.post(&path(&key, &bucket("invoices")), fields).await;
    assert_eq!(status_and_code(&second), (409, "REGISTRATION_EXISTS_ERR"));
}

#[tokio::test]
async fn registration_needs_an_active_root_key() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let standard = manager.create(json!({"name": "standard"})).await;
    let disabled = manager.create_root_key("disabled").await;
    manager.act(&format!("keys/{disabled}/actions/disable")).await.assert_status(204);
    let active = manager.create_root_key("active").await;
    for (key, resource, expected) in [
        (&standard, bucket("a"), (422, "KEY_ROOT_REQ_REG_ERR")),
        (&disabled, bucket("a"), (422, "KEY_INVALID_STATE_ERR")),
        (&active, "no-crn".to_owned(), (400, "INVALID_FIELD_ERR")),
        (&active, bucket("a"), (201, "")),
    ] {
        let response = manager.post(&path(key, &resource), one("registration", json!({}))).await;
        assert_eq!(status_and_code(&response), expected, "{resource}");
    }
    let writer = endpoint.caller_with(Role::Writer).await;
    let response = writer.post(&path(&active, &bucket("b")), one("registration", json!({}))).await;
    assert_eq!(response.status, 401);
}

#[tokio::test]
async fn registrations_are_filtered_and_paged() {
    let endpoint = endpoint().await;
    let (one, _) = registered(&endpoint).await;
    let manager = endpoint.caller_with(Role::Reader).await;
    let query = |crn: &str| format!("urlEncodedResourceCRNQuery={}", encoded(crn));
    let twice = format!("urlEncodedResourceCRNQuery={}", encoded(&bucket("im*")).replace('%', "%25"));
    for (parameters, expected) in [
        (String::new(), &["invoices", "images"][..]),
        ("limit=1".to_owned(), &["invoices"]),
        ("limit=1&offset=1".to_owned(), &["images"]),
        ("preventKeyDeletion=true".to_owned(), &["images"]),
        ("preventKeyDeletion=false".to_owned(), &["invoices"]),
        (query(&bucket("i*")), &["invoices", "images"]),
        (query(&bucket("im*")), &["images"]),
        (twice, &["images"]),
        (query("crn:v1:bluemix:public:*:*:*:*:*:*"), &["invoices", "images"]),
        (query(&bucket("x")), &[]),
    ] {
        let list = format!("keys/{one}/registrations?{parameters}");
        assert_eq!(found(&manager, &list).await, expected, "{parameters}");
    }
    for (parameters, expected) in [
        (String::new(), 3),
        ("preventKeyDeletion=false".to_owned(), 2),
        (query(&bucket("*")), 3),
        (query(&bucket("b*")), 1),
        ("limit=2".to_owned(), 2),
    ] {
        let list = format!("keys/registrations?{parameters}");
        assert_eq!(found(&manager, &list).await.len(), expected, "{parameters}");
    }
    let page = manager.get("keys/registrations?limit=1&totalCount=true").await.body;
    assert_eq!(
        page["metadata"],
        json!({"collectionType": "application/vnd.ibm.kms.registration+json", "collectionTotal": 1, "totalCount": 3})
    );
    for invalid in [
        query("crn:v1:*"),
        query("crn:v1:bluemix:public:*:global:a/abc123:8c2e:bucket:*"),
        "limit=0".to_owned(),
    ] {
        let response = manager.get(&format!("keys/registrations?{invalid}")).await;
        assert_eq!(status_and_code(&response), (400, "INVALID_FIELD_ERR"), "{invalid}");
    }
    let in_ring = [("x-kms-key-ring", "team-a")];
    let other_ring = manager.call_with(Method::GET, "keys/registrations", &in_ring, None).await;
    assert_eq!(other_ring.body["metadata"]["collectionTotal"], 0, "the keys are in another key ring");
}

#[tokio::test]
async fn registration_fields_can_be_changed() {
    let endpoint = endpoint().await;
    let (key, _) = registered(&endpoint).await;
    let manager = &endpoint.manager;
    manager.act(&format!("keys/{key}/actions/rotate")).await.assert_status(204);
    let rotated = manager.key(&key).await["keyVersion"]["id"].clone();
    endpoint.advance_clock(Duration::from_hours(1)).await;
    let path = path(&key, &bucket("images"));
    let change = async |method: Method, fields: Value| {
        let response = manager.call(method, &path, Some(one("registration", fields))).await;
        assert_eq!(response.status, 200, "{}", response.body);
        response.body["resources"][0].clone()
    };
    let merged = change(Method::PATCH, json!({"preventKeyDeletion": false})).await;
    assert_eq!((&merged["preventKeyDeletion"], &merged["description"]), (&json!(false), &json!("for tests")));
    assert_eq!(
        (&merged["keyVersion"]["id"], &merged["lastUpdated"]),
        (&json!(key), &json!("2027-01-15T09:00:02Z"))
    );
    let merged = change(Method::PATCH, json!({"keyVersionId": rotated})).await;
    assert_eq!(merged["keyVersion"]["id"], rotated);
    let replaced = change(Method::PUT, json!({"preventKeyDeletion": true})).await;
    assert_eq!((&replaced["preventKeyDeletion"], &replaced["description"]), (&json!(true), &json!("")));
    for id in [key.as_str(), "another"] {
        let body = one("registration", json!({"keyVersionId": id}));
        let response = manager.call(Method::PATCH, &path, Some(body)).await;
        assert_eq!(
            status_and_code(&response),
            (422, "KEY_VERSION_INVALID"),
            "{id}: an older or unknown version"
        );
    }
    let unknown =
        manager.call(Method::PATCH, &path.replace("images", "x"), Some(one("registration", json!({})))).await;
    assert_eq!(status_and_code(&unknown), (404, "REGISTRATION_NOT_FOUND_ERR"));
}

#[tokio::test]
async fn registration_can_prevent_key_deletion() {
    let endpoint = endpoint().await;
    let (key, _) = registered(&endpoint).await;
    let manager = &endpoint.manager;
    let by_force = format!("keys/{key}?force=true");
    assert_eq!(status_and_code(&manager.delete(&by_force).await), (409, "PREV_KEY_DEL_ERR"));
    assert_eq!(manager.delete(&path(&key, &bucket("images"))).await.status, 204);
    assert_eq!(
        status_and_code(&manager.delete(&format!("keys/{key}")).await),
        (409, "PROTECTED_RESOURCE_ERR")
    );
    assert_eq!(manager.delete(&by_force).await.status, 204);
    let deleted = manager.delete(&path(&key, &bucket("images"))).await;
    assert_eq!(status_and_code(&deleted), (404, "REGISTRATION_NOT_FOUND_ERR"));
    assert_eq!(
        found(manager, &format!("keys/{key}/registrations")).await,
        ["invoices"],
        "registrations of a deleted key are listed"
    );
}
