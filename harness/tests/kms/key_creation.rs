//! Creating and reading keys.

use http::Method;
use keysync_testkit::iam::Role;
use serde_json::{Value, json};

use crate::{
    kms::{endpoint, one, status_and_code},
    world::text,
};

const REPRESENTATION: [(&str, &str); 1] = [("prefer", "return=representation")];
const MATERIAL: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

#[tokio::test]
async fn created_key_has_all_documented_fields() {
    let endpoint = endpoint().await;
    let fields = json!({
        "type": "application/vnd.ibm.kms.key+json", "name": "a key", "description": "for tests",
        "extractable": false, "aliases": ["one-alias", "another"], "expirationDate": "2027-06-01T00:00:00Z",
        "tags": ["audited", "a team's"],
    });
    let response = endpoint.manager.post("keys", one("key", fields)).await;
    assert_eq!(response.status, 201);
    assert_eq!(
        response.body["metadata"],
        json!({"collectionType": "application/vnd.ibm.kms.key+json", "collectionTotal": 1})
    );
    let key = &response.body["resources"][0];
    let (id, creator) = (&key["id"], &key["createdBy"]);
    let crn = format!(":{}:key:{}", endpoint.harness.instance(), text(id));
    assert!(text(&key["crn"]).ends_with(&crn) && text(creator).starts_with("IBMid-"), "{key}");
    assert_eq!(
        *key,
        json!({
            "type": "application/vnd.ibm.kms.key+json", "id": id, "name": "a key", "description": "for tests",
            "aliases": ["another", "one-alias"], "state": 1, "extractable": false, "imported": false,
            "crn": key["crn"], "createdBy": creator, "creationDate": "2027-01-15T08:00:00Z",
            "lastUpdateDate": "2027-01-15T08:00:00Z", "expirationDate": "2027-06-01T00:00:00Z",
            "algorithmType": "Deprecated", "algorithmBitSize": 256, "algorithmMode": "Deprecated",
            "algorithmMetadata": {"bitLength": "256", "mode": "Deprecated"},
            "keyVersion": {"id": id, "creationDate": "2027-01-15T08:00:00Z"}, "keyRingID": "default",
            "dualAuthDelete": {"enabled": false}, "deleted": false, "tags": ["audited", "a team's"],
        })
    );
    for name in [text(id).as_str(), "one-alias"] {
        assert_eq!(endpoint.manager.key(name).await, *key, "{name}");
    }
}

#[tokio::test]
async fn key_material_requires_reader_plus() {
    let endpoint = endpoint().await;
    let new = |extractable: bool| {
        one("key", json!({"name": "a key", "payload": MATERIAL, "extractable": extractable}))
    };
    for (extractable, payload) in [(true, json!(MATERIAL)), (false, Value::Null)] {
        let manager = &endpoint.manager;
        let response = manager.call_with(Method::POST, "keys", &REPRESENTATION, Some(new(extractable))).await;
        let created = &response.body["resources"][0];
        assert_eq!((&created["payload"], &created["imported"]), (&payload, &json!(true)));
        let path = format!("keys/{}", text(&created["id"]));
        assert_eq!(manager.get(&path).await.body["resources"][0]["payload"], payload);
        assert_eq!(
            manager.get(&format!("{path}/metadata")).await.body["resources"][0]["payload"],
            Value::Null
        );
        for (role, status) in [(Role::Reader, 401), (Role::ReaderPlus, 200)] {
            let caller = endpoint.caller_with(role).await;
            assert_eq!(caller.get(&path).await.status, status, "{role:?}");
            assert_eq!(caller.get(&format!("{path}/metadata")).await.status, 200, "{role:?}");
        }
    }
    let minimal = endpoint.manager.post("keys", one("key", json!({"name": "a key"}))).await;
    assert_eq!(
        minimal.body["resources"][0]["payload"],
        Value::Null,
        "the material is returned on request only"
    );
    let id = text(&minimal.body["resources"][0]["id"]);
    let generated = &endpoint.manager.get(&format!("keys/{id}")).await.body["resources"][0]["payload"];
    assert_eq!(text(generated).len(), 44, "32 bytes in base64");
}

#[tokio::test]
async fn table_stores_material_in_version_items_only() {
    let endpoint = endpoint().await;
    endpoint.manager.create(json!({"name": "a key", "payload": MATERIAL, "extractable": false})).await;
    let holders = endpoint.items().await.into_iter().filter(|item| item.to_string().contains(MATERIAL));
    let holders: Vec<_> = holders.map(|item| text(&item["sk"])).collect();
    assert!(holders.len() == 1 && holders[0].starts_with("version#"), "{holders:?}");
}

#[tokio::test]
async fn prefer_minimal_returns_the_id_only() {
    let endpoint = endpoint().await;
    let minimal = [("prefer", "return=minimal")];
    let body = Some(one("key", json!({"name": "a key"})));
    let response = endpoint.manager.call_with(Method::POST, "keys", &minimal, body).await;
    assert_eq!(
        (response.status.as_u16(), response.body["resources"][0].as_object().unwrap().len()),
        (201, 1)
    );
}

#[tokio::test]
async fn response_media_type_follows_the_request() {
    let endpoint = endpoint().await;
    let own = "application/vnd.ibm.kms.key+json";
    let body = || Some(one("key", json!({"name": "a key"})));
    for (headers, expected) in [
        (&[][..], "application/json"),
        (&[("accept", "application/json"), ("content-type", own)], own),
        (&[("accept", own)], own),
    ] {
        let response = endpoint.manager.call_with(Method::POST, "keys", headers, body()).await;
        assert_eq!(
            (response.status.as_u16(), response.header("content-type")),
            (201, expected),
            "{headers:?}"
        );
    }
    let rejected = endpoint.manager.call_with(Method::POST, "keys", &[("content-type", own)], None).await;
    assert_eq!(rejected.header("content-type"), "application/json", "an error response is JSON");
}

#[tokio::test]
async fn invalid_key_is_rejected_and_not_created() {
    let endpoint = endpoint().await;
    let resource = |fields: Value| one("key", fields);
    let two = json!({"resources": [{"name": "one"}, {"name": "two"}]});
    let mismatch = json!({"metadata": {"collectionTotal": 2}, "resources": [{"name": "one"}]});
    for (body, status, code, field) in [
        (resource(json!({})), 400, "INVALID_FIELD_ERR", "`name`"),
        (resource(json!({"name": "x"})), 400, "INVALID_FIELD_ERR", "`name`"),
        (resource(json!({"name": "a key", "extractable": "no"})), 400, "INVALID_FIELD_ERR", "extractable"),
        (
            resource(json!({"name": "a key", "description": "x".repeat(241)})),
            400,
            "INVALID_FIELD_ERR",
            "`description`",
        ),
        (resource(json!({"name": "a key", "payload": "?"})), 400, "INVALID_FIELD_ERR", "`payload`"),
        (
            resource(json!({"name": "a key", "payload": "YQ==", "extractable": false})),
            400,
            "INVALID_FIELD_ERR",
            "`payload`",
        ),
        (resource(json!({"name": "a key", "aliases": ["keys"]})), 400, "INVALID_FIELD_ERR", "`aliases`"),
        (
            resource(json!({"name": "a key", "expirationDate": "2020-01-01T00:00:00Z"})),
            400,
            "INVALID_FIELD_ERR",
            "`expirationDate`",
        ),
        (
            resource(json!({"name": "a key", "rotation": {"enabled": false}})),
            400,
            "INVALID_FIELD_ERR",
            "rotation",
        ),
        (two, 400, "BAD_BODY_ERR", "one resource"),
        (mismatch, 400, "COLLECTION_TOTAL_MISMATCH_ERR", "2 and 1"),
    ] {
        let response = endpoint.manager.post("keys", body.clone()).await;
        assert_eq!(status_and_code(&response), (status, code), "{body}");
        assert!(response.message().contains(field), "{body}: {}", response.message());
    }
    assert_eq!(status_and_code(&endpoint.manager.act("keys").await), (400, "NO_BODY_ERR"));
    assert!(endpoint.manager.ids("keys").await.is_empty());
    let reader = endpoint.caller_with(Role::ReaderPlus).await;
    assert_eq!(reader.post("keys", one("key", json!({"name": "a key"}))).await.status, 401);
}

#[tokio::test]
async fn every_response_has_a_correlation_id() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let key = manager.create_root_key("a key").await;
    for path in ["keys", "keys/no-such-key/metadata", "nothing", &format!("keys/{key}/actions/sync")] {
        for method in [Method::GET, Method::POST] {
            for name in ["correlation-id", "x-correlation-id"] {
                let header = [(name, "the-one")];
                let response = manager.call_with(method.clone(), path, &header, None).await;
                assert_eq!(
                    response.header("correlation-id"),
                    "the-one",
                    "{method} {path} {}",
                    response.status
                );
            }
            let generated =
                manager.call(method.clone(), path, None).await.header("correlation-id").to_owned();
            assert!(uuid::Uuid::try_parse(&generated).is_ok(), "{method} {path}: {generated}");
        }
    }
    for name in ["correlation-id", "x-correlation-id"] {
        let response = manager.call_with(Method::GET, "keys", &[(name, "two words")], None).await;
        assert_eq!(status_and_code(&response), (400, "INVALID_FIELD_ERR"));
        assert!(response.message().starts_with(&format!("`{name}` must be")), "{}", response.message());
        let both = [("correlation-id", "the-one"), ("x-correlation-id", "two words")];
        assert_eq!(
            manager.call_with(Method::GET, "keys", &both, None).await.header("correlation-id"),
            "the-one"
        );
    }
}

#[tokio::test]
async fn error_names_the_failed_operation() {
    let endpoint = endpoint().await;
    let key = endpoint.manager.create(json!({"name": "standard"})).await;
    for (path, operation, code) in [
        ("keys".to_owned(), "Key could not be created", "NO_BODY_ERR"),
        (format!("keys/{key}/actions/wrap"), "Wrap with key could not be performed", "KEY_ROOT_REQ_ERR"),
        (format!("keys/{key}?action=wrap"), "Wrap with key could not be performed", "KEY_ROOT_REQ_ERR"),
        (format!("keys/{key}/actions/rotate"), "Action could not be performed on key", "KEY_ROOT_REQ_ERR"),
    ] {
        let response = endpoint.manager.act(&path).await;
        let document = &response.body["resources"][0];
        let expected = format!("Bad Request: {operation}: Please see `reasons` for more details ({code})");
        assert_eq!(document["errorMsg"], expected.as_str(), "{path}");
        assert_eq!(
            document["reasons"],
            json!([{"code": code, "message": response.message(), "status": 400,
                "moreInfo": "https://cloud.ibm.com/apidocs/key-protect"}])
        );
    }
}

#[tokio::test]
async fn unemulated_path_is_reported() {
    let endpoint = endpoint().await;
    for path in ["kmip_adapters", "instance/allowed_ip_port", "keys/x/y/z"] {
        let response = endpoint.manager.get(path).await;
        assert_eq!(status_and_code(&response), (404, "NOT_FOUND_ERR"), "{path}");
        assert!(response.message().contains(path) && response.message().contains("does not emulate it"));
    }
    let response = endpoint.manager.call(Method::PUT, "keys", None).await;
    assert_eq!(status_and_code(&response), (405, "METHOD_NOT_ALLOWED_ERR"));
}
