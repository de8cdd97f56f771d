//! Preconditions of lifecycle actions, listing, and the effect of advancing the clock
//! (docs/reference/kms-emulator.md).

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use crate::world::{World, text, world};

async fn code(world: &World, action: &str) -> (u16, String) {
    let response = world.take(action).await;
    (response.status.as_u16(), response.code().to_owned())
}

fn error(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn actions_require_the_right_state() {
    let world = world().await;
    assert_eq!(code(&world, "actions/enable").await, error(409, "KEY_ACTION_INVALID_STATE_ERR"));
    assert_eq!(code(&world, "restore").await, error(409, "KEY_ACTION_INVALID_STATE_ERR"));
    assert_eq!(code(&world, "actions/disable").await.0, 204);
    assert_eq!(code(&world, "actions/rotate").await, error(409, "KEY_ACTION_INVALID_STATE_ERR"));
    assert_eq!(code(&world, "actions/enable").await, error(409, "REQ_TOO_EARLY_ERR"));
    world.advance_clock(Duration::from_secs(31)).await;
    assert_eq!(code(&world, "actions/enable").await.0, 204);
}

#[tokio::test]
async fn second_rotation_within_an_hour_is_rejected() {
    let world = world().await;
    assert_eq!(code(&world, "actions/rotate").await.0, 204);
    assert_eq!(code(&world, "actions/rotate").await, error(409, "KEY_ROTATION_NOT_PERMITTED"));
    world.advance_clock(Duration::from_hours(1)).await;
    assert_eq!(code(&world, "actions/rotate").await.0, 204);
}

#[tokio::test]
async fn deletion_with_registrations_needs_force() {
    let world = world().await;
    let path = format!("/api/v2/keys/{}", world.key);
    let unforced = world.manager.send(world.manager.request(Method::DELETE, &path)).await.unwrap();
    assert_eq!((unforced.status.as_u16(), unforced.code()), (409, "PROTECTED_RESOURCE_ERR"));
    assert_eq!(world.manager.delete(&world.key).await.unwrap().status, 204);
    let second = world.manager.delete(&world.key).await.unwrap();
    assert_eq!((second.status.as_u16(), second.code()), (410, "KEY_DELETED_ERR"));
    world.advance_clock(Duration::from_secs(31)).await;
    assert_eq!(world.take("restore").await.status, 201);
}

#[tokio::test]
async fn keys_and_registrations_are_listed() {
    let world = world().await;
    let get = async |path: &str| -> Value {
        world.manager.send(world.manager.request(Method::GET, path)).await.unwrap().body
    };
    let keys = get("/api/v2/keys").await;
    assert_eq!(keys["metadata"]["collectionTotal"], 2, "the sample keys");
    let ids: Vec<_> = keys["resources"].as_array().unwrap().iter().map(|key| &key["id"]).collect();
    assert!(ids.contains(&&Value::from(world.key.as_str())) && ids.is_sorted_by_key(|id| id.as_str()));
    for path in ["/api/v2/keys/registrations", &format!("/api/v2/keys/{}/registrations", world.key)] {
        let registrations = get(path).await;
        assert_eq!(registrations["metadata"]["collectionType"], "application/vnd.ibm.kms.registration+json");
        assert_eq!(registrations["metadata"]["collectionTotal"], 2, "{path}");
        assert_eq!(registrations["resources"][0]["keyId"], world.key.as_str());
    }
}

#[tokio::test]
async fn advancing_the_clock_moves_expirations() {
    let world = world().await;
    let call = async |method: Method, path: &str, body: Value| -> Value {
        let request = world.manager.request(method, &format!("/api/v2/{path}")).json(&body);
        let response = world.manager.send(request).await.unwrap();
        assert!(response.status.is_success(), "{path}: {}", response.body);
        response.body["resources"][0].clone()
    };
    let in_a_day = world.harness.clock().now().plus(Duration::from_hours(24)).to_string();
    let fields = json!({"resources": [{"name": "a key", "extractable": false, "expirationDate": in_a_day}]});
    let key = text(&call(Method::POST, "keys", fields).await["id"]);
    let policy = json!({"resources": [{"dualAuthDelete": {"enabled": true}}]});
    call(Method::PUT, &format!("keys/{key}/policies"), policy).await;
    assert_eq!(
        world.manager.post(&format!("/api/v2/keys/{key}/actions/setKeyForDeletion")).await.unwrap().status,
        204
    );
    call(Method::POST, "import_token", json!({"expiration": 86_400, "maxAllowedRetrievals": 9})).await;

    let states = async || {
        let key = call(Method::GET, &format!("keys/{key}/metadata"), Value::Null).await;
        let token = world.manager.request(Method::GET, "/api/v2/import_token");
        let token = world.manager.send(token).await.unwrap().status.as_u16();
        (key["state"].clone(), key["dualAuthDelete"]["keySetForDeletion"].clone(), token)
    };
    assert_eq!(states().await, (json!(1), json!(true), 200));
    world.advance_clock(Duration::from_hours(24)).await;
    assert_eq!(states().await, (json!(3), json!(true), 409));
    world.advance_clock(Duration::from_hours(6 * 24)).await;
    assert_eq!(states().await, (json!(3), json!(false), 409));
}
