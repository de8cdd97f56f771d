//! What happened to a key: made, acted on, synchronized. The service has no such call.

use std::time::Duration;

use http::Method;
use keysync::key::{EpochMillis, InstanceId};
use keysync_testkit::{
    Client, Harness, Response,
    iam::{Instance, Role},
    services::Behaviour,
};
use serde_json::{Value, json};

use crate::{
    endpoint_calls::{Caller, Endpoint, endpoint, refusal},
    support::{World, text, world, world_of},
};

const PAST_THE_WINDOW: Duration = Duration::from_mins(61);

/// A key's events, newest first.
async fn events(who: &Caller, key: &str) -> Vec<Value> {
    let answer = who.get(&format!("keys/{key}/events")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.body["metadata"]["collectionType"], "application/vnd.ibm.kms.event+json");
    answer.body["resources"].as_array().unwrap().clone()
}

/// The events of a world's key, newest first.
async fn events_in(world: &World) -> Vec<Value> {
    let path = format!("/api/v2/keys/{}/events", world.key);
    let answer = world.manager.send(world.manager.request(Method::GET, &path)).await.unwrap();
    answer.body["resources"].as_array().unwrap().clone()
}

/// What happened, newest first, and by whom: not said, where that is not known.
async fn who_did_what(who: &Caller, key: &str) -> Vec<(String, Option<String>)> {
    let of = |event: &Value| (text(&event["eventType"]), event["initiator"].as_str().map(str::to_owned));
    events(who, key).await.iter().map(of).collect()
}

/// The manager's IAM id, as a key that it made says.
async fn manager_of(endpoint: &Endpoint, key: &str) -> String {
    text(&endpoint.manager.key(key).await["createdBy"])
}

async fn sync_as(who: &Caller, key: &str, correlation_id: &str) -> u16 {
    let path = format!("keys/{key}/actions/sync");
    let headers = [("correlation-id", correlation_id)];
    who.call_with(Method::POST, &path, &headers, None).await.status.as_u16()
}

async fn sync_past_the_endpoint(endpoint: &Endpoint, key: &str, correlation_id: &str) -> Response {
    let manager = Client::log_in(&endpoint.harness, endpoint.harness.api_key()).await.unwrap();
    let url = format!("{}/api/v2/keys/{key}/actions/sync", endpoint.harness.sync_function().url());
    let request = reqwest::Client::new().post(url).bearer_auth(manager.token());
    let request = request.header("bluemix-instance", endpoint.harness.instance().to_string());
    manager.send(request.header("correlation-id", correlation_id)).await.unwrap()
}

#[tokio::test]
async fn newest_first_and_by_whom() {
    let endpoint = endpoint().await;
    let (manager, writer) = (&endpoint.manager, endpoint.somebody(Role::Writer).await);
    let key = manager.make_root_key("a key").await;
    endpoint.advance_clock(Duration::from_mins(1)).await;
    assert_eq!(writer.act(&format!("keys/{key}/actions/rotate")).await.status, 204);
    endpoint.advance_clock(Duration::from_millis(60_001)).await;
    assert_eq!(manager.act(&format!("keys/{key}/actions/disable")).await.status, 204);
    endpoint.advance_clock(PAST_THE_WINDOW).await;
    assert_eq!((sync_as(&writer, &key, "c-1").await, sync_as(&writer, &key, "c-1").await), (204, 204));
    assert_eq!(sync_as(manager, &key, "c-2").await, 409, "and is no event");

    let by_manager = manager_of(&endpoint, &key).await;
    let by_writer = text(&manager.get(&format!("keys/{key}/events")).await.body["resources"][0]["initiator"]);
    assert_ne!(by_writer, by_manager);
    let event = |what: &str, at: &str, by: &str, sequence: u64| json!({"eventType": what, "occurredAt": at, "initiator": by, "sequence": sequence});
    assert_eq!(
        events(manager, &key).await,
        [
            event("sync", "2027-01-15T09:03:00.001Z", &by_writer, 3),
            event("disable", "2027-01-15T08:02:00.001Z", &by_manager, 2),
            event("rotate", "2027-01-15T08:01:00Z", &by_writer, 1),
            json!({"eventType": "create", "occurredAt": "2027-01-15T08:00:00Z", "initiator": by_manager}),
        ],
        "a repeated request is the same request"
    );
}

#[tokio::test]
async fn every_action_is_an_event_and_no_other_change_is() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let key = manager.make_root_key("a key").await;
    for path in ["actions/rotate", "actions/disable", "actions/enable", "", "restore", "actions/rotate"] {
        let path = format!("keys/{key}/{path}");
        let answer = match path.strip_suffix('/') {
            Some(key) => manager.delete(key).await,
            None => manager.act(&path).await,
        };
        assert!(answer.status.is_success(), "{path}: {}", answer.body);
        endpoint.advance_clock(PAST_THE_WINDOW).await;
    }
    manager.act(&format!("keys/{key}/aliases/an-alias")).await;
    assert_eq!(sync_as(manager, "an-alias", "c-1").await, 204);
    assert_eq!(manager.act(&format!("keys/{key}/actions/enable")).await.status, 409, "it was not taken");
    let by = Some(manager_of(&endpoint, &key).await);
    let expected = ["sync", "rotate", "restore", "delete", "enable", "disable", "rotate", "create"];
    assert_eq!(who_did_what(manager, "an-alias").await, expected.map(|what| (what.to_owned(), by.clone())));
}

#[tokio::test]
async fn what_went_past_the_endpoint_is_told_while_it_is_the_last() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let key = manager.make_root_key("a key").await;
    let by = Some(manager_of(&endpoint, &key).await);
    assert_eq!(sync_past_the_endpoint(&endpoint, &key, "c-1").await.status, 204);
    let told = async || who_did_what(manager, &key).await;
    assert_eq!(told().await, [("sync".to_owned(), None), ("create".to_owned(), by.clone())]);
    assert_eq!(events(manager, &key).await[0]["sequence"], 1);

    assert_eq!(sync_as(manager, &key, "c-1").await, 204, "asked for again, through the endpoint");
    assert_eq!(told().await, [("sync".to_owned(), by.clone()), ("create".to_owned(), by.clone())]);
    endpoint.advance_clock(PAST_THE_WINDOW).await;
    assert_eq!(sync_past_the_endpoint(&endpoint, &key, "c-2").await.status, 204);
    assert_eq!(told().await.len(), 3);
    manager.act(&format!("keys/{key}/actions/rotate")).await;
    let words: Vec<_> = told().await.into_iter().map(|(what, _)| what).collect();
    assert_eq!(words, ["rotate", "sync", "create"], "of the second sync nothing is known any more");
}

#[tokio::test]
async fn an_action_that_overtakes_a_sync_is_not_taken_for_it() {
    let world = world_of(Harness::builder().env("KEYSYNC_CALLBACK_TIMEOUT", "3s")).await;
    let writer = world.harness.log_in_as(Role::Writer).await.unwrap();
    world.harness.databases().behave_next(1, Behaviour::Hang);
    let (synced, rotated) = tokio::join!(writer.sync(&world.key), async {
        world.harness.databases().wait_for(1).await;
        world.take("actions/rotate").await
    });
    assert_eq!((synced.unwrap().status.as_u16(), rotated.status.as_u16()), (204, 204));
    let manager = world.harness.iam().authenticate(&world.manager.token()).unwrap().iam_id;
    let told = events_in(&world).await;
    let told: Vec<_> =
        told.iter().map(|event| (text(&event["eventType"]), text(&event["initiator"]))).collect();
    assert_eq!(told, ["rotate", "create"].map(|what| (what.to_owned(), manager.clone())));
}

#[tokio::test]
async fn they_are_listed_by_pages() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let key = manager.make_root_key("a key").await;
    for action in ["rotate", "disable"] {
        manager.act(&format!("keys/{key}/actions/{action}")).await;
    }
    let page = manager.get(&format!("keys/{key}/events?limit=1&offset=1&totalCount=true")).await.body;
    assert_eq!(
        page["metadata"],
        json!({"collectionType": "application/vnd.ibm.kms.event+json", "collectionTotal": 1, "totalCount": 3})
    );
    assert_eq!(page["resources"][0]["eventType"], "rotate");
    let refused = manager.get(&format!("keys/{key}/events?limit=0")).await;
    assert_eq!(refusal(&refused), (400, "INVALID_FIELD_ERR"));
}

#[tokio::test]
async fn who_sees_the_key_sees_what_happened_to_it() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let key = manager.make_root_key("a key").await;
    let path = format!("keys/{key}/events");
    assert_eq!(who_did_what(&endpoint.somebody(Role::Reader).await, &key).await.len(), 1);
    assert_eq!(endpoint.somebody(Role::KeyPurge).await.get(&path).await.status, 401);

    let elsewhere = [("x-kms-key-ring", "team-a")];
    let answer = manager.call_with(Method::GET, &path, &elsewhere, None).await;
    assert_eq!(refusal(&answer), (404, "KEY_NOT_FOUND_ERR"), "of another ring");

    let iam = endpoint.harness.iam();
    let other: InstanceId = "0d4c1b1e-7a52-4f0c-9d3e-2b7f6f1c9a55".parse().unwrap();
    let instance = iam.instance(endpoint.harness.instance()).unwrap();
    iam.add_instance(Instance { id: other, ..instance });
    let who = manager_of(&endpoint, &key).await;
    let client = Client::log_in(&endpoint.harness, endpoint.harness.api_key()).await.unwrap();
    let url = format!("{}/api/v2/{path}", endpoint.harness.endpoint_url());
    for (granted, expected) in [(false, (401, "UNAUTHORIZED_ERR")), (true, (404, "KEY_NOT_FOUND_ERR"))] {
        if granted {
            iam.grant(&who, other, Role::Reader);
        }
        let request = reqwest::Client::new().get(&url).bearer_auth(client.token());
        let answer = client.send(request.header("bluemix-instance", other.to_string())).await.unwrap();
        assert_eq!(refusal(&answer), expected, "of another instance");
    }
}

#[tokio::test]
async fn time_travel_moves_what_happened() {
    let world = world().await;
    assert_eq!(world.take("actions/rotate").await.status, 204);
    world.advance_clock(PAST_THE_WINDOW).await;
    assert_eq!(world.sync().await.status, 204);
    let kept = async || -> Vec<u64> {
        let items = world.everything().await.into_iter();
        let of_events = items.filter(|item| text(&item["sk"]).starts_with("event#"));
        let mut at: Vec<_> = of_events.map(|item| item["at"].as_u64().unwrap()).collect();
        at.sort_unstable_by(|one, other| other.cmp(one));
        at
    };
    let before = kept().await;
    assert_eq!(before.len(), 2);
    world.advance_clock(PAST_THE_WINDOW).await;
    let moved: Vec<_> = before.iter().map(|at| at - 61 * 60 * 1000).collect();
    assert_eq!(kept().await, moved);

    let told: Vec<_> = events_in(&world).await.into_iter().map(|event| event["occurredAt"].clone()).collect();
    let dates: Vec<_> = moved.iter().map(|at| json!(EpochMillis::new(*at).to_string())).collect();
    assert_eq!((told.len(), &told[..2]), (3, &dates[..]));
}

#[tokio::test]
async fn a_purge_forgets_it() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let key = manager.make_root_key("a key").await;
    manager.act(&format!("keys/{key}/actions/rotate")).await;
    manager.delete(&format!("keys/{key}")).await;
    let kept = async || {
        let items = endpoint.items().await.into_iter();
        items.filter(|item| text(&item["sk"]).starts_with("event#")).count()
    };
    assert_eq!(kept().await, 2);
    endpoint.advance_clock(Duration::from_hours(5)).await;
    let purger = endpoint.somebody(Role::KeyPurge).await;
    assert_eq!(purger.delete(&format!("keys/{key}/purge")).await.status, 204);
    assert_eq!(kept().await, 0);
    assert_eq!(refusal(&manager.get(&format!("keys/{key}/events")).await), (404, "KEY_NOT_FOUND_ERR"));
}
