//! Key rings and aliases.

use http::Method;
use keysync_testkit::iam::Role;
use serde_json::json;

use crate::{
    kms::{endpoint, one, status_and_code},
    world::text,
};

#[tokio::test]
async fn rings_are_created_listed_and_deleted() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    for ring in ["team-b", "team-a"] {
        assert_eq!(manager.act(&format!("key_rings/{ring}")).await.status, 201);
    }
    for (ring, expected) in [
        ("team-a", (409, "KEY_RING_ID_NOT_UNIQUE_ERR")),
        ("default", (409, "KEY_RING_ID_NOT_UNIQUE_ERR")),
        ("team_a", (400, "INVALID_FIELD_ERR")),
    ] {
        assert_eq!(status_and_code(&manager.act(&format!("key_rings/{ring}")).await), expected, "{ring}");
    }
    let rings = manager.get("key_rings?totalCount=true").await.body;
    assert_eq!(
        rings["metadata"],
        json!({"collectionType": "application/vnd.ibm.kms.key_ring+json", "collectionTotal": 3, "totalCount": 3})
    );
    let ids: Vec<_> = rings["resources"].as_array().unwrap().iter().map(|ring| text(&ring["id"])).collect();
    assert_eq!(ids, ["default", "team-a", "team-b"]);
    assert_eq!(rings["resources"][1]["creationDate"], "2027-01-15T08:00:00Z");
    assert_eq!(manager.ids("key_rings?limit=1&offset=2").await, ["team-b"]);

    for (ring, expected) in [
        ("default", (400, "INVALID_FIELD_ERR")),
        ("team-c", (404, "KEY_RING_NOT_FOUND_ERR")),
        ("team-a", (204, "")),
    ] {
        assert_eq!(status_and_code(&manager.delete(&format!("key_rings/{ring}")).await), expected, "{ring}");
    }
    assert_eq!(manager.ids("key_rings").await, ["default", "team-b"]);
    let writer = endpoint.caller_with(Role::Writer).await;
    assert_eq!(writer.delete("key_rings/team-b").await.status, 401);
}

#[tokio::test]
async fn key_is_visible_in_its_ring_only() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let in_ring = |ring: &'static str| [("x-kms-key-ring", ring)];
    let body = Some(one("key", json!({"name": "a key", "extractable": false, "aliases": ["an-alias"]})));
    let response = manager.call_with(Method::POST, "keys", &in_ring("team-a"), body.clone()).await;
    assert_eq!(status_and_code(&response), (404, "KEY_RING_NOT_FOUND_ERR"));
    manager.act("key_rings/team-a").await.assert_status(201);
    let response = manager.call_with(Method::POST, "keys", &in_ring("team-a"), body).await;
    assert_eq!(
        (response.status.as_u16(), &response.body["resources"][0]["keyRingID"]),
        (201, &json!("team-a"))
    );

    let key = text(&response.body["resources"][0]["id"]);
    for (method, path) in [
        (Method::GET, format!("keys/{key}")),
        (Method::GET, "keys/an-alias/metadata".to_owned()),
        (Method::GET, format!("keys/{key}/versions")),
        (Method::GET, format!("keys/{key}/registrations")),
        (Method::POST, format!("keys/{key}/actions/wrap")),
        (Method::POST, format!("keys/{key}/actions/sync")),
        (Method::POST, format!("keys/{key}/aliases/more")),
        (Method::DELETE, format!("keys/{key}")),
    ] {
        let response = manager.call_with(method.clone(), &path, &in_ring("default"), None).await;
        assert_eq!(status_and_code(&response), (404, "KEY_NOT_FOUND_ERR"), "{method} {path}");
        if method == Method::GET {
            let response = manager.call_with(method, &path, &in_ring("team-a"), None).await;
            assert_eq!(response.status, 200, "{path}");
        }
    }
    for (ring, keys) in [("default", 0), ("team-a", 1)] {
        let response = manager.call_with(Method::GET, "keys", &in_ring(ring), None).await;
        assert_eq!(response.body["metadata"]["collectionTotal"], keys, "{ring}");
    }
    assert_eq!(manager.ids("keys").await, [key], "keys of all rings without the header");
}

#[tokio::test]
async fn moved_key_syncs_in_its_new_ring() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let key = manager.create_root_key("a key").await;
    let path = format!("keys/{key}");
    let moved = async |ring: &str| manager.call(Method::PATCH, &path, Some(json!({"keyRingID": ring}))).await;
    assert_eq!(status_and_code(&moved("team-a").await), (404, "KEY_RING_NOT_FOUND_ERR"));
    manager.act("key_rings/team-a").await.assert_status(201);
    let response = moved("team-a").await;
    assert_eq!(
        (response.status.as_u16(), &response.body["resources"][0]["keyRingID"]),
        (200, &json!("team-a"))
    );
    let sync = format!("{path}/actions/sync");
    for (ring, status) in [("default", 404), ("team-a", 204)] {
        let response = manager.call_with(Method::POST, &sync, &[("x-kms-key-ring", ring)], None).await;
        assert_eq!(response.status, status, "{ring}");
    }
    let response = manager.call(Method::PATCH, &path, Some(json!({}))).await;
    assert_eq!(status_and_code(&response), (400, "INVALID_FIELD_ERR"));
    let writer = endpoint.caller_with(Role::Writer).await;
    let response = writer.call(Method::PATCH, &path, Some(json!({"keyRingID": "default"}))).await;
    assert_eq!(response.status, 401);
}

#[tokio::test]
async fn ring_is_deletable_once_its_keys_are() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    manager.act("key_rings/team-a").await.assert_status(201);
    let body = Some(one("key", json!({"name": "a key", "extractable": false})));
    let response = manager.call_with(Method::POST, "keys", &[("x-kms-key-ring", "team-a")], body).await;
    let key = text(&response.body["resources"][0]["id"]);
    assert_eq!(status_and_code(&manager.delete("key_rings/team-a").await), (409, "KEY_RING_NOT_EMPTY_ERR"));
    let by_force = "key_rings/team-a?force=true";
    assert_eq!(status_and_code(&manager.delete(by_force).await), (409, "KEY_RING_KEYS_NOT_DELETED_ERR"));
    manager.delete(&format!("keys/{key}")).await.assert_status(204);
    assert_eq!(status_and_code(&manager.delete("key_rings/team-a").await), (409, "KEY_RING_NOT_EMPTY_ERR"));
    assert_eq!(manager.delete(by_force).await.status, 204);
    assert_eq!(manager.key(&key).await["keyRingID"], "default");
}

#[tokio::test]
async fn alias_names_one_key() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let (key, other) = (manager.create_root_key("a key").await, manager.create_root_key("another").await);
    let response = manager.act(&format!("keys/{key}/aliases/an-alias")).await;
    let alias = &response.body["resources"][0];
    assert_eq!(response.status, 201);
    assert_eq!(
        *alias,
        json!({"keyId": key, "alias": "an-alias", "createdBy": alias["createdBy"], "creationDate": "2027-01-15T08:00:00Z"})
    );
    assert_eq!(manager.key("an-alias").await["aliases"], json!(["an-alias"]));
    assert_eq!(manager.act("keys/an-alias/actions/sync").await.status, 204);
    for (name, alias, expected) in [
        (other.as_str(), "an-alias", (409, "KEY_ALIAS_NOT_UNIQUE_ERR")),
        (other.as_str(), "rotate", (400, "INVALID_FIELD_ERR")),
        (other.as_str(), "x", (400, "INVALID_FIELD_ERR")),
        ("no-such-key", "another-alias", (404, "KEY_NOT_FOUND_ERR")),
    ] {
        let response = manager.act(&format!("keys/{name}/aliases/{alias}")).await;
        assert_eq!(status_and_code(&response), expected, "{name} {alias}");
    }
    let conflicting = one("key", json!({"name": "a third", "aliases": ["free", "an-alias"]}));
    assert_eq!(status_and_code(&manager.post("keys", conflicting).await), (409, "KEY_ALIAS_NOT_UNIQUE_ERR"));

    let path = format!("keys/{other}/aliases/an-alias");
    assert_eq!(
        status_and_code(&manager.delete(&path).await),
        (404, "KEY_ALIAS_NOT_FOUND_ERR"),
        "the alias of another key"
    );
    assert_eq!(manager.delete(&format!("keys/{key}/aliases/an-alias")).await.status, 204);
    assert_eq!(status_and_code(&manager.get("keys/an-alias/metadata").await), (404, "KEY_NOT_FOUND_ERR"));
    assert_eq!(manager.key(&key).await["aliases"], json!([]));
    for free in ["an-alias", "free"] {
        assert_eq!(manager.act(&format!("keys/{other}/aliases/{free}")).await.status, 201, "{free}");
    }
}

#[tokio::test]
async fn sixth_alias_is_rejected() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let key = manager.create_root_key("a key").await;
    for n in 1..=5 {
        assert_eq!(manager.act(&format!("keys/{key}/aliases/alias-{n}")).await.status, 201);
    }
    let sixth = format!("keys/{key}/aliases/alias-6");
    assert_eq!(status_and_code(&manager.act(&sixth).await), (409, "KEY_ALIAS_QUOTA_ERR"));
    manager.delete(&format!("keys/{key}/aliases/alias-1")).await.assert_status(204);
    assert_eq!(manager.act(&sixth).await.status, 201);
}
