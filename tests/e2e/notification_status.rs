//! `GET /api/v2/keys/{id}/notifications`: the outcome of a key's last notification, by id and by
//! alias, with one read of the table, for callers that may read the key only.

use http::Method;
use keysync_testkit::{
    Client, Response,
    iam::{Health, Identity, Policy, Role},
    services::Behaviour,
};
use serde_json::{Value, json};

use crate::support::{World, text, world};

const UNKNOWN_KEY: &str = "02fd6835-6001-4482-a892-13bd2085f75d";

async fn request(caller: &Client, method: Method, key: &str, headers: &[(&str, &str)]) -> Response {
    let request = caller.request(method, &format!("/api/v2/keys/{key}/notifications"));
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    caller.send(request).await.unwrap()
}

async fn read(caller: &Client, key: &str) -> Response {
    request(caller, Method::GET, key, &[]).await
}

fn calls(world: &World) -> Vec<String> {
    world.harness.dynamodb().proxy().take_calls().into_iter().map(|call| call.operation).collect()
}

fn statuses(response: &Response) -> Vec<(String, String)> {
    let resources = response.body["resources"].as_array().unwrap();
    resources.iter().map(|it| (text(&it["service"]), text(&it["status"]))).collect()
}

#[tokio::test]
async fn status_takes_one_read_and_none_when_rejected() {
    let world = world().await;
    world.take("aliases/invoices").await;
    calls(&world);
    for (key, expected) in [(world.key.as_str(), &["GetItem"][..]), ("invoices", &["GetItem", "GetItem"])] {
        read(&world.manager, key).await.assert_status(200);
        assert_eq!(calls(&world), expected, "{key}");
    }
    read(&world.manager, "no-such-alias").await.assert_error(404, "KEY_NOT_FOUND_ERR");
    assert_eq!(calls(&world), ["GetItem"]);
    read(&world.manager, "not%20a%20key").await.assert_error(400, "INVALID_FIELD_ERR");
    assert_eq!(calls(&world), [""; 0]);
}

#[tokio::test]
async fn services_have_their_own_statuses() {
    let world = world().await;
    let before = read(&world.manager, &world.key).await;
    assert!(statuses(&before).iter().all(|(_, status)| status == "not-notified"), "{before:?}");
    world.harness.databases().behave(Behaviour::respond(503));
    world.sync().await.assert_status(204);
    let item = world.item().await;

    let response = read(&world.manager, &world.key).await;

    let expected = [("cloud-object-storage", "delivered"), ("databases-for-postgresql", "retrying")];
    assert_eq!(
        statuses(&response),
        expected.map(|(service, status)| (service.to_owned(), status.to_owned()))
    );
    let metadata =
        json!({"collectionType": "application/vnd.ibm.kms.notification+json", "collectionTotal": 2});
    assert_eq!(response.body["metadata"], metadata);
    let (storage, databases) = (&response.body["resources"][0], &response.body["resources"][1]);
    assert_eq!((&storage["sequence"], &storage["attempts"]), (&json!(1), &json!(1)));
    assert_eq!(storage["eventType"], "create");
    assert_eq!(storage.get("nextAttempt"), None, "absent without a value");
    assert_eq!(databases["reason"], "responded with 503");
    for instant in [&storage["lastAttempt"], &databases["lastAttempt"], &databases["nextAttempt"]] {
        assert_eq!(text(instant).len(), "2026-11-24T05:00:00.000Z".len(), "always three decimals: {instant}");
    }
    assert_eq!(response.header("content-type"), "application/json");
    assert_eq!(response.header("cache-control"), "no-store");
    assert_eq!(world.item().await, item, "a read changes nothing");
}

#[tokio::test]
async fn every_reader_may_read_the_status() {
    let world = world().await;
    for role in [Role::Reader, Role::ReaderPlus, Role::Writer, Role::Manager] {
        let caller = world.harness.log_in_as(role).await.unwrap();
        assert_eq!(read(&caller, &world.key).await.status, 200, "{role:?}");
    }
    let purger = world.harness.log_in_as(Role::KeyPurge).await.unwrap();
    calls(&world);
    let rejected = read(&purger, &world.key).await;
    rejected.assert_error(401, "UNAUTHORIZED_ERR");
    assert_eq!(read(&purger, UNKNOWN_KEY).await.body, rejected.body, "reveals nothing");
    assert_eq!(calls(&world), [""; 0]);
    let title = text(&rejected.body["resources"][0]["errorMsg"]);
    assert!(title.starts_with("Unauthorized: Could not read the status of notifications: "), "{title}");
}

/// A permit to read must not become a permit to synchronize, nor the reverse.
#[tokio::test]
async fn decisions_are_cached_by_action() {
    let world = world().await;
    let reader = world.harness.log_in_as(Role::Reader).await.unwrap();
    read(&reader, &world.key).await.assert_status(200);
    reader.sync(&world.key).await.unwrap().assert_error(401, "UNAUTHORIZED_ERR");
    read(&reader, &world.key).await.assert_status(200);
    world.harness.iam().set_health(Health::Down);
    read(&reader, &world.key).await.assert_status(200);
    let writer = world.harness.log_in_as(Role::Writer).await;
    assert!(writer.is_err(), "IAM is down");
}

#[tokio::test]
async fn foreign_manager_gets_404_for_every_status() {
    let world = world().await;
    world.take("aliases/invoices").await;
    let iam = world.harness.iam();
    let (iam_id, account) = ("IBMid-outsider".to_owned(), "another0account".to_owned());
    iam.attach_policy(Policy::in_account(&iam_id, &account, Role::Manager));
    iam.add_identity(Identity { iam_id, account, api_key: "the outsider's".to_owned() });
    let outsider = Client::log_in(&world.harness, "the outsider's").await.unwrap();
    calls(&world);
    let absent = read(&outsider, UNKNOWN_KEY).await;
    absent.assert_error(404, "KEY_NOT_FOUND_ERR");
    for key in [world.key.as_str(), "invoices", "no-such-alias", UNKNOWN_KEY] {
        calls(&world);
        assert_eq!(read(&outsider, key).await.body, absent.body, "{key}");
        assert_eq!(calls(&world), ["GetItem"], "{key}");
    }
    read(&world.manager, &world.key).await.assert_status(200);
}

#[tokio::test]
async fn absent_purged_and_other_ring_get_404() {
    let world = world().await;
    read(&world.manager, UNKNOWN_KEY).await.assert_error(404, "KEY_NOT_FOUND_ERR");
    for (ring, status) in [("default", 200), ("another", 404)] {
        let response = request(&world.manager, Method::GET, &world.key, &[("x-kms-key-ring", ring)]).await;
        assert_eq!(response.status, status, "{ring}");
    }
    let crn = world.crn(&world.key);
    world.harness.events().purge(&crn, world.harness.clock().now()).processed().await;
    read(&world.manager, &world.key).await.assert_error(404, "KEY_NOT_FOUND_ERR");
}

#[tokio::test]
async fn key_without_services_has_empty_status() {
    let world = world().await;
    let (_, standard) = world.harness.sample_keys().await.unwrap();
    for key in [world.another_key().await, standard] {
        let response = read(&world.manager, &key).await;
        response.assert_status(200);
        assert_eq!(response.body["resources"], json!([]), "{key}");
    }
}

#[tokio::test]
async fn head_has_no_body_other_methods_get_405() {
    let world = world().await;
    let correlation_id = [("correlation-id", "c-7")];
    let response = request(&world.manager, Method::HEAD, &world.key, &correlation_id).await;
    response.assert_status(200);
    assert_eq!(response.body, Value::Null);
    assert_eq!(response.header("correlation-id"), "c-7");
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
        let response = request(&world.manager, method, &world.key, &correlation_id).await;
        response.assert_error(405, "METHOD_NOT_ALLOWED_ERR");
        assert_eq!((response.header("allow"), response.header("correlation-id")), ("GET, HEAD", "c-7"));
    }
}
