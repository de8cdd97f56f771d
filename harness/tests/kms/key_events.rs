//! Events of a key: creation, lifecycle actions and syncs. The real service has no such call.

use std::time::Duration;

use http::Method;
use keysync::domain::{EpochMillis, InstanceId};
use keysync_testkit::{
    Client, Response,
    iam::{Instance, Role},
    services::Behaviour,
};
use serde_json::{Value, json};

use crate::{
    binaries::binaries,
    kms::{Caller, Endpoint, endpoint, status_and_code},
    world::{World, text, world, world_of},
};

const PAST_THE_WINDOW: Duration = Duration::from_mins(61);

/// A key's events, newest first.
async fn events(caller: &Caller, key: &str) -> Vec<Value> {
    let response = caller.get(&format!("keys/{key}/events")).await;
    assert_eq!(response.status, 200, "{}", response.body);
    assert_eq!(response.body["metadata"]["collectionType"], "application/vnd.ibm.kms.event+json");
    response.body["resources"].as_array().unwrap().clone()
}

/// The events of a world's key, newest first.
async fn events_in(world: &World) -> Vec<Value> {
    let path = format!("/api/v2/keys/{}/events", world.key);
    let response = world.manager.send(world.manager.request(Method::GET, &path)).await.unwrap();
    response.body["resources"].as_array().unwrap().clone()
}

/// Type and initiator of each event, newest first; no initiator if it is unknown.
async fn types_and_initiators(caller: &Caller, key: &str) -> Vec<(String, Option<String>)> {
    let of = |event: &Value| (text(&event["eventType"]), event["initiator"].as_str().map(str::to_owned));
    events(caller, key).await.iter().map(of).collect()
}

/// The Manager's IAM id, from a key that it created.
async fn manager_of(endpoint: &Endpoint, key: &str) -> String {
    text(&endpoint.manager.key(key).await["createdBy"])
}

async fn sync_as(caller: &Caller, key: &str, correlation_id: &str) -> u16 {
    let path = format!("keys/{key}/actions/sync");
    let headers = [("correlation-id", correlation_id)];
    caller.call_with(Method::POST, &path, &headers, None).await.status.as_u16()
}

async fn sync_past_the_endpoint(endpoint: &Endpoint, key: &str, correlation_id: &str) -> Response {
    let manager = Client::log_in(&endpoint.harness, endpoint.harness.api_key()).await.unwrap();
    let url = format!("{}/api/v2/keys/{key}/actions/sync", endpoint.harness.sync_function().url());
    let request = reqwest::Client::new().post(url).bearer_auth(manager.token());
    let request = request.header("bluemix-instance", endpoint.harness.instance().to_string());
    manager.send(request.header("correlation-id", correlation_id)).await.unwrap()
}

#[tokio::test]
async fn events_are_newest_first_with_initiator() {
    let endpoint = endpoint().await;
    let (manager, writer) = (&endpoint.manager, endpoint.caller_with(Role::Writer).await);
    let key = manager.create_root_key("a key").await;
    endpoint.advance_clock(Duration::from_mins(1)).await;
    assert_eq!(writer.act(&format!("keys/{key}/actions/rotate")).await.status, 204);
    endpoint.advance_clock(Duration::from_millis(60_001)).await;
    assert_eq!(manager.act(&format!("keys/{key}/actions/disable")).await.status, 204);
    endpoint.advance_clock(PAST_THE_WINDOW).await;
    assert_eq!((sync_as(&writer, &key, "c-1").await, sync_as(&writer, &key, "c-1").await), (204, 204));
    assert_eq!(sync_as(manager, &key, "c-2").await, 409, "a conflict is not an event");

    let by_manager = manager_of(&endpoint, &key).await;
    let by_writer = text(&manager.get(&format!("keys/{key}/events")).await.body["resources"][0]["initiator"]);
    assert_ne!(by_writer, by_manager);
    let event = |kind: &str, at: &str, by: &str, sequence: u64| json!({"eventType": kind, "occurredAt": at, "initiator": by, "sequence": sequence});
    assert_eq!(
        events(manager, &key).await,
        [
            event("sync", "2027-01-15T09:03:00.001Z", &by_writer, 3),
            event("disable", "2027-01-15T08:02:00.001Z", &by_manager, 2),
            event("rotate", "2027-01-15T08:01:00.000Z", &by_writer, 1),
            json!({"eventType": "create", "occurredAt": "2027-01-15T08:00:00.000Z", "initiator": by_manager}),
        ],
        "a repeated request is one event"
    );
}

#[tokio::test]
async fn only_actions_and_syncs_are_events() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let key = manager.create_root_key("a key").await;
    for path in ["actions/rotate", "actions/disable", "actions/enable", "", "restore", "actions/rotate"] {
        let path = format!("keys/{key}/{path}");
        let response = match path.strip_suffix('/') {
            Some(key) => manager.delete(key).await,
            None => manager.act(&path).await,
        };
        assert!(response.status.is_success(), "{path}: {}", response.body);
        endpoint.advance_clock(PAST_THE_WINDOW).await;
    }
    manager.act(&format!("keys/{key}/aliases/an-alias")).await.assert_status(201);
    assert_eq!(sync_as(manager, "an-alias", "c-1").await, 204);
    assert_eq!(
        manager.act(&format!("keys/{key}/actions/enable")).await.status,
        409,
        "the action was rejected"
    );
    let by = Some(manager_of(&endpoint, &key).await);
    let expected = ["sync", "rotate", "restore", "delete", "enable", "disable", "rotate", "create"];
    assert_eq!(
        types_and_initiators(manager, "an-alias").await,
        expected.map(|kind| (kind.to_owned(), by.clone()))
    );
}

#[tokio::test]
async fn latest_sync_past_the_endpoint_is_listed() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let key = manager.create_root_key("a key").await;
    let by = Some(manager_of(&endpoint, &key).await);
    assert_eq!(sync_past_the_endpoint(&endpoint, &key, "c-1").await.status, 204);
    let listed = async || types_and_initiators(manager, &key).await;
    assert_eq!(listed().await, [("sync".to_owned(), None), ("create".to_owned(), by.clone())]);
    assert_eq!(events(manager, &key).await[0]["sequence"], 1);

    assert_eq!(sync_as(manager, &key, "c-1").await, 204, "repeated through the endpoint");
    assert_eq!(listed().await, [("sync".to_owned(), by.clone()), ("create".to_owned(), by.clone())]);
    endpoint.advance_clock(PAST_THE_WINDOW).await;
    assert_eq!(sync_past_the_endpoint(&endpoint, &key, "c-2").await.status, 204);
    assert_eq!(listed().await.len(), 3);
    manager.act(&format!("keys/{key}/actions/rotate")).await.assert_status(204);
    let kinds: Vec<_> = listed().await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["rotate", "sync", "create"], "the second sync is no longer known");
}

#[tokio::test]
async fn action_during_sync_is_not_listed_as_sync() {
    let world = world_of(binaries().env("KEYSYNC_CALLBACK_TIMEOUT", "3s")).await;
    let writer = world.harness.log_in_as(Role::Writer).await.unwrap();
    world.harness.databases().behave_next(1, Behaviour::Hang);
    let (synced, rotated) = tokio::join!(writer.sync(&world.key), async {
        world.harness.databases().wait_for(1).await;
        world.take("actions/rotate").await
    });
    assert_eq!((synced.unwrap().status.as_u16(), rotated.status.as_u16()), (204, 204));
    let manager = world.harness.iam().authenticate(&world.manager.token()).unwrap().iam_id;
    let events = events_in(&world).await;
    let events: Vec<_> =
        events.iter().map(|event| (text(&event["eventType"]), text(&event["initiator"]))).collect();
    assert_eq!(events, ["rotate", "create"].map(|kind| (kind.to_owned(), manager.clone())));
}

#[tokio::test]
async fn events_are_paged() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let key = manager.create_root_key("a key").await;
    for action in ["rotate", "disable"] {
        manager.act(&format!("keys/{key}/actions/{action}")).await.assert_status(204);
    }
    let page = manager.get(&format!("keys/{key}/events?limit=1&offset=1&totalCount=true")).await.body;
    assert_eq!(
        page["metadata"],
        json!({"collectionType": "application/vnd.ibm.kms.event+json", "collectionTotal": 1, "totalCount": 3})
    );
    assert_eq!(page["resources"][0]["eventType"], "rotate");
    let rejected = manager.get(&format!("keys/{key}/events?limit=0")).await;
    assert_eq!(status_and_code(&rejected), (400, "INVALID_FIELD_ERR"));
}

#[tokio::test]
async fn events_are_visible_with_the_key() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let key = manager.create_root_key("a key").await;
    let path = format!("keys/{key}/events");
    assert_eq!(types_and_initiators(&endpoint.caller_with(Role::Reader).await, &key).await.len(), 1);
    assert_eq!(endpoint.caller_with(Role::KeyPurge).await.get(&path).await.status, 401);

    let other_ring = [("x-kms-key-ring", "team-a")];
    let response = manager.call_with(Method::GET, &path, &other_ring, None).await;
    assert_eq!(status_and_code(&response), (404, "KEY_NOT_FOUND_ERR"), "another key ring");

    let iam = endpoint.harness.iam();
    let other: InstanceId = "0d4c1b1e-7a52-4f0c-9d3e-2b7f6f1c9a55".parse().unwrap();
    let instance = iam.instance(endpoint.harness.instance()).unwrap();
    iam.add_instance(Instance { id: other, ..instance });
    let iam_id = manager_of(&endpoint, &key).await;
    let client = Client::log_in(&endpoint.harness, endpoint.harness.api_key()).await.unwrap();
    let url = format!("{}/api/v2/{path}", endpoint.harness.endpoint_url());
    for (granted, expected) in [(false, (401, "UNAUTHORIZED_ERR")), (true, (404, "KEY_NOT_FOUND_ERR"))] {
        if granted {
            iam.grant(&iam_id, other, Role::Reader);
        }
        let request = reqwest::Client::new().get(&url).bearer_auth(client.token());
        let response = client.send(request.header("bluemix-instance", other.to_string())).await.unwrap();
        assert_eq!(status_and_code(&response), expected, "another instance");
    }
}

#[tokio::test]
async fn advancing_the_clock_moves_events() {
    let world = world().await;
    assert_eq!(world.take("actions/rotate").await.status, 204);
    world.advance_clock(PAST_THE_WINDOW).await;
    assert_eq!(world.sync().await.status, 204);
    let stored = async || -> Vec<u64> {
        let items = world.all_items().await.into_iter();
        let of_events = items.filter(|item| text(&item["sk"]).starts_with("event#"));
        let mut at: Vec<_> = of_events.map(|item| item["at"].as_u64().unwrap()).collect();
        at.sort_unstable_by(|one, other| other.cmp(one));
        at
    };
    let before = stored().await;
    assert_eq!(before.len(), 2);
    world.advance_clock(PAST_THE_WINDOW).await;
    let moved: Vec<_> = before.iter().map(|at| at - 61 * 60 * 1000).collect();
    assert_eq!(stored().await, moved);

    let listed: Vec<_> =
        events_in(&world).await.into_iter().map(|event| event["occurredAt"].clone()).collect();
    let dates: Vec<_> = moved.iter().map(|at| json!(EpochMillis::new(*at).to_string())).collect();
    assert_eq!((listed.len(), &listed[..2]), (3, &dates[..]));
}

#[tokio::test]
async fn purge_removes_the_events() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let key = manager.create_root_key("a key").await;
    manager.act(&format!("keys/{key}/actions/rotate")).await.assert_status(204);
    manager.delete(&format!("keys/{key}")).await.assert_status(204);
    let stored = async || {
        let items = endpoint.items().await.into_iter();
        items.filter(|item| text(&item["sk"]).starts_with("event#")).count()
    };
    assert_eq!(stored().await, 2);
    endpoint.advance_clock(Duration::from_hours(5)).await;
    let purger = endpoint.caller_with(Role::KeyPurge).await;
    assert_eq!(purger.delete(&format!("keys/{key}/purge")).await.status, 204);
    assert_eq!(stored().await, 0);
    assert_eq!(
        status_and_code(&manager.get(&format!("keys/{key}/events")).await),
        (404, "KEY_NOT_FOUND_ERR")
    );
}
