//! Snapshots: what a harness restores, here and in another harness.

use std::time::Duration;

use http::Method;
use keysync_testkit::{
    Client, DeliveryStatus, EpochMillis, Harness, HarnessClock, Recording, Snapshot,
    dynamodb::{Fault, Times},
    iam::{Health, Identity, Role},
    journal::{Exchange, Part, RequestFilter},
    lambda::Mode,
    secrets,
    services::{Behaviour, Condition, Verdict},
};
use serde_json::json;

use crate::harness::{STORAGE, in_process, sorted_items};

#[tokio::test]
async fn snapshot_restores_keys_services_and_window() {
    let clock = HarnessClock::set_to(EpochMillis::new(1_795_496_400_000));
    let harness = Harness::builder().mode(Mode::InProcess).clock(clock);
    let harness = harness.start().await.unwrap();
    let samples = harness.sample_keys().await.unwrap();
    let key = harness.new_key("own").alias("own").with_registration(STORAGE, "b").create().await.unwrap();
    key.delete().await.unwrap().assert_status(204);
    let (snapshot, items) = (harness.snapshot().await.unwrap(), sorted_items(&harness).await);

    harness.new_key("later").create().await.unwrap();
    harness.advance_clock(Duration::from_mins(61)).await.unwrap();
    key.sync().await.unwrap().assert_status(204);
    harness.object_storage().protect("b", "crn", "another-key");
    harness.object_storage().assert_accessible("b");
    harness.restore(&snapshot).await.unwrap();

    assert_eq!(harness.sample_keys().await.unwrap(), samples);
    harness.object_storage().assert_denied("b");
    key.sync().await.unwrap().assert_error(409, "REQ_TOO_EARLY_ERR");
    assert_ne!(sorted_items(&harness).await, items, "instants have moved with the clock");
    harness.advance_clock(Duration::from_mins(61)).await.unwrap();
    harness.manager().await.unwrap().sync("own").await.unwrap().assert_status(204);
    harness.object_storage().assert_callbacks(&key, 2); // of the deletion, and of this sync
}

#[tokio::test]
async fn snapshot_restores_callbacks_and_requests() {
    let clock = HarnessClock::set_to(EpochMillis::new(1_795_496_400_000));
    let harness = Harness::builder().mode(Mode::InProcess).clock(clock).start().await.unwrap();
    let key = harness.new_key("own").with_registration(STORAGE, "b").create().await.unwrap();
    key.delete().await.unwrap().assert_status(204);
    let deletions = RequestFilter::to(Part::Endpoint).method("DELETE").status(204);
    let callbacks = harness.object_storage().received();
    let requests = || -> Vec<String> {
        let unnumbered = |exchange: Exchange| format!("{exchange} {:?}", exchange.request);
        harness.journal().exchanges().into_iter().map(unnumbered).collect()
    };
    let (requests_then, snapshot) = (requests(), harness.snapshot().await.unwrap());

    harness.reset().await.unwrap();
    harness.journal().assert_count(&deletions, 0);
    harness.restore(&snapshot).await.unwrap();

    assert_eq!(harness.object_storage().received(), callbacks);
    assert_eq!(callbacks[0].verdict, Verdict::Acted);
    harness.journal().assert_count(&deletions, 1);
    assert_eq!(requests(), requests_then);
    assert_eq!(harness.snapshot().await.unwrap(), snapshot);
    assert!(harness.journal().next_number() > callbacks[0].number);

    harness.advance_clock(Duration::from_mins(5)).await.unwrap();
    harness.restore(&snapshot).await.unwrap();
    let moved = harness.object_storage().received()[0].at;
    assert_eq!(moved, callbacks[0].at.plus(Duration::from_mins(5)), "moved with the clock");
}

#[tokio::test]
async fn restored_requests_can_be_recorded_with_key_material() {
    let harness = in_process().await;
    let (manager, material) =
        (harness.manager().await.unwrap(), "bWF0ZXJpYWwgb2YgYSBrZXkgb2YgMzIgYnl0ZXMhISE=");
    let import = json!({"metadata": {"collectionType": "application/vnd.ibm.kms.key+json", "collectionTotal": 1},
        "resources": [{"type": "application/vnd.ibm.kms.key+json", "name": "imported", "extractable": true,
                       "payload": material}]});
    manager
        .send(manager.request(Method::POST, "/api/v2/keys").json(&import))
        .await
        .unwrap()
        .assert_status(201);
    let recording = harness.recording().unwrap();
    let file = serde_json::to_string(&harness.snapshot().await.unwrap()).unwrap();
    for secret in [harness.api_key(), &manager.token()] {
        assert!(!file.contains(secret));
    }
    harness.reset().await.unwrap();
    harness.restore(&serde_json::from_str(&file).unwrap()).await.unwrap();
    let restored: Recording = harness.recording().unwrap();
    assert_eq!(restored, recording);
}

#[tokio::test]
async fn snapshot_restores_injected_faults_and_behaviours() {
    let harness = in_process().await;
    let key = harness.new_key("own").with_registration(STORAGE, "b").create().await.unwrap();
    let storage = harness.object_storage();
    storage.behave(Behaviour::Flaky { seed: 7, percent: 50 });
    storage.behave_when(Condition::default().key(&key), Some(1), Behaviour::respond(410));
    storage.behave_next(3, Behaviour::respond(503));
    harness.dynamodb().proxy().inject_on("UpdateItem", Fault::Delay(Duration::from_millis(1)), Times::Always);
    harness.dynamodb().lifecycle_proxy().inject(Fault::Fail, Times::Nth(100));
    harness.iam().set_health(Health::Slow { millis: 1 });
    harness.iam().set_clock_ahead(Duration::from_secs(2));
    harness.secrets().fail_with(Some(secrets::Fault::Denied));
    harness.dead_letters().put("no event");
    harness.redeliver_every(Some(Duration::from_hours(1)));
    let snapshot = harness.snapshot().await.unwrap();

    harness.reset().await.unwrap();
    let snapshot_after_reset = harness.snapshot().await.unwrap();
    assert_ne!(snapshot_after_reset, snapshot);
    harness.restore(&snapshot).await.unwrap();

    let restored = serde_json::to_value(harness.snapshot().await.unwrap()).unwrap();
    let saved = serde_json::to_value(&snapshot).unwrap();
    for part in ["services", "iam", "faults", "dead_letters", "redeliver_every_millis", "public_keys"] {
        assert_eq!(restored[part], saved[part], "{part}");
    }
    key.sync().await.unwrap().assert_status(204);
    let status = key.notifications().await.unwrap().remove(0);
    assert_eq!(status.status, DeliveryStatus::Refused, "the behaviour for this key applies");
    assert_eq!(harness.dead_letters().letters()[0].event, "no event");
}

#[tokio::test]
async fn fault_of_a_closure_cannot_be_saved() {
    let harness = in_process().await;
    harness.dynamodb().proxy().inject_with(|_| None);
    let error = harness.snapshot().await.unwrap_err().to_string();
    assert!(error.contains("`clear_faults`"), "{error}");
}

#[tokio::test]
async fn snapshot_restores_identities_and_withdrawn_tokens() {
    let harness = in_process().await;
    let key = harness.new_key("own").create().await.unwrap();
    let (iam_id, api_key) = ("IBMid-reader".to_owned(), "api-key-of-a-reader".to_owned());
    harness.iam().grant(&iam_id, harness.instance(), Role::Reader);
    let account = harness.account().to_owned();
    harness.iam().add_identity(Identity { iam_id, account, api_key: api_key.clone() });
    let withdrawn = Client::log_in(&harness, &api_key).await.unwrap().token();
    harness.iam().rotate_key().unwrap();
    let both = harness.snapshot().await.unwrap();
    harness.iam().withdraw_old_keys();
    let one = harness.snapshot().await.unwrap();

    harness.restore(&both).await.unwrap();
    assert!(harness.iam().authenticate(&withdrawn).is_ok());
    harness.restore(&one).await.unwrap();
    assert!(harness.iam().authenticate(&withdrawn).is_err());

    let other = in_process().await;
    other.restore(&serde_json::from_value(json!(one)).unwrap()).await.unwrap();
    let key = other.key(key.id()).await.unwrap();
    let reader = Client::log_in(&other, &api_key).await.unwrap();
    key.by(&reader).sync().await.unwrap().assert_error(401, "UNAUTHORIZED_ERR");
    key.sync().await.unwrap().assert_status(204);
}

#[tokio::test]
async fn snapshot_restores_rotated_signing_keys() {
    let harness = in_process().await;
    let key = harness.new_key("own").with_registration(STORAGE, "b").create().await.unwrap();
    let both = harness.rotate_signing_key().await.unwrap();
    let snapshot = harness.snapshot().await.unwrap();
    harness.reset().await.unwrap();
    assert_ne!(harness.callback_public_key(), both[1]);
    harness.restore(&snapshot).await.unwrap();
    assert_eq!(harness.callback_public_key(), both[1]);
    key.sync().await.unwrap().assert_status(204);
    let received = harness.object_storage().take_received().remove(0);
    assert_eq!(received.header("webhook-signature").split(' ').count(), 2);

    let other = in_process().await;
    let own = other.callback_public_key();
    other.restore(&snapshot).await.unwrap();
    assert_eq!(other.callback_public_key(), own, "another harness keeps its own key");
}

#[tokio::test]
async fn restored_table_equals_the_saved_one() {
    let clock = HarnessClock::set_to(EpochMillis::new(1_795_496_400_000));
    let harness = Harness::builder().mode(Mode::InProcess).clock(clock);
    let harness = harness.start().await.unwrap();
    harness.sample_keys().await.unwrap();
    let key = harness.new_key("own").alias("own").with_registration(STORAGE, "b").create().await.unwrap();
    key.rotate().await.unwrap().assert_status(204);
    harness.object_storage().behave(Behaviour::respond(503));
    harness.advance_clock(Duration::from_mins(61)).await.unwrap();
    key.sync().await.unwrap().assert_status(204);
    let (snapshot, items) = (harness.snapshot().await.unwrap(), sorted_items(&harness).await);
    harness.reset().await.unwrap();
    harness.restore(&snapshot).await.unwrap();
    assert_eq!(sorted_items(&harness).await, items);
    let status = key.notifications().await.unwrap().remove(0);
    assert_eq!(status.status, DeliveryStatus::Retrying);
}

#[tokio::test]
async fn snapshot_is_restored_in_another_harness() {
    let harness = in_process().await;
    let key = harness.new_key("own").with_registration(STORAGE, "b").create().await.unwrap();
    key.delete().await.unwrap().assert_status(204);
    let file = serde_json::to_string(&harness.snapshot().await.unwrap()).unwrap();
    for secret in [harness.api_key(), &harness.manager().await.unwrap().token()] {
        assert!(!file.contains(secret));
    }

    let other = in_process().await;
    let snapshot: Snapshot = serde_json::from_str(&file).unwrap();
    other.restore(&snapshot).await.unwrap();
    let key = other.key(key.id()).await.unwrap();
    other.object_storage().assert_denied("b");
    key.sync().await.unwrap().assert_error(409, "REQ_TOO_EARLY_ERR");
    other.advance_clock(Duration::from_mins(61)).await.unwrap();
    key.sync().await.unwrap().assert_status(204);
    other.object_storage().assert_callbacks(&key, 2); // of the deletion, and of this sync
}

/// What `harness up` has printed stays valid.
#[tokio::test]
async fn reset_after_load_restores_own_sample_keys() {
    let (harness, other) = (in_process().await, in_process().await);
    let (own, foreign) = (harness.sample_keys().await.unwrap(), other.sample_keys().await.unwrap());
    harness.restore(&other.snapshot().await.unwrap()).await.unwrap();
    assert_eq!(harness.sample_keys().await.unwrap(), foreign);
    harness.restore(&in_process().await.snapshot().await.unwrap()).await.unwrap();
    harness.reset().await.unwrap();

    assert_eq!(harness.sample_keys().await.unwrap(), own);
    let key = harness.key(&own.root).await.unwrap();
    key.sync().await.unwrap().assert_status(204);
    harness.object_storage().assert_callbacks(&key, 1);
    let manager = harness.manager().await.unwrap();
    manager.sync(&foreign.root).await.unwrap().assert_error(404, "KEY_NOT_FOUND_ERR");
}

#[tokio::test]
async fn invalid_snapshot_is_rejected() {
    let valid = serde_json::to_value(in_process().await.snapshot().await.unwrap()).unwrap();
    for (pointer, value, part) in [
        ("/format", json!(1), "its format is 1, of an older harness"),
        ("/format", json!(9), "its format is 9, of a newer harness"),
        ("/format", json!(null), "no version of its format"),
        ("/origin/instance", json!("x"), "its instance"),
        ("/origin/manager", json!("IBMid-"), "its Manager"),
        ("/items", json!([{"pk": "harness", "sk": "harness"}]), "an item"),
        ("/items", json!([{"pk": "harness"}]), "an item"),
        ("/requests", json!([{"at": 1}]), "missing field"),
        ("/iam/health", json!("ill"), "unknown variant"),
        ("/redeliver_every_millis", json!(0), "nonzero"),
        ("/redeliver_every_millis", json!(1), "from 1 s to 1 day"),
        ("/samples", json!(["nope", "nope"]), "its sample keys"),
    ] {
        let mut invalid = valid.clone();
        *invalid.pointer_mut(pointer).unwrap() = value;
        let error = serde_json::from_value::<Snapshot>(invalid).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    let of_format_1 = json!({"format": 1, "at": 1, "instance": "i", "account": "a", "samples": null,
                             "items": [], "services": {}});
    let error = serde_json::from_value::<Snapshot>(of_format_1).unwrap_err().to_string();
    assert!(error.contains("save the state again"), "{error}");
}
