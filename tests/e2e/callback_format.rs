//! The callback as a service receives it: a signed CloudEvent
//! (docs/how-to/receive-notifications.md).

use std::time::Duration;

use keysync::domain::EpochMillis;
use keysync_testkit::services::{Received, Verdict};
use serde_json::{Value, json};

use crate::support::{HOUR, world_at};

/// 2026-11-24T05:00:00Z
const START: EpochMillis = EpochMillis::new(1_795_496_400_000);

#[tokio::test]
async fn callback_matches_the_documented_format() {
    let world = world_at(START).await;
    assert_eq!(world.sync().await.status, 204);
    let [received] = &world.harness.object_storage().received()[..] else { panic!("expected one callback") };
    assert_eq!(
        received.verdict,
        Verdict::Acted,
        "the signature is verified by an independent implementation"
    );

    let claim = world.item().await["claim"].as_str().unwrap().to_owned();
    let id = format!("{}_{claim}_cloud-object-storage", world.key);
    assert_eq!(received.header("content-type"), "application/cloudevents+json");
    assert_eq!(received.header("webhook-id"), id);
    assert_eq!(received.header("webhook-timestamp"), START.secs().to_string());
    assert!(received.header("webhook-signature").starts_with("v1a,"));

    let source = format!(
        "crn:v1:bluemix:public:hs-crypto:us-south:a/{}:{}:",
        world.harness.account(),
        world.harness.instance()
    );
    let event = received.json();
    assert_eq!(
        event,
        json!({
            "specversion": "1.0", "id": id, "source": format!("{source}:"),
            "type": "com.ibm.cloud.kms.key.create", "subject": world.key, "time": "2026-11-24T05:00:00.000Z",
            "datacontenttype": "application/json", "sequence": "00000000000000000001",
            "data": {
                "keyId": world.key, "keyCrn": format!("{source}key:{}", world.key), "keyState": 1,
                "keyVersion": {"id": world.key, "creationDate": "2026-11-24T05:00:00.000Z"},
                "eventType": "create", "renotification": true, "occurredAt": "2026-11-24T05:00:00.000Z",
                "service": "cloud-object-storage", "resourceCount": 1,
            },
        })
    );
}

#[tokio::test]
async fn every_service_receives_one_callback_with_next_sequence() {
    let world = world_at(START).await;
    for expected in 1..=3 {
        assert_eq!(world.sync().await.status, 204);
        for service in world.harness.services() {
            let received = service.received();
            assert_eq!(received.len(), expected, "{}", service.name());
            let event = received[expected - 1].json();
            assert_eq!(event["sequence"], format!("{expected:020}"));
        }
        world.advance_clock(HOUR + Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn lifecycle_action_sets_the_event_type() {
    let world = world_at(START).await;
    assert_eq!(world.take("actions/rotate").await.status, 204);
    let received = world.harness.databases().received();
    let event = received[0].json();
    assert_eq!(event["type"], "com.ibm.cloud.kms.key.rotate");
    assert_eq!(event["data"]["renotification"], false);
    assert_ne!(event["data"]["keyVersion"]["id"], world.key.as_str(), "a new version");
}

/// Each service verifies with the same public key, so a service could send on what it received.
#[tokio::test]
async fn callback_is_rejected_by_another_service() {
    let world = world_at(START).await;
    assert_eq!(world.sync().await.status, 204);
    let (storage, databases) = (world.harness.object_storage(), world.harness.databases());
    let Received { headers, body, .. } = storage.take_received().remove(0);
    let before = databases.take_received().remove(0);
    assert_eq!(before.json()["data"]["service"], databases.name());

    let callbacks = format!("{}/{}/callbacks", world.harness.services_url(), databases.name());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let response = http.post(callbacks).headers(headers).body(body).send().await.unwrap();
    assert_eq!(response.status(), 403);
    let [sent_on] = &databases.received()[..] else { panic!("expected one callback") };
    assert!(
        matches!(&sent_on.verdict, Verdict::Rejected(reason) if reason.contains("for the service `cloud-object-storage`")),
        "{:?}",
        sent_on.verdict
    );
}

/// Whatever precision and offset the instants of a lifecycle event have.
#[tokio::test]
async fn every_instant_has_three_decimals() {
    let world = world_at(START).await;
    let crn = format!(
        "crn:v1:bluemix:public:hs-crypto:us-south:a/{}:{}:key:{}",
        world.harness.account(),
        world.harness.instance(),
        world.key
    );
    let event = world.harness.events().envelope(
        "kms.secrets.rotate",
        &json!({
            "schemaVersion": 1, "keyCrn": crn, "keyType": "root", "keyState": 1, "keyRing": "default",
            "keyVersion": {"id": "v-2", "creationDate": "2026-11-24T06:00:00.123456789+01:00"},
            "occurredAt": "2026-11-24T05:00:01Z",
        }),
    );
    world.harness.events().publish_raw(&event.to_string()).processed().await;
    let received = world.harness.object_storage().received().remove(0);
    let event = received.json();
    assert_eq!(event["data"]["keyVersion"]["creationDate"], "2026-11-24T05:00:00.123Z");
    assert_eq!(instants(&event), [true; 3], "{event}");

    let path = format!("/api/v2/keys/{}/notifications", world.key);
    let status = world.manager.send(world.manager.request(http::Method::GET, &path)).await.unwrap().body;
    let found = instants(&status);
    assert_eq!(found, [true; 2], "{status}");
}

/// Whether each instant in the document has three decimals.
fn instants(document: &Value) -> Vec<bool> {
    match document {
        Value::Object(fields) => fields.values().flat_map(instants).collect(),
        Value::Array(values) => values.iter().flat_map(instants).collect(),
        Value::String(text) if text.starts_with("20") && text.contains('T') => {
            vec![
                text.len() == "2026-11-24T05:00:00.000Z".len()
                    && text.as_bytes()[19] == b'.'
                    && text.ends_with('Z'),
            ]
        }
        _ => Vec::new(),
    }
}
