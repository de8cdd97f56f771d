//! Keys at the emulated endpoint: made and read.

use http::Method;
use keysync_testkit::iam::Role;
use serde_json::{Value, json};

use crate::{
    endpoint_calls::{endpoint, one, refusal},
    support::text,
};

const REPRESENTATION: [(&str, &str); 1] = [("prefer", "return=representation")];
const MATERIAL: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

#[tokio::test]
async fn a_key_is_answered_as_the_clients_parse_it() {
    let endpoint = endpoint().await;
    let fields = json!({
        "type": "application/vnd.ibm.kms.key+json", "name": "a key", "description": "for tests",
        "extractable": false, "aliases": ["one-alias", "another"], "expirationDate": "2027-06-01T00:00:00Z",
        "tags": ["audited", "a team's"],
    });
    let answer = endpoint.manager.post("keys", one("key", fields)).await;
    assert_eq!(answer.status, 201);
    assert_eq!(
        answer.body["metadata"],
        json!({"collectionType": "application/vnd.ibm.kms.key+json", "collectionTotal": 1})
    );
    let key = &answer.body["resources"][0];
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
async fn the_material_of_a_standard_key_is_for_those_who_may_read_it() {
    let endpoint = endpoint().await;
    let new = |extractable: bool| {
        one("key", json!({"name": "a key", "payload": MATERIAL, "extractable": extractable}))
    };
    for (extractable, payload) in [(true, json!(MATERIAL)), (false, Value::Null)] {
        let manager = &endpoint.manager;
        let answer = manager.call_with(Method::POST, "keys", &REPRESENTATION, Some(new(extractable))).await;
        let made = &answer.body["resources"][0];
        assert_eq!((&made["payload"], &made["imported"]), (&payload, &json!(true)));
        let path = format!("keys/{}", text(&made["id"]));
        assert_eq!(manager.get(&path).await.body["resources"][0]["payload"], payload);
        assert_eq!(
            manager.get(&format!("{path}/metadata")).await.body["resources"][0]["payload"],
            Value::Null
        );
        for (role, status) in [(Role::Reader, 401), (Role::ReaderPlus, 200)] {
            let somebody = endpoint.somebody(role).await;
            assert_eq!(somebody.get(&path).await.status, status, "{role:?}");
            assert_eq!(somebody.get(&format!("{path}/metadata")).await.status, 200, "{role:?}");
        }
    }
    let unsaid = endpoint.manager.post("keys", one("key", json!({"name": "a key"}))).await;
    assert_eq!(unsaid.body["resources"][0]["payload"], Value::Null, "only who asks for it is shown it");
    let id = text(&unsaid.body["resources"][0]["id"]);
    let generated = &endpoint.manager.get(&format!("keys/{id}")).await.body["resources"][0]["payload"];
    assert_eq!(text(generated).len(), 44, "32 bytes in base64");
}

#[tokio::test]
async fn the_table_holds_material_in_the_items_of_versions_and_nowhere_else() {
    let endpoint = endpoint().await;
    endpoint.manager.make(json!({"name": "a key", "payload": MATERIAL, "extractable": false})).await;
    let holders = endpoint.items().await.into_iter().filter(|item| item.to_string().contains(MATERIAL));
    let holders: Vec<_> = holders.map(|item| text(&item["sk"])).collect();
    assert!(holders.len() == 1 && holders[0].starts_with("version#"), "{holders:?}");
}

#[tokio::test]
async fn a_key_may_be_answered_by_its_id_alone() {
    let endpoint = endpoint().await;
    let minimal = [("prefer", "return=minimal")];
    let body = Some(one("key", json!({"name": "a key"})));
    let answer = endpoint.manager.call_with(Method::POST, "keys", &minimal, body).await;
    assert_eq!((answer.status.as_u16(), answer.body["resources"][0].as_object().unwrap().len()), (201, 1));
}

#[tokio::test]
async fn an_answer_comes_in_the_media_type_that_the_request_names() {
    let endpoint = endpoint().await;
    let own = "application/vnd.ibm.kms.key+json";
    let body = || Some(one("key", json!({"name": "a key"})));
    for (headers, expected) in [
        (&[][..], "application/json"),
        (&[("accept", "application/json"), ("content-type", own)], own),
        (&[("accept", own)], own),
    ] {
        let answer = endpoint.manager.call_with(Method::POST, "keys", headers, body()).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (201, expected), "{headers:?}");
    }
    let refused = endpoint.manager.call_with(Method::POST, "keys", &[("content-type", own)], None).await;
    assert_eq!(refused.header("content-type"), "application/json", "whoever is refused can read why");
}

#[tokio::test]
async fn a_bad_request_for_a_key_is_refused_and_makes_none() {
    let endpoint = endpoint().await;
    let resource = |fields: Value| one("key", fields);
    let two = json!({"resources": [{"name": "one"}, {"name": "two"}]});
    let mismatch = json!({"metadata": {"collectionTotal": 2}, "resources": [{"name": "one"}]});
    for (body, status, code, named) in [
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
        let answer = endpoint.manager.post("keys", body.clone()).await;
        assert_eq!(refusal(&answer), (status, code), "{body}");
        assert!(answer.message().contains(named), "{body}: {}", answer.message());
    }
    assert_eq!(refusal(&endpoint.manager.act("keys").await), (400, "NO_BODY_ERR"));
    assert!(endpoint.manager.ids("keys").await.is_empty());
    let reader = endpoint.somebody(Role::ReaderPlus).await;
    assert_eq!(reader.post("keys", one("key", json!({"name": "a key"}))).await.status, 401);
}

#[tokio::test]
async fn every_answer_says_which_request_it_is_of() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let key = manager.make_root_key("a key").await;
    for path in ["keys", "keys/nobody/metadata", "nothing", &format!("keys/{key}/actions/sync")] {
        for method in [Method::GET, Method::POST] {
            for name in ["correlation-id", "x-correlation-id"] {
                let given = [(name, "the-one")];
                let answer = manager.call_with(method.clone(), path, &given, None).await;
                assert_eq!(answer.header("correlation-id"), "the-one", "{method} {path} {}", answer.status);
            }
            let made = manager.call(method.clone(), path, None).await.header("correlation-id").to_owned();
            assert!(uuid::Uuid::try_parse(&made).is_ok(), "{method} {path}: {made}");
        }
    }
    for name in ["correlation-id", "x-correlation-id"] {
        let answer = manager.call_with(Method::GET, "keys", &[(name, "two words")], None).await;
        assert_eq!(refusal(&answer), (400, "INVALID_FIELD_ERR"));
        assert!(answer.message().starts_with(&format!("`{name}` must be")), "{}", answer.message());
        let both = [("correlation-id", "the-one"), ("x-correlation-id", "two words")];
        assert_eq!(
            manager.call_with(Method::GET, "keys", &both, None).await.header("correlation-id"),
            "the-one"
        );
    }
}

#[tokio::test]
async fn an_error_says_what_could_not_be_done() {
    let endpoint = endpoint().await;
    let key = endpoint.manager.make(json!({"name": "standard"})).await;
    for (path, what, code) in [
        ("keys".to_owned(), "Key could not be created", "NO_BODY_ERR"),
        (format!("keys/{key}/actions/wrap"), "Wrap with key could not be performed", "KEY_ROOT_REQ_ERR"),
        (format!("keys/{key}?action=wrap"), "Wrap with key could not be performed", "KEY_ROOT_REQ_ERR"),
        (format!("keys/{key}/actions/rotate"), "Action could not be performed on key", "KEY_ROOT_REQ_ERR"),
    ] {
        let answer = endpoint.manager.act(&path).await;
        let document = &answer.body["resources"][0];
        let expected = format!("Bad Request: {what}: Please see `reasons` for more details ({code})");
        assert_eq!(document["errorMsg"], expected.as_str(), "{path}");
        assert_eq!(
            document["reasons"],
            json!([{"code": code, "message": answer.message(), "status": 400,
                "moreInfo": "https://cloud.ibm.com/apidocs/key-protect"}])
        );
    }
}

#[tokio::test]
async fn what_is_not_emulated_says_so() {
    let endpoint = endpoint().await;
    for path in ["kmip_adapters", "instance/allowed_ip_port", "keys/x/y/z"] {
        let answer = endpoint.manager.get(path).await;
        assert_eq!(refusal(&answer), (404, "NOT_FOUND_ERR"), "{path}");
        assert!(answer.message().contains(path) && answer.message().contains("does not emulate it"));
    }
    let answer = endpoint.manager.call(Method::PUT, "keys", None).await;
    assert_eq!(refusal(&answer), (405, "METHOD_NOT_ALLOWED_ERR"));
}
