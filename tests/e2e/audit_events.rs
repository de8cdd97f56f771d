//! Audit events: one line per request with a known caller, with the caller, the key and the result,
//! valid against `docs/reference/audit-event.schema.json`.

use http::Method;
use keysync_testkit::{
    dynamodb::{Fault, Times},
    iam::{Health, Role},
};
use serde_json::{Value, json};

use crate::{
    binaries::binaries,
    log_lines::Lines,
    support::{World, text, world, world_of},
};

const SCHEMA: &str = include_str!("../../docs/reference/audit-event.schema.json");

/// The validator of audit events.
pub(crate) fn schema() -> jsonschema::Validator {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    jsonschema::draft202012::meta::validate(&schema).map_err(|error| error.to_string()).unwrap();
    jsonschema::draft202012::options().should_validate_formats(true).build(&schema).unwrap()
}

/// The events so far, each valid against the schema.
fn events(world: &World) -> Vec<Value> {
    let schema = schema();
    let lines = Lines::of(world.harness.sync_function().process());
    let violations = |event: &Value| {
        schema.iter_errors(event).map(|error| format!("{}: {error}", error.instance_path())).collect()
    };
    for event in lines.audit() {
        let violations: Vec<String> = violations(event);
        assert!(violations.is_empty(), "{event}: {violations:?}");
    }
    lines.audit().into_iter().cloned().collect()
}

/// The only event after the first `before` events.
fn only_since(world: &World, before: usize) -> Value {
    let mut events = events(world);
    assert_eq!(events.len(), before + 1, "{events:#?}");
    events.remove(before)
}

fn instance_crn(world: &World) -> String {
    let (account, instance) = (world.harness.account(), world.harness.instance());
    format!("crn:v1:bluemix:public:hs-crypto:us-south:a/{account}:{instance}:")
}

fn key_crn(world: &World) -> String {
    format!("{}key:{}", instance_crn(world), world.key)
}

#[test]
fn schema_accepts_its_example_only() {
    let (schema, whole) = (schema(), serde_json::from_str::<Value>(SCHEMA).unwrap());
    let example = &whole["examples"][0];
    assert!(schema.is_valid(example));
    for field in example.as_object().unwrap().keys() {
        let mut without = example.clone();
        without.as_object_mut().unwrap().remove(field);
        assert!(!schema.is_valid(&without), "without {field}");
    }
    for (pointer, invalid) in [
        ("/audit", json!(false)),
        ("/outcome", json!("failure")),
        ("/severity", json!("critical")),
        ("/reason/reasonCode", json!(409)),
        ("/eventTime", json!("2026-02-30T05:00:00Z")),
        ("/target/id", json!("02fd6835-6001-4482-a892-13bd2085f75d")),
        ("/traceId", json!("4BF92F3577B34DA6A3CE929D0E0E4736")),
        ("/initiator/credential", json!({"type": "token", "token": "eyJ"})),
        ("/requestData/requestURI", json!("/api/v2/keys")),
    ] {
        let mut event = example.clone();
        *event.pointer_mut(pointer).unwrap() = invalid;
        assert!(!schema.is_valid(&event), "{pointer}");
    }
}

#[tokio::test]
async fn accepted_sync_event_has_all_fields() {
    let world = world().await;
    let before = world.harness.clock().now();
    let path = format!("/api/v2/keys/{}/actions/sync", world.key);
    let request = || {
        let request = world.manager.request(Method::POST, &path).header("correlation-id", "c-1");
        request.header("x-kms-key-ring", "default")
    };
    world.manager.send(request()).await.unwrap().assert_status(204);
    let event = only_since(&world, 0);
    let caller = world.harness.iam().authenticate(&world.manager.token()).unwrap().iam_id;
    let time = text(&event["eventTime"]);
    assert!(time >= before.to_string() && time <= world.harness.clock().now().to_string(), "{time}");
    let log = Lines::of(world.harness.sync_function().process());
    let source = format!("{}:", instance_crn(&world));
    assert_eq!(
        event,
        json!({
            "audit": true, "eventTime": time, "action": "hs-crypto.secrets.sync", "outcome": "success",
            "severity": "normal", "reason": {"reasonCode": 204, "reasonType": "No Content"},
            "initiator": {
                "id": caller, "typeURI": "service/security/account/user", "credential": {"type": "token"},
            },
            "target": {"id": key_crn(&world), "typeURI": "hs-crypto/secrets"},
            "logSourceCRN": source, "correlationId": "c-1", "traceId": log.only("sync accepted")["trace_id"],
            "requestData": {"requestURI": path, "instanceID": world.harness.instance(), "keyRingId": "default"},
            "responseData": {"outcome": "notified", "claimId": world.item().await["claim"]},
        })
    );

    world.manager.send(request()).await.unwrap().assert_status(204);
    let replayed = only_since(&world, 1);
    assert_eq!(
        (&replayed["outcome"], &replayed["responseData"]),
        (&json!("success"), &json!({"outcome": "replayed"}))
    );
}

/// Status, reason code, severity.
type Failure = (u16, &'static str, &'static str);

fn assert_failure(event: &Value, (status, code, severity): Failure, target: &str) {
    assert_eq!((&event["outcome"], &event["severity"]), (&json!("failure"), &json!(severity)), "{event}");
    assert_eq!(event["reason"]["reasonCode"], status, "{event}");
    assert!(text(&event["reason"]["reasonForFailure"]).starts_with(&format!("{code}: ")), "{event}");
    assert_eq!((&event["responseData"], &event["target"]["id"]), (&json!({"outcome": code}), &json!(target)));
}

#[tokio::test]
async fn rejected_sync_event_has_caller_and_reason() {
    let world = world().await;
    let (key, instance) = (key_crn(&world), format!("{}:", instance_crn(&world)));
    world.sync().await.assert_status(204);
    world.sync().await.assert_status(409);
    assert_failure(&only_since(&world, 1), (409, "REQ_TOO_EARLY_ERR", "warning"), &key);

    let reader = world.harness.log_in_as(Role::Reader).await.unwrap();
    reader.sync(&world.key).await.unwrap().assert_status(401);
    let denied = only_since(&world, 2);
    assert_failure(&denied, (401, "UNAUTHORIZED_ERR", "critical"), &key);
    assert_eq!(denied["initiator"]["id"], world.harness.iam().authenticate(&reader.token()).unwrap().iam_id);
    reader.sync("an-alias").await.unwrap().assert_status(401);
    assert_failure(&only_since(&world, 3), (401, "UNAUTHORIZED_ERR", "critical"), &instance);

    world.manager.sync("an-alias").await.unwrap().assert_status(404);
    let unknown = only_since(&world, 4);
    assert_failure(&unknown, (404, "KEY_NOT_FOUND_ERR", "warning"), &instance);
    assert_eq!(unknown["requestData"]["requestURI"], "/api/v2/keys/an-alias/actions/sync");

    world.harness.dynamodb().proxy().inject(Fault::Fail, Times::Always);
    world.sync().await.assert_status(503);
    assert_failure(&only_since(&world, 5), (503, "SERVICE_UNAVAILABLE_ERR", "warning"), &key);
    world.harness.dynamodb().proxy().clear_faults();
}

#[tokio::test]
async fn iam_outage_leaves_a_failure_event() {
    let world = world().await;
    world.harness.iam().set_cache_ages(std::time::Duration::ZERO, std::time::Duration::ZERO);
    world.sync().await.assert_status(204); // caches the signing keys
    world.harness.iam().set_health(Health::Down);
    world.sync().await.assert_status(503);
    assert_failure(&only_since(&world, 1), (503, "SERVICE_UNAVAILABLE_ERR", "warning"), &key_crn(&world));
}

#[tokio::test]
async fn alias_event_names_the_key() {
    let world = world().await;
    let path = format!("/api/v2/keys/{}/aliases/invoices", world.key);
    assert!(world.manager.post(&path).await.unwrap().status.is_success());
    world.manager.sync("invoices").await.unwrap().assert_status(204);
    let event = only_since(&world, 0);
    assert_eq!(event["target"]["id"], key_crn(&world));
    assert_eq!(event["requestData"]["requestURI"], "/api/v2/keys/invoices/actions/sync");
}

#[tokio::test]
async fn unauthenticated_request_leaves_no_event() {
    let world = world().await;
    let forged = world.harness.iam().token("IBMid-unknown").signed_with_unknown_key().build().unwrap();
    for (token, status) in [("no-token", 400), (forged.as_str(), 401)] {
        world.manager.with_token(token).sync(&world.key).await.unwrap().assert_status(status);
    }
    assert_eq!(events(&world), [] as [Value; 0]);
}

#[tokio::test]
async fn log_filter_never_drops_audit_events() {
    for (filter, logged) in [("off", 0), ("error", 0), ("keysync::audit=off", 0), ("keysync=debug", 1)] {
        let world = world_of(binaries().env("KEYSYNC_LOG", filter)).await;
        world.sync().await.assert_status(204);
        only_since(&world, 0);
        let lines = Lines::of(world.harness.sync_function().process());
        let accepted = lines.log().into_iter().filter(|line| line["message"] == "sync accepted").count();
        assert_eq!(accepted, logged, "{filter}");
    }
}

#[tokio::test]
async fn kms_service_name_appears_in_event() {
    let world = world_of(binaries().env("KEYSYNC_SERVICE", "kms")).await;
    world.sync().await;
    let event = only_since(&world, 0);
    assert_eq!(
        (&event["action"], &event["target"]["typeURI"]),
        (&json!("kms.secrets.sync"), &json!("kms/secrets"))
    );
}
