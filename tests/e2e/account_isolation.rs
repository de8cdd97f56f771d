//! G10, isolation between accounts: a token of one account neither reads nor writes keys of
//! another, whatever IAM permits, and no lifecycle event moves a key into another account.
//!
//! IAM decides by the attributes of a CRN and does not know the account of an instance. A Manager
//! of a whole account is therefore permitted to synchronize a key of any instance *as if it were of
//! that account*. The claim's condition on the stored CRN stops such a caller.

use aws_sdk_dynamodb::types::AttributeValue;
use http::Method;
use keysync::{
    domain::{EventId, KeyCrn, KeyId, ResourceCrn},
    ledger::item::KEY_ITEM,
};
use keysync_testkit::{
    Client, Response,
    iam::{Identity, Policy, Role},
};
use serde_json::{Value, json};

use crate::support::{World, text, world};

const UNKNOWN_KEY: &str = "02fd6835-6001-4482-a892-13bd2085f75d";
const OTHER_ACCOUNT: &str = "another0account";
const CORRELATION_ID: &str = "the-same-request";

/// A caller of another account who is a Manager of that whole account.
async fn manager_of_another_account(world: &World) -> Client {
    let iam = world.harness.iam();
    let (iam_id, api_key) = ("IBMid-outsider".to_owned(), "the outsider's own API key".to_owned());
    iam.attach_policy(Policy::in_account(&iam_id, OTHER_ACCOUNT, Role::Manager));
    let identity = Identity { iam_id, account: OTHER_ACCOUNT.to_owned(), api_key: api_key.clone() };
    iam.add_identity(identity);
    Client::log_in(&world.harness, &api_key).await.unwrap()
}

/// A sync with a fixed correlation id, and its number of DynamoDB calls.
async fn sync(world: &World, caller: &Client, key: &str, ring: Option<&str>) -> (Response, usize) {
    let calls = || world.harness.dynamodb().proxy().calls().len();
    let before = calls();
    let request = caller.request(Method::POST, &format!("/api/v2/keys/{key}/actions/sync"));
    let request = request.header("correlation-id", CORRELATION_ID);
    let request = ring.iter().fold(request, |request, ring| request.header("x-kms-key-ring", *ring));
    let response = caller.send(request).await.unwrap();
    (response, calls() - before)
}

#[tokio::test]
async fn foreign_manager_gets_404_for_every_key() {
    let world = world().await;
    let outsider = manager_of_another_account(&world).await;
    world.take("aliases/invoices").await;
    let synced = world.another_key().await;
    assert_eq!(sync(&world, &world.manager, &synced, None).await.0.status, 204);
    let deleted = world.another_key().await;
    let path = format!("/api/v2/keys/{deleted}?force=true");
    world.manager.send(world.manager.request(Method::DELETE, &path)).await.unwrap().assert_status(204);
    let standard = world.harness.sample_keys().await.unwrap().standard;
    let before = world.all_items().await;

    let (absent, calls) = sync(&world, &outsider, UNKNOWN_KEY, None).await;
    absent.assert_error(404, "KEY_NOT_FOUND_ERR");
    assert_eq!(calls, 1);
    for (key, ring) in [
        (world.key.as_str(), None),
        (&world.key, Some("default")),
        (&world.key, Some("no-such-ring")),
        (&synced, None), // not 409, and not the owner's 204 to a repeated request
        (&deleted, None),
        (&standard, None),
        ("invoices", None),
        ("no-such-alias", None),
    ] {
        let (response, calls) = sync(&world, &outsider, key, ring).await;
        let shape = |response: &Response| (response.status, response.body.clone());
        assert_eq!(shape(&response), shape(&absent), "{key} in key ring {ring:?}");
        assert_eq!(calls, 1, "{key} in key ring {ring:?}");
    }
    assert_eq!(world.all_items().await, before);
    assert_eq!(sync(&world, &world.manager, "invoices", None).await.0.status, 204, "the owner's request");
}

/// Even an item that a defect damaged is absent for the caller of another account.
#[tokio::test]
async fn foreign_manager_gets_404_for_damaged_item() {
    let world = world().await;
    let outsider = manager_of_another_account(&world).await;
    let client = world.harness.dynamodb().client();
    let update = client.update_item().table_name(world.harness.table());
    let pk = format!("{}#{}", world.harness.instance(), world.key);
    let update = update.key("pk", AttributeValue::S(pk)).key("sk", AttributeValue::S(KEY_ITEM.to_owned()));
    let update = update.update_expression("SET #version = :damaged");
    let update = update.expression_attribute_names("#version", "version");
    update.expression_attribute_values(":damaged", AttributeValue::Bool(true)).send().await.unwrap();
    let path = format!("/api/v2/keys/{}/notifications", world.key);
    for (caller, status) in [(&outsider, 404), (&world.manager, 500)] {
        assert_eq!(sync(&world, caller, &world.key, None).await.0.status, status);
        let read = caller.send(caller.request(Method::GET, &path)).await.unwrap();
        assert_eq!(read.status, status);
    }
}

/// An identity may act in several accounts; its token names one.
#[tokio::test]
async fn owner_acting_in_another_account_gets_no_replay() {
    let world = world().await;
    assert_eq!(sync(&world, &world.manager, &world.key, None).await.0.status, 204);
    assert_eq!(sync(&world, &world.manager, &world.key, None).await.0.status, 204, "a replay");
    let owner = world.harness.iam().authenticate(&world.manager.token()).unwrap().iam_id;
    world.harness.iam().attach_policy(Policy::in_account(&owner, OTHER_ACCOUNT, Role::Manager));
    let account = json!({"valid": true, "bss": OTHER_ACCOUNT});
    let token = world.harness.iam().token(&owner).claim("account", account).build().unwrap();
    let other_account = world.manager.with_token(&token);
    sync(&world, &other_account, &world.key, None).await.0.assert_error(404, "KEY_NOT_FOUND_ERR");
}

/// The key's CRN with another account, service or region.
fn other_crns(world: &World, key: &str) -> [KeyCrn; 3] {
    let (account, instance) = (world.harness.account(), world.harness.instance());
    let crn = |service: &str, region: &str, account: &str| {
        format!("crn:v1:bluemix:public:{service}:{region}:a/{account}:{instance}:key:{key}").parse().unwrap()
    };
    [
        crn("hs-crypto", "us-south", OTHER_ACCOUNT),
        crn("kms", "us-south", account),
        crn("hs-crypto", "eu-de", account),
    ]
}

/// An event of `kind` about the key, with the fields of every kind.
fn event(world: &World, kind: &str, key: &KeyCrn, claim: &Value) -> String {
    let service = "cloud-object-storage".parse().unwrap();
    let claim = serde_json::from_value(claim.clone()).unwrap();
    let detail = json!({
        "schemaVersion": 1, "keyCrn": key, "occurredAt": world.harness.clock().now().to_string(),
        "keyType": "root", "keyState": if kind == "kms.secrets.delete" { 5 } else { 1 },
        "keyVersion": {"id": "v-1", "creationDate": "2026-11-24T05:00:00Z"},
        "resourceCrn": bucket("invoices"),
        "eventId": EventId { key: key.key, claim, service }.to_string(), "adopterKeyState": "DEK_ACTIVE",
    });
    world.harness.events().envelope(kind, &detail).to_string()
}

fn bucket(name: &str) -> ResourceCrn {
    let crn = format!("crn:v1:bluemix:public:cloud-object-storage:global:a/abc123:8c2e:bucket:{name}");
    crn.parse().unwrap()
}

#[tokio::test]
async fn event_with_another_crn_is_malformed() {
    let world = world().await;
    world.sync().await.assert_status(204);
    let claim = world.item().await["claim"].clone();
    let registered = world.harness.clock().now();
    let owned = world.crn(&world.key);
    world.harness.events().registration(&owned, &bucket("registered"), true, registered).processed().await;
    let before = world.all_items().await;
    let mut count = 0;
    for kind in [
        "kms.secrets.create",
        "kms.secrets.delete",
        "kms.secrets.rotate",
        "kms.secrets.purge",
        "kms.registrations.create",
        "kms.registrations.delete",
        "kms.secrets-event.ack",
    ] {
        for crn in other_crns(&world, &world.key) {
            let event = event(&world, kind, &crn, &claim);
            world.harness.events().publish_raw(&event).processed().await;
            count += 1;
            let letters = world.harness.dead_letters().letters();
            assert_eq!(letters.len(), count, "{kind} {crn} is malformed");
            let letter = &letters[count - 1];
            assert_eq!(letter.event, event);
            let reason = "detail.keyCrn must have the account, service and region of the stored key";
            assert!(letter.reason.starts_with(reason), "{kind} {crn}: {}", letter.reason);
        }
    }
    assert_eq!(world.all_items().await, before);

    // With the key's own CRN, each of these events is valid.
    for kind in ["kms.secrets-event.ack", "kms.registrations.create", "kms.secrets.delete"] {
        let event = event(&world, kind, &owned, &claim);
        world.harness.events().publish_raw(&event).processed().await;
    }
    assert_eq!(world.harness.dead_letters().letters().len(), count);
    assert_eq!(world.item().await["state"], 5);
}

/// A key from an event source of another service or region is unknown to the sync API.
#[tokio::test]
async fn key_of_another_region_or_service_is_absent() {
    let world = world().await;
    let owner = world.harness.iam().authenticate(&world.manager.token()).unwrap().iam_id;
    world.harness.iam().attach_policy(Policy::in_account(&owner, world.harness.account(), Role::Manager));
    for index in 0..3 {
        let key = KeyId::random().to_string();
        let crn = other_crns(&world, &key)[index].clone();
        let event = event(&world, "kms.secrets.create", &crn, &json!("019aaf60-0000-7000-8000-000000000001"));
        world.harness.events().publish_raw(&event).processed().await;
        assert_eq!(text(&world.item_of(&key).await["crn"]), crn.to_string());
        let (response, calls) = sync(&world, &world.manager, &key, None).await;
        response.assert_error(404, "KEY_NOT_FOUND_ERR");
        assert_eq!(calls, 1, "{crn}");
    }
}

/// A deregistration that precedes its key is stored under the CRN of its event.
#[tokio::test]
async fn deregistration_in_another_account_hides_no_registration() {
    let world = world().await;
    let key = KeyId::random().to_string();
    let (events, now) = (world.harness.events(), world.harness.clock().now());
    events.registration(&other_crns(&world, &key)[0], &bucket("invoices"), false, now).processed().await;
    let own = world.crn(&key);
    let claim = json!("019aaf60-0000-7000-8000-000000000001");
    events.publish_raw(&event(&world, "kms.secrets.create", &own, &claim)).processed().await;
    let before = now.minus(std::time::Duration::from_secs(1));
    events.registration(&own, &bucket("invoices"), true, before).processed().await;
    assert_eq!(world.item_of(&key).await["services"]["cloud-object-storage"], 1);
    assert!(world.harness.dead_letters().letters().is_empty());
}
