//! Every operation of the control API, with valid and invalid requests.

use http::Method;
use serde_json::{Value, json};

use super::{Control, UNKNOWN_KEY};
use crate::world::text;

#[tokio::test]
async fn every_operation_matches_its_description() {
    let mut control = Control::start().await;
    assert!(text(&control.document["openapi"]).starts_with("3.1"));
    let info = control.call(Method::GET, "/_harness", "/_harness", Value::Null, 200).await;
    assert_eq!(info["endpoint"], control.harness.endpoint_url());
    let key = keys(&mut control).await;
    services(&mut control).await;
    snapshots(&mut control, &key).await;
    callbacks(&mut control, &key).await;
    faults(&mut control).await;
    journal_and_reset(&mut control, &info).await;
    assert_eq!(control.called, control.documented(), "every operation was called");
}

/// Creates a key and returns its id.
async fn keys(control: &mut Control) -> String {
    let (get, post) = (Method::GET, Method::POST);
    let keys = "/_harness/keys";
    let bucket = json!({"service": "cloud-object-storage", "resource": "b"});
    let request = json!({"name": "own", "alias": "own", "protects": [bucket]});
    let key = control.call(post.clone(), keys, keys, request.clone(), 201).await;
    control.call(post.clone(), keys, keys, request, 409).await; // the alias is taken
    control.call(post.clone(), keys, keys, json!({"name": 7}), 400).await;
    let all = control.call(get.clone(), keys, keys, Value::Null, 200).await;
    assert_eq!(
        all.as_array().unwrap().len(),
        3,
        "the sample keys and this one; the conflicting request created none"
    );

    let id = text(&key["id"]);
    let (one, path) = ("/_harness/keys/{id}", format!("/_harness/keys/{id}"));
    let found = control.call(get.clone(), one, &path, Value::Null, 200).await;
    assert_eq!(found["protects"], key["protects"]);
    control.call(get, one, &format!("/_harness/keys/{UNKNOWN_KEY}"), Value::Null, 404).await;

    let template = "/_harness/keys/{id}/registrations";
    let path = format!("/_harness/keys/{id}/registrations");
    let resource = json!({"service": "databases-for-postgresql", "resource": "d"});
    control.call(post.clone(), template, &path, resource.clone(), 201).await;
    control.call(post.clone(), template, &path, resource.clone(), 409).await;
    control.call(post, template, &format!("/_harness/keys/{UNKNOWN_KEY}/registrations"), resource, 404).await;
    id
}

async fn services(control: &mut Control) {
    let (get, put) = (Method::GET, Method::PUT);
    let services = "/_harness/services";
    let all = control.call(get.clone(), services, services, Value::Null, 200).await;
    assert_eq!(all.as_array().unwrap().len(), 2);
    let (template, path) = ("/_harness/services/{name}", "/_harness/services/cloud-object-storage");
    let storage = control.call(get.clone(), template, path, Value::Null, 200).await;
    assert_eq!(storage["resources"]["b"]["accessible"], true);
    control.call(get, template, "/_harness/services/unknown", Value::Null, 404).await;

    let template = "/_harness/services/{name}/behaviour";
    let path = "/_harness/services/cloud-object-storage/behaviour";
    for behaviour in [
        json!("act"),
        json!("ack-without-acting"),
        json!("hang"),
        json!("reset"),
        json!("act-then-reset"),
        json!("truncate-body"),
        json!({"respond": {"status": 503, "retry_after": 1}}),
        json!({"delay": {"millis": 1}}),
        json!({"redirect": {"to": "http://127.0.0.1:1"}}),
        json!({"flaky": {"seed": 1, "percent": 20}}),
        json!("act"),
    ] {
        let request = json!({"behaviour": behaviour});
        control.assert_valid(&json!({"$ref": "#/components/schemas/Behave"}), &request);
        control.call(put.clone(), template, path, request, 204).await;
    }
    for request in [
        json!({"behaviour": "hang", "when": {"key": UNKNOWN_KEY, "event_type": "delete", "renotification": true}}),
        json!({"behaviour": "hang", "when": {"key": UNKNOWN_KEY}, "times": 2}),
        json!({"in_turn": [{"respond": {"status": 503}}, "act"]}),
        json!({"behaviour": "act"}),
    ] {
        control.assert_valid(&json!({"$ref": "#/components/schemas/Behave"}), &request);
        control.call(put.clone(), template, path, request, 204).await;
    }
    for invalid in [
        json!({"behaviour": "dance"}),
        json!({}),
        json!({"in_turn": []}),
        json!({"in_turn": ["act"], "times": 2}),
        json!({"in_turn": ["act"], "behaviour": "act"}),
        json!({"behaviour": "act", "when": {"colour": "red"}}),
        json!({"behaviour": "act", "when": {"event_type": "sync"}}),
    ] {
        control.call(put.clone(), template, path, invalid, 400).await;
    }
    let unknown = "/_harness/services/unknown/behaviour";
    control.call(put, template, unknown, json!({"behaviour": "act"}), 404).await;
}

async fn callbacks(control: &mut Control, key: &str) {
    let (get, delete) = (Method::GET, Method::DELETE);
    control.harness.key(key).await.unwrap().sync().await.unwrap().assert_status(204);
    let template = "/_harness/services/{name}/callbacks";
    let path = "/_harness/services/cloud-object-storage/callbacks";
    let enough = format!("{path}?key={key}&at_least=1&within=5s");
    let callbacks = control.call(get.clone(), template, &enough, Value::Null, 200).await;
    assert_eq!(callbacks["callbacks"].as_array().unwrap().len(), 1);
    let too_many = format!("{path}?at_least=9&within=1ms");
    assert_eq!(control.call(get.clone(), template, &too_many, Value::Null, 200).await, callbacks);
    control.call(get, template, &format!("{path}?within=soon"), Value::Null, 400).await;
    control.call(delete.clone(), template, path, Value::Null, 204).await;
    control.call(delete, template, "/_harness/services/unknown/callbacks", Value::Null, 404).await;
}

async fn faults(control: &mut Control) {
    let (post, put) = (Method::POST, Method::PUT);
    for (method, path, valid, invalid) in [
        (&post, "/_harness/time", json!({"advance": "61m"}), json!({"advance": "-1h"})),
        (&put, "/_harness/redeliver/schedule", json!({"every": "30s"}), json!({"every": "1ms"})),
        (&put, "/_harness/redeliver/schedule", json!({"every": null}), json!({})),
        (&post, "/_harness/iam/rotate", json!({"withdraw": true}), json!({"withdraw": 3})),
        (&post, "/_harness/dynamodb/faults", json!({"fault": "cut", "times": 1}), json!({"fault": "fire"})),
        (&put, "/_harness/iam/health", json!({"health": {"slow": {"millis": 1}}}), json!({"health": "ill"})),
        (&put, "/_harness/iam/health", json!({"health": "up"}), json!({})),
        (&put, "/_harness/iam/clock", json!({"ahead": "0s"}), json!({"ahead": "far"})),
        (&put, "/_harness/iam/issuer", json!({"issuer": keysync_testkit::iam::ISSUER}), json!({"issuer": 7})),
    ] {
        control.call(method.clone(), path, path, valid, 204).await;
        control.call(method.clone(), path, path, invalid, 400).await;
    }
    let rotate = "/_harness/signing-key/rotate";
    for (request, count) in [(json!({}), 2), (json!({"withdraw": true}), 1)] {
        let rotated = control.call(post.clone(), rotate, rotate, request, 200).await;
        assert_eq!(rotated["public_keys"].as_array().unwrap().len(), count);
    }
    control.call(post.clone(), rotate, rotate, json!({"withdraw": 3}), 400).await;
    let faults = "/_harness/dynamodb/faults";
    control.call(Method::DELETE, faults, faults, Value::Null, 204).await;
    let tokens = "/_harness/iam/tokens";
    for roles in
        [json!({"roles": ["manager", "key-purge"]}), json!({"roles": []}), json!({"role": "reader-plus"})]
    {
        control.call(post.clone(), tokens, tokens, roles, 201).await;
    }
    for invalid in [json!({"roles": ["manager", "king"]}), json!({"role": "king"}), json!({})] {
        control.call(post.clone(), tokens, tokens, invalid, 400).await;
    }
}

async fn journal_and_reset(control: &mut Control, info: &Value) {
    let (get, post) = (Method::GET, Method::POST);
    control.call(post.clone(), "/_harness/redeliver", "/_harness/redeliver", Value::Null, 200).await;
    let requests = "/_harness/requests";
    let journal = control.call(get.clone(), requests, requests, Value::Null, 200).await;
    assert!(journal.to_string().contains("actions/sync") && !journal.to_string().contains("_harness"));
    let filter = "?to=endpoint&method=POST&path=%2Factions%2Fsync&status=204&header=host:wrong";
    let none = format!("{requests}{filter}&secrets=true");
    assert_eq!(control.call(get.clone(), requests, &none, Value::Null, 200).await, json!([]));
    let count = "/_harness/requests/count";
    for (query, expected) in [(filter, 0), ("?to=endpoint&path=%2Factions%2Fsync", 1)] {
        let counted = control.call(get.clone(), count, &format!("{count}{query}"), Value::Null, 200).await;
        assert_eq!(counted["count"], expected, "{query}");
    }
    let (request, first) = ("/_harness/requests/{number}", &journal[0]["number"]);
    let found = control.call(get.clone(), request, &format!("{requests}/{first}"), Value::Null, 200).await;
    assert_eq!(found, journal[0]);
    control.call(get.clone(), request, &format!("{requests}/999999"), Value::Null, 404).await;
    control.call(get.clone(), request, &format!("{requests}/first"), Value::Null, 400).await;
    control.call(get.clone(), requests, &format!("{requests}?last=-1"), Value::Null, 400).await;
    for invalid in ["?to=moon", "?status=soon", "?header=no-value"] {
        control.call(get.clone(), requests, &format!("{requests}{invalid}"), Value::Null, 400).await;
        control.call(get.clone(), count, &format!("{count}{invalid}"), Value::Null, 400).await;
    }
    let (recording, replay) = ("/_harness/recording", "/_harness/recording/replay");
    let recorded = control.call(get.clone(), recording, recording, Value::Null, 200).await;
    let replayed = control.call(post.clone(), replay, replay, recorded, 200).await;
    assert!(replayed["requests"].as_array().is_some_and(|requests| !requests.is_empty()));
    control.call(post.clone(), replay, replay, json!({"format": 2, "requests": []}), 400).await;
    control.call(post.clone(), replay, replay, json!({}), 400).await;
    control.call(Method::DELETE, requests, requests, Value::Null, 204).await;
    control.harness.events().publish_raw("no event").processed().await;
    let letters = "/_harness/dead-letters";
    assert_eq!(control.call(get, letters, letters, Value::Null, 200).await[0]["event"], "no event");
    let reset = control.call(post, "/_harness/reset", "/_harness/reset", Value::Null, 200).await;
    assert_eq!(reset, *info);
}

async fn snapshots(control: &mut Control, key: &str) {
    let (all, one) = ("/_harness/snapshots", "/_harness/snapshots/{name}");
    let (path, load) = ("/_harness/snapshots/own", "/_harness/snapshots/{name}/load");
    control.call(Method::POST, one, path, Value::Null, 204).await;
    assert_eq!(control.call(Method::GET, all, all, Value::Null, 200).await, json!(["own"]));
    let snapshot = control.call(Method::GET, one, path, Value::Null, 200).await;
    control.harness.reset().await.unwrap();
    control.call(Method::POST, load, &format!("{path}/load"), Value::Null, 204).await;
    let key = format!("/_harness/keys/{key}");
    control.call(Method::GET, "/_harness/keys/{id}", &key, Value::Null, 200).await;

    let other = "/_harness/snapshots/other";
    control.call(Method::PUT, one, other, snapshot.clone(), 204).await;
    let older = control.call(Method::PUT, one, other, json!({"format": 1}), 400).await;
    assert!(text(&older["error"]).contains("of an older harness"), "{older}");
    control.call(Method::PUT, one, "/_harness/snapshots/a.b", snapshot.clone(), 400).await;
    // Larger than the body of any other operation.
    let (mut large, mut request) = (snapshot.clone(), snapshot["requests"][0].clone());
    request["request"]["body"] = json!("x".repeat(3_000_000));
    large["requests"] = json!([request]);
    control.call(Method::PUT, one, other, large, 204).await;
    control.call(Method::DELETE, one, other, Value::Null, 204).await;
    for (method, template, path) in [
        (Method::GET, one, other.to_owned()),
        (Method::DELETE, one, other.to_owned()),
        (Method::POST, load, format!("{other}/load")),
    ] {
        control.call(method, template, &path, Value::Null, 404).await;
    }
}
