//! `infra/template.yaml` matches the code: its table is the one that all tests run on, each role
//! allows exactly the calls of its function, the environment variables that it sets are documented
//! settings, and the functions respond to the pre-traffic check as it expects.
//!
//! `cargo task infra` has the rest: linters, rules, and the stack on an emulated AWS.

use std::{collections::BTreeSet, sync::LazyLock, time::Duration};

use keysync::domain::{KeyCrn, KeyFacts, KeyState, KeyType, KeyVersion, LifecycleAction, ResourceCrn};
use keysync_testkit::{
    dynamodb::{Call, DUE_INDEX},
    services::Behaviour,
};
use serde_json::{Value, json};

use crate::support::{HOUR, World, text, world};

/// The template. YAML tags are dropped: `!GetAtt Table.Arn` is the string `Table.Arn`.
static TEMPLATE: LazyLock<Value> =
    LazyLock::new(|| serde_saphyr::from_str(include_str!("../../infra/template.yaml")).unwrap());

fn properties(resource: &str) -> &'static Value {
    &TEMPLATE["Resources"][resource]["Properties"]
}

#[test]
fn deployed_table_matches_the_harness_table() {
    let defined: Value = serde_json::from_str(include_str!("../../infra/table.json")).unwrap();
    let mut deployed = properties("Table").as_object().unwrap().clone();
    // Protections that do not change the schema; `infra/rules` requires them.
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

/// The resource if the stack creates the table, rather than uses an existing one.
fn of_this_stack(resource: &Value) -> &Value {
    let Value::Array(condition) = resource else { return resource };
    assert_eq!((&condition[0], condition.len()), (&json!("CreatesTable"), 3));
    let existing = text(&condition[2]);
    assert!(existing.contains(":table/${ExistingTableName}"), "{existing}");
    assert_eq!(
        existing.contains("/index/"),
        text(&condition[1]).contains("/index/"),
        "the same in both cases"
    );
    &condition[1]
}

/// Every action that a function's role allows.
fn allowed_by(role: &str) -> BTreeSet<Allowed> {
    let policies = properties(role)["Policies"].as_array().unwrap();
    let statements =
        policies.iter().flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().unwrap());
    statements
        .map(|statement| statement.get("Fn::If").map_or(statement, |condition| &condition[1]))
        .flat_map(|statement| {
            assert_eq!(statement["Effect"], "Allow");
            let resource = text(of_this_stack(&statement["Resource"]));
            let actions = match &statement["Action"] {
                Value::Array(actions) => actions.iter().map(text).collect(),
                action => vec![text(action)],
            };
            actions.into_iter().map(move |action| (action, resource.clone()))
        })
        .collect()
}

/// The permissions for a call to DynamoDB. A transaction needs those of its items.
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

/// The permissions for calls that the emulated Lambda does not see: logs, traces, the secrets, and
/// optional KMS keys.
fn always_needed(logs: &str) -> BTreeSet<Allowed> {
    BTreeSet::from([
        allowed("logs:CreateLogStream", logs),
        allowed("logs:PutLogEvents", logs),
        allowed("xray:PutTraceSegments", "*"),
        allowed("xray:PutTelemetryRecords", "*"),
        allowed("secretsmanager:GetSecretValue", "SigningKeySecretArn"),
        allowed("secretsmanager:GetSecretValue", "ServiceSecretsArn"),
        allowed("kms:Decrypt", "TableKmsKeyArn"),
        allowed("kms:Decrypt", "SecretKmsKeyArn"),
    ])
}

fn needed_by(calls: &[Call], logs: &str) -> BTreeSet<Allowed> {
    assert!(!calls.is_empty(), "no calls were recorded");
    calls.iter().flat_map(needed).chain(always_needed(logs)).collect()
}

/// Asserts both directions: a missing permission fails in production only, and a superfluous one
/// only helps an attacker.
fn assert_role_allows_exactly(role: &str, needed: &BTreeSet<Allowed>) {
    let allowed = allowed_by(role);
    let missing: Vec<_> = needed.difference(&allowed).collect();
    assert!(missing.is_empty(), "{role} does not allow calls of the function: {missing:?}");
    let superfluous: Vec<_> = allowed.difference(needed).collect();
    assert!(superfluous.is_empty(), "{role} allows calls that the function does not make: {superfluous:?}");
}

#[tokio::test]
async fn sync_role_allows_exactly_its_calls() {
    let world = world().await;
    world.take("aliases/invoices").await;
    world.harness.dynamodb().proxy().take_calls().clear();
    let path = format!("/api/v2/keys/{}/actions/sync", world.key);
    for (correlation_id, status) in [("c-1", 204), ("c-1", 204), ("c-2", 409)] {
        let request = world.manager.request(http::Method::POST, &path);
        let response = world.manager.send(request.header("correlation-id", correlation_id)).await.unwrap();
        assert_eq!(response.status, status);
    }
    assert_eq!(world.manager.sync("invoices").await.unwrap().status, 409);
    assert_eq!(world.manager.sync("no-such-alias").await.unwrap().status, 404);
    world.harness.databases().behave(Behaviour::respond(503));
    world.advance_clock(HOUR + Duration::from_secs(1)).await;
    assert_eq!(world.sync().await.status, 204, "with a failing service");

    let calls = world.harness.dynamodb().proxy().calls();
    assert_role_allows_exactly("SyncRole", &needed_by(&calls, "SyncLogs.Arn"));
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

/// Publishes every kind of event, and a malformed one.
async fn all_kinds_of_events(world: &World) {
    let (events, clock) = (world.harness.events(), world.harness.clock());
    let crn: KeyCrn = facts(world, KeyState::Active).crn;
    let bucket: ResourceCrn =
        "crn:v1:bluemix:public:cloud-object-storage:global:a/abc123:8c2e:bucket:another".parse().unwrap();
    for registered in [true, false] {
        let now = clock.now().plus(Duration::from_millis(u64::from(!registered)));
        events.registration(&crn, &bucket, registered, now).processed().await;
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
        events.action(action, &facts(world, state), at).processed().await;
    }
    let callback = world.harness.object_storage().received().pop().unwrap();
    let event = callback.json();
    events.acknowledgement(&crn, &text(&event["id"]), "DEK_ENABLED", None, clock.now()).processed().await;
    events.purge(&crn, clock.now()).processed().await;
    events.publish_raw("not json").processed().await;
}

#[tokio::test]
async fn lifecycle_role_allows_exactly_its_calls() {
    let world = world().await;
    world.harness.dynamodb().lifecycle_proxy().take_calls().clear();
    all_kinds_of_events(&world).await;
    let calls = world.harness.dynamodb().lifecycle_proxy().calls();
    let mut needed = needed_by(&calls, "LifecycleLogs.Arn");
    // The emulated queue supports `SendMessage` only.
    world.harness.dead_letters().wait_for(1).await;
    assert_eq!(
        properties("Lifecycle")["Environment"]["Variables"]["KEYSYNC_DEAD_LETTER_QUEUE"],
        "MalformedEventQueue"
    );
    needed.insert(allowed("sqs:SendMessage", "MalformedEventQueue.Arn"));
    // An event source mapping uses the function's role for these (AWS Lambda developer guide,
    // Amazon SQS).
    for action in ["ReceiveMessage", "DeleteMessage", "GetQueueAttributes"] {
        needed.insert(allowed(&format!("sqs:{action}"), "EventQueue.Arn"));
    }
    assert_role_allows_exactly("LifecycleRole", &needed);
}

#[tokio::test]
async fn redeliver_role_allows_exactly_its_calls() {
    let world = world().await;
    world.harness.databases().behave(Behaviour::respond(503));
    world.sync().await;
    world.advance_clock(Duration::from_mins(2)).await;
    assert_eq!(world.redeliver().await.retrying, 1);
    world.advance_clock(24 * HOUR).await;
    assert_eq!(world.redeliver().await.failed, 1, "retries exhausted");
    let calls = world.harness.dynamodb().redeliver_proxy().calls();
    assert_role_allows_exactly("RedeliverRole", &needed_by(&calls, "RedeliverLogs.Arn"));
    assert!(calls.iter().any(|call| call.request.contains(&format!("\"IndexName\":\"{DUE_INDEX}\""))));
}

#[test]
fn template_variables_are_documented_settings() {
    let reference = include_str!("../../docs/reference/configuration.md");
    let common = &TEMPLATE["Globals"]["Function"];
    for function in [common, properties("Sync"), properties("Lifecycle"), properties("Redeliver")] {
        for name in function["Environment"]["Variables"].as_object().unwrap().keys() {
            assert!(reference.contains(&format!("### `{name}`\n")), "{name} is not a documented setting");
        }
    }
}

/// The event and the expected fields of the response of a pre-traffic check.
fn check(function: &str) -> (Value, Value) {
    let substituted = &properties("PreTraffic")["Environment"]["Variables"][function];
    let check: Value = serde_json::from_str(&text(&substituted[0])).unwrap();
    (check["event"].clone(), check["expected"].clone())
}

#[tokio::test]
async fn pre_traffic_events_get_expected_responses() {
    let world = world().await;
    let calls = world.harness.dynamodb().lifecycle_proxy().calls().len();
    let sync = world.harness.sync_function().process().unwrap();
    let (event, expected) = check("SYNC");
    let response = sync.invoke(&event).await.unwrap();
    assert_eq!(response["statusCode"], expected["statusCode"]);
    assert!(text(&response["body"]).contains("\"keys\""), "{response}");

    let (event, expected) = check("LIFECYCLE");
    let response = world.harness.lifecycle_function().invoke(&event).await.unwrap();
    assert_eq!(response, expected);
    assert_eq!(
        world.harness.dynamodb().lifecycle_proxy().calls().len(),
        calls,
        "an empty batch changes nothing"
    );

    let (event, expected) = check("REDELIVER");
    assert_eq!(expected, json!({}));
    let response = world.harness.redeliver_function().invoke(&event).await.unwrap();
    assert!(response["leased"].is_u64(), "{response}");
}
