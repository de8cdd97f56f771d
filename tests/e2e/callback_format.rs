//! The callback as a service receives it: a signed CloudEvent
//! (docs/how-to/receive-notifications.md).

use std::time::Duration;

use keysync::domain::EpochMillis;
use keysync_testkit::services::Verdict;
use serde_json::json;

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
    let id = format!("{}:{claim}:cloud-object-storage", world.key);
    assert_eq!(received.header("content-type"), "application/cloudevents+json");
    assert_eq!(received.header("webhook-id"), id);
    assert_eq!(received.header("webhook-timestamp"), START.secs().to_string());
    assert!(received.header("webhook-signature").starts_with("v1a,"));

    let source = format!(
        "crn:v1:bluemix:public:hs-crypto:us-south:a/{}:{}:",
        world.harness.account(),
        world.harness.instance()
    );
    let event = received.event();
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
                "resourceCount": 1,
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
            let event = received[expected - 1].event();
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
    let event = received[0].event();
    assert_eq!(event["type"], "com.ibm.cloud.kms.key.rotate");
    assert_eq!(event["data"]["renotification"], false);
    assert_ne!(event["data"]["keyVersion"]["id"], world.key.as_str(), "a new version");
}
