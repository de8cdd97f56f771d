//! Lifecycle of a key: rotation, deletion, restore, purge and expiration.

use std::time::Duration;

use http::Method;
use keysync_testkit::iam::Role;
use serde_json::json;

use crate::kms::{endpoint, one, status_and_code};

const REPRESENTATION: [(&str, &str); 1] = [("prefer", "return=representation")];
const MATERIAL: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

#[tokio::test]
async fn each_rotation_creates_a_version() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let key = manager.create_root_key("a key").await;
    for _ in 0..2 {
        endpoint.advance_clock(HOUR).await;
        assert_eq!(manager.act(&format!("keys/{key}/actions/rotate")).await.status, 204);
    }
    let path = format!("keys/{key}/versions");
    let versions = manager.ids(&path).await;
    assert_eq!((versions.len(), &versions[2]), (3, &key), "newest first");
    assert_eq!(manager.key(&key).await["keyVersion"]["id"], versions[0].as_str());
    assert_eq!(manager.key(&key).await["lastRotateDate"], "2027-01-15T10:00:00Z");
    let page = manager.get(&format!("{path}?limit=1&offset=1&totalCount=true")).await.body;
    assert_eq!(
        (&page["metadata"]["totalCount"], &page["resources"][0]["id"]),
        (&json!(3), &json!(versions[1]))
    );
    assert_eq!(page["metadata"]["collectionTotal"], 1);

    manager.delete(&format!("keys/{key}")).await.assert_status(204);
    assert_eq!(status_and_code(&manager.get(&path).await), (410, "KEY_DELETED_ERR"));
    assert_eq!(manager.ids(&format!("{path}?allKeyStates=true")).await, versions);
    let standard = manager.create(json!({"name": "standard"})).await;
    let response = manager.get(&format!("keys/{standard}/versions")).await;
    assert_eq!(status_and_code(&response), (400, "KEY_ROOT_REQ_ERR"));
}

#[tokio::test]
async fn deleted_key_is_restorable_for_thirty_days() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let key = manager.create(json!({"name": "a key", "payload": MATERIAL, "extractable": false})).await;
    let path = format!("keys/{key}");
    endpoint.advance_clock(HOUR).await;
    let response = manager.call_with(Method::DELETE, &path, &REPRESENTATION, None).await;
    let deleted = &response.body["resources"][0];
    assert_eq!(
        (response.status.as_u16(), &deleted["state"], &deleted["deleted"]),
        (200, &json!(5), &json!(true))
    );
    for (field, expected) in [
        ("deletedBy", deleted["createdBy"].clone()),
        ("deletionDate", json!("2027-01-15T09:00:00Z")),
        ("restoreExpirationDate", json!("2027-02-14T09:00:00Z")),
        ("restoreAllowed", json!(true)),
        ("purgeAllowed", json!(false)),
        ("purgeAllowedFrom", json!("2027-01-15T13:00:00Z")),
        ("purgeScheduledOn", json!("2027-04-15T09:00:00Z")),
    ] {
        assert_eq!(deleted[field], expected, "{field}");
    }
    assert_eq!(status_and_code(&manager.delete(&path).await), (410, "KEY_DELETED_ERR"));

    let restore = format!("{path}/restore");
    endpoint.advance_clock((DAY * 30).saturating_sub(Duration::from_secs(1))).await;
    let other = one("key", json!({"payload": "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="}));
    assert_eq!(status_and_code(&manager.post(&restore, other).await), (400, "INVALID_FIELD_ERR"));
    let same = one("key", json!({"payload": MATERIAL}));
    let response = manager.post(&restore, same).await;
    assert_eq!((response.status.as_u16(), &response.body["resources"][0]["state"]), (201, &json!(1)));

    endpoint.advance_clock(HOUR).await;
    manager.delete(&path).await.assert_status(204);
    endpoint.advance_clock(DAY * 30).await;
    assert_eq!(status_and_code(&manager.act(&restore).await), (400, "KEY_RESTORE_EXPIRED"));
}

#[tokio::test]
async fn purge_removes_key_alias_and_material() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let fields = json!({"name": "a key", "payload": MATERIAL, "extractable": false, "aliases": ["an-alias"]});
    let key = manager.create(fields).await;
    let (path, purger) = (format!("keys/{key}/purge"), endpoint.caller_with(Role::KeyPurge).await);
    assert_eq!(status_and_code(&purger.delete(&path).await), (409, "KEY_ACTION_INVALID_STATE_ERR"));
    endpoint.advance_clock(HOUR).await;
    manager.delete(&format!("keys/{key}")).await.assert_status(204);
    assert_eq!(manager.delete(&path).await.status, 401, "a Manager may not purge");
    endpoint.advance_clock((HOUR * 4).saturating_sub(Duration::from_millis(1))).await;
    assert_eq!(status_and_code(&purger.delete(&path).await), (409, "REQ_TOO_EARLY_ERR"));
    let both = endpoint.caller_with([Role::Manager, Role::KeyPurge]).await;
    assert_eq!(status_and_code(&both.delete(&path).await), (409, "REQ_TOO_EARLY_ERR"), "the roles add up");
    assert_eq!(both.get(&format!("keys/{key}/metadata")).await.status, 200, "the roles add up");
    endpoint.advance_clock(Duration::from_millis(1)).await;
    let response = purger.call_with(Method::DELETE, &path, &REPRESENTATION, None).await;
    assert_eq!((response.status.as_u16(), &response.body["resources"][0]["id"]), (200, &json!(key)));
    for name in [key.as_str(), "an-alias"] {
        let response = manager.get(&format!("keys/{name}/metadata")).await;
        assert_eq!(status_and_code(&response), (404, "KEY_NOT_FOUND_ERR"), "{name}");
    }
    assert!(
        !endpoint.items().await.iter().any(|item| item.to_string().contains(MATERIAL)),
        "the material is deleted"
    );
    manager.create(json!({"name": "another", "aliases": ["an-alias"]})).await;
}

#[tokio::test]
async fn expired_key_is_deactivated_permanently() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let fields = json!({"name": "a key", "extractable": false, "expirationDate": "2027-01-15T09:00:00Z"});
    let key = manager.create(fields).await;
    let act = async |action: &str| manager.act(&format!("keys/{key}/{action}")).await;
    assert_eq!(manager.key(&key).await["state"], 1);
    endpoint.advance_clock(HOUR).await;
    assert_eq!(manager.key(&key).await["state"], 3);
    assert_eq!(status_and_code(&act("actions/wrap").await), (409, "KEY_ACTION_INVALID_STATE_ERR"));
    assert_eq!(status_and_code(&act("actions/disable").await), (409, "KEY_ACTION_INVALID_STATE_ERR"));
    assert_eq!(act("actions/rotate").await.status, 204);
    assert_eq!(manager.key(&key).await["state"], 3);
    assert_eq!(manager.delete(&format!("keys/{key}")).await.status, 204);
    endpoint.advance_clock(HOUR).await;
    assert_eq!(act("restore").await.body["resources"][0]["state"], 3);
}

#[tokio::test]
async fn actions_reject_standard_keys() {
    let endpoint = endpoint().await;
    let key = endpoint.manager.create(json!({"name": "standard"})).await;
    for action in ["rotate", "enable", "disable", "wrap"] {
        let response = endpoint.manager.act(&format!("keys/{key}/actions/{action}")).await;
        assert_eq!(status_and_code(&response), (400, "KEY_ROOT_REQ_ERR"), "{action}");
    }
}

#[tokio::test]
async fn actions_work_by_the_legacy_path() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let key = manager.create(json!({"name": "a key", "extractable": false, "aliases": ["an-alias"]})).await;
    for (action, status) in [("wrap", 200), ("rotate", 204), ("disable", 204), ("sync", 400), ("", 400)] {
        let response = manager.act(&format!("keys/an-alias?action={action}")).await;
        assert_eq!(response.status, status, "{action}: {}", response.body);
    }
    assert_eq!(manager.key(&key).await["state"], 2);
}
