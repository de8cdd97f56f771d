//! `infra/template.yaml` and the code say the same: its table is the one that all tests run on, each role
//! allows what its function calls, and nothing else, and what it sets are settings that there are.
//!
//! `tests/infra` has the rest: linters, rules, and the stack on an emulated AWS.

use std::{collections::BTreeSet, sync::LazyLock, time::Duration};

use keysync::key::{KeyCrn, KeyFacts, KeyState, KeyType, KeyVersion, LifecycleAction, ResourceCrn};
use keysync_testkit::{
    dynamodb::{Call, DUE_INDEX},
    services::Behaviour,
};
use serde_json::{Value, json};

use crate::support::{HOUR, World, text, world};

/// The template. Its tags are passed over: `!GetAtt Table.Arn` is the text `Table.Arn`.
static TEMPLATE: LazyLock<Value> =
    LazyLock::new(|| serde_saphyr::from_str(include_str!("../../infra/template.yaml")).unwrap());

fn properties(resource: &str) -> &'static Value {
    &TEMPLATE["Resources"][resource]["Properties"]
}

#[test]
fn the_table_is_the_one_that_the_harness_makes() {
    let defined: Value = serde_json::from_str(include_str!("../../infra/table.json")).unwrap();
    let mut deployed = properties("Table").as_object().unwrap().clone();
    // What makes a table safer and not another one; `infra/rules` asks for it.
    for safety in ["DeletionProtectionEnabled", "PointInTimeRecoverySpecification", "SSESpecification"] {
        assert!(deployed.remove(safety).is_some(), "{safety}");
    }
    deployed.insert("TableName".to_owned(), defined["TableName"].clone());
    assert_eq!(Value::Object(deployed), defined);
}

/// An action on a resource, as a role allows it: `dynamodb:Query` on `${Table.Arn}/index/due`.
type Allowed = (String, String);

fn allowed(action: &str, resource: &str) -> Allowed {
    (action.to_owned(), resource.to_owned())
}

/// All that a function's role allows.
fn allowed_by(role: &str) -> BTreeSet<Allowed> {
    let policies = properties(role)["Policies"].as_array().unwrap();
    let statements =
        policies.iter().flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().unwrap());
    statements
        .map(|statement| statement.get("Fn::If").map_or(statement, |condition| &condition[1]))
        .flat_map(|statement| {
            assert_eq!(statement["Effect"], "Allow");
            let resource = text(&statement["Resource"]);
            let actions = match &statement["Action"] {
                Value::Array(actions) => actions.iter().map(text).collect(),
                action => vec![text(action)],
            };
            actions.into_iter().map(move |action| (action, resource.clone()))
        })
        .collect()
}

/// What a call to DynamoDB needs. A transaction needs what is in it.
fn needed(call: &Call) -> Vec<Allowed> {
    let request: Value = serde_json::from_str(&call.request).unwrap();
    if call.operation == "TransactWriteItems" {
        let items = request["TransactItems"].as_array().unwrap().iter();
        let kinds = items.flat_map(|item| item.as_object().unwrap().keys());
        return kinds.map(|kind| allowed(&format!("dynamodb:{kind}Item"), "Table.Arn")).collect();
    }
    let resource = match request.get("IndexName") {
        Some(index) => format!("${{Table.Arn}}/index/{}", text(index)),
        None => "Table.Arn".to_owned(),
    };
    vec![allowed(&format!("dynamodb:{}", call.operation), &resource)]
}

/// What a function needs beside what was seen at the wire: it logs, is traced and reads its signing key, where the
/// emulated Lambda has no part, and a key of KMS where there is one.
fn needed_anyway(logs: &str) -> BTreeSet<Allowed> {
    BTreeSet::from([
        allowed("logs:CreateLogStream", logs),
        allowed("logs:PutLogEvents", logs),
        allowed("xray:PutTraceSegments", "*"),
        allowed("xray:PutTelemetryRecords", "*"),
        allowed("secretsmanager:GetSecretValue", "SigningKeySecretArn"),
        allowed("kms:Decrypt", "TableKmsKeyArn"),
        allowed("kms:Decrypt", "SecretKmsKeyArn"),
    ])
}

fn needed_by(calls: &[Call], logs: &str) -> BTreeSet<Allowed> {
    assert!(!calls.is_empty(), "nothing was recorded");
    calls.iter().flat_map(needed).chain(needed_anyway(logs)).collect()
}

/// Both ways: what is not allowed fails in production only, and what is not needed helps nobody but a thief.
fn assert_enough_and_not_more(role: &str, needed: &BTreeSet<Allowed>) {
    let allowed = allowed_by(role);
    let missing: Vec<_> = needed.difference(&allowed).collect();
    assert!(missing.is_empty(), "{role} does not allow what the function does: {missing:?}");
    let superfluous: Vec<_> = allowed.difference(needed).collect();
    assert!(superfluous.is_empty(), "{role} allows what the function does not do: {superfluous:?}");
}

#[tokio::test]
async fn sync_may_do_what_it_does_and_no_more() {
    let world = world().await;
    world.take("aliases/invoices").await;
    world.harness.dynamodb().proxy().take_calls().clear();
    let path = format!("/api/v2/keys/{}/actions/sync", world.key);
    for (correlation_id, status) in [("c-1", 204), ("c-1", 204), ("c-2", 409)] {
        let request = world.manager.request(http::Method::POST, &path);
        let answer = world.manager.send(request.header("correlation-id", correlation_id)).await.unwrap();
        assert_eq!(answer.status, status);
    }
    assert_eq!(world.manager.sync("invoices").await.unwrap().status, 409);
    assert_eq!(world.manager.sync("no-such-alias").await.unwrap().status, 404);
    world.harness.databases().behave(Behaviour::respond(503));
    world.advance_clock(HOUR + Duration::from_secs(1)).await;
    assert_eq!(world.sync().await.status, 204, "with a service that does not take it");

    let calls = world.harness.dynamodb().proxy().calls();
    assert_enough_and_not_more("SyncRole", &needed_by(&calls, "SyncLogs.Arn"));
}

fn facts(world: &World, state: KeyState) -> KeyFacts {
    let (account, instance) = (world.harness.account(), world.harness.instance());
    let crn = format!("crn:v1:bluemix:public:hs-crypto:us-south:a/{account}:{instance}:key:{}", world.key);
    KeyFacts {
        crn: crn.parse().unwrap(),
        key_type: KeyType::Root,
        state,
        ring: "default".parse().unwrap(),
        version: KeyVersion { id: "v-1".to_owned(), created_at: world.harness.clock().now() },
    }
}

/// Publishes every kind of event, and one that cannot be read.
async fn all_kinds_of_events(world: &World) {
    let (events, clock) = (world.harness.events(), world.harness.clock());
    let crn: KeyCrn = facts(world, KeyState::Active).crn;
    let bucket: ResourceCrn =
        "crn:v1:bluemix:public:cloud-object-storage:global:a/abc123:8c2e:bucket:another".parse().unwrap();
    for registered in [true, false] {
        let now = clock.now().plus(Duration::from_millis(u64::from(!registered)));
        events.registration(&crn, &bucket, registered, now).taken().await;
    }
    let actions = [
        (LifecycleAction::Create, KeyState::Active),
        (LifecycleAction::Rotate, KeyState::Active),
        (LifecycleAction::Disable, KeyState::Suspended),
        (LifecycleAction::Enable, KeyState::Active),
        (LifecycleAction::Delete, KeyState::Destroyed),
        (LifecycleAction::Restore, KeyState::Active),
    ];
    for (n, (action, state)) in (1..).zip(actions) {
        let at = clock.now().plus(Duration::from_millis(n));
        events.action(action, &facts(world, state), at).taken().await;
    }
    let told = world.harness.object_storage().received().pop().unwrap();
    let told: Value = serde_json::from_str(&told.body).unwrap();
    events.acknowledgement(&crn, &text(&told["id"]), "DEK_ENABLED", clock.now()).taken().await;
    events.purge(&crn, clock.now()).taken().await;
    events.publish_raw("not json").taken().await;
}

#[tokio::test]
async fn lifecycle_may_do_what_it_does_and_no_more() {
    let world = world().await;
    world.harness.dynamodb().lifecycle_proxy().take_calls().clear();
    all_kinds_of_events(&world).await;
    let calls = world.harness.dynamodb().lifecycle_proxy().calls();
    let mut needed = needed_by(&calls, "LifecycleLogs.Arn");
    // The emulated queue takes nothing but `SendMessage`.
    world.harness.dead_letters().wait_for(1).await;
    assert_eq!(
        properties("Lifecycle")["Environment"]["Variables"]["KEYSYNC_DEAD_LETTER_QUEUE"],
        "BadEventQueue"
    );
    needed.insert(allowed("sqs:SendMessage", "BadEventQueue.Arn"));
    // What AWS documents that an event source mapping does by the function's role.
    for action in ["ReceiveMessage", "DeleteMessage", "GetQueueAttributes"] {
        needed.insert(allowed(&format!("sqs:{action}"), "EventQueue.Arn"));
    }
    assert_enough_and_not_more("LifecycleRole", &needed);
}

#[tokio::test]
async fn redeliver_may_do_what_it_does_and_no_more() {
    let world = world().await;
    world.harness.databases().behave(Behaviour::respond(503));
    world.sync().await;
    world.advance_clock(Duration::from_mins(2)).await;
    assert_eq!(world.redeliver().await["retrying"], json!(1));
    world.advance_clock(24 * HOUR).await;
    assert_eq!(world.redeliver().await["failed"], json!(1), "given up");
    let calls = world.harness.dynamodb().redeliver_proxy().calls();
    assert_enough_and_not_more("RedeliverRole", &needed_by(&calls, "RedeliverLogs.Arn"));
    assert!(calls.iter().any(|call| call.request.contains(&format!("\"IndexName\":\"{DUE_INDEX}\""))));
}

#[test]
fn what_it_sets_are_settings() {
    let readme = include_str!("../../README.md");
    let common = &TEMPLATE["Globals"]["Function"];
    for function in [common, properties("Sync"), properties("Lifecycle"), properties("Redeliver")] {
        for name in function["Environment"]["Variables"].as_object().unwrap().keys() {
            assert!(readme.contains(&format!("| `{name}` |")), "{name} is no setting");
        }
    }
}
