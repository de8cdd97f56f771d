//! The thin client sends what the SDK sends, for every shape of a claim and a confirmation.

use std::{collections::BTreeMap, time::Duration};

use serde_json::json;

use crate::{
    domain::{EpochMillis, ServiceName},
    ledger::{
        ClaimRequest, Deadline, DynamoDbClient, Ledger, Notification, Settled, Settlement,
        item::{Outcome, OutcomeStatus, Replay, Retry, tests::notification},
        stub::{Sent, Step, Stub, claim},
    },
};

/// The headers that are the same in both requests, apart from the time and the signature.
const SAME_HEADERS: [&str; 3] = ["content-type", "x-amz-target", "x-amz-security-token"];

/// What both clients send for `write`.
async fn sent_by_both(write: impl AsyncFn(&Ledger)) -> [Vec<Sent>; 2] {
    let send = async |client| {
        let stub = Stub::with(vec![Step::Respond(200, json!({})); 3]);
        write(&stub.ledger(client)).await;
        stub.take_sent()
    };
    [send(DynamoDbClient::Thin).await, send(DynamoDbClient::Sdk).await]
}

async fn assert_same(shape: &str, write: impl AsyncFn(&Ledger)) {
    let [thin, sdk] = sent_by_both(write).await;
    assert!(!sdk.is_empty() && thin.len() == sdk.len(), "{shape}");
    for (thin, sdk) in thin.iter().zip(&sdk) {
        assert!(!thin.is_by_sdk() && sdk.is_by_sdk(), "{shape}");
        assert_eq!((&thin.body, &thin.uri), (&sdk.body, &sdk.uri), "{shape}");
        for name in SAME_HEADERS {
            assert_eq!(thin.header(name), sdk.header(name), "{shape}: {name}");
        }
        // The SDK leaves this one to the HTTP client.
        assert_eq!(thin.header("host"), "dynamodb.eu-de.amazonaws.com", "{shape}");
        let scope = |sent: &Sent| sent.header("authorization").split(',').next().unwrap().to_owned();
        assert_eq!(scope(thin), scope(sdk), "{shape}");
    }
}

#[tokio::test]
async fn claims_are_the_same() {
    for (shape, ring) in [("without key ring", None), ("with key ring", "default".parse().ok())] {
        let request = ClaimRequest { ring, ..claim() };
        assert_same(shape, async |ledger| drop(ledger.claim(&request).await)).await;
    }
}

fn service(name: &str) -> ServiceName {
    name.parse().unwrap()
}

fn settlement(status: OutcomeStatus, reason: Option<&str>, retry: Option<Retry>) -> Settlement {
    let outcome = Outcome {
        event_id: "e".to_owned(),
        status,
        at: EpochMillis::new(1_795_496_400_123),
        attempts: 2,
        reason: reason.map(str::to_owned),
    };
    Settlement { outcome: Some(outcome), retry }
}

/// Every kind of settlement, by shape.
fn settlements() -> Vec<(&'static str, Settled)> {
    let retry = || Some(Retry { attempts: 2, next_at: EpochMillis::new(1_795_496_460_000) });
    let storage = || service("cloud-object-storage");
    let one = |settlement| BTreeMap::from([(storage(), settlement)]);
    vec![
        ("nothing", Settled::new()),
        ("delivered", one(settlement(OutcomeStatus::Delivered, None, None))),
        ("refused", one(settlement(OutcomeStatus::Refused, None, None))),
        ("failed", one(settlement(OutcomeStatus::Failed, Some("responded with \"500\"\n\u{1f600}"), None))),
        ("retrying", one(settlement(OutcomeStatus::Retrying, Some("timed out"), retry()))),
        ("not attempted", one(Settlement { outcome: None, retry: retry() })),
        (
            "two services",
            BTreeMap::from([
                (storage(), settlement(OutcomeStatus::Delivered, None, None)),
                (service("databases-for-postgresql"), settlement(OutcomeStatus::Delivered, None, None)),
            ]),
        ),
        (
            "two writes",
            (0..33)
                .map(|n| (service(&format!("service-{n}")), settlement(OutcomeStatus::Delivered, None, None)))
                .collect(),
        ),
    ]
}

#[tokio::test]
async fn confirmations_are_the_same() {
    let replayed = || {
        let mut notification = notification();
        let claim = notification.claim;
        let replay = json!({"claim": claim, "at": 1_795_496_400_500_u64, "services": ["cloud-object-storage"], "operator": "o", "reason": "r"});
        notification.key.replay = serde_json::from_value::<Replay>(replay).ok();
        assert!(notification.key.replay.is_some());
        notification
    };
    for (kind, notification) in
        [("claimed", notification()), ("replayed", replayed()), ("owed", with_older_deadline())]
    {
        let at = notification.at;
        let mut deadlines = vec![None, notification.key.deadline.clone()];
        deadlines.push(Deadline::after(&notification, at, |_| true));
        if let Some(mut checked) = deadlines[2].clone() {
            checked.check(&notification.key, at.plus(Duration::from_hours(5))).unwrap();
            deadlines.push(Some(checked));
        }
        for (shape, settled) in settlements() {
            for deadline in &deadlines {
                let write = async |ledger: &Ledger| {
                    ledger.confirm(&notification, &settled, deadline.as_ref()).await.unwrap();
                };
                assert_same(&format!("{kind}, {shape}, {deadline:?}"), write).await;
            }
        }
    }
}

/// A notification of a key whose services have not acknowledged an older one, with the
/// acknowledgement of a service that is gone.
fn with_older_deadline() -> Notification {
    let mut notification = notification();
    let older = json!({
        "claim": "019aaf60-0000-7000-8000-000000000009", "sequence": 6, "at": 1_795_490_000_000_u64,
        "action": "rotate",
    });
    let deadline = json!({
        "notification": older, "services": ["cloud-object-storage"], "checked": false,
        "older": {"databases-for-postgresql": older},
    });
    notification.key.deadline = serde_json::from_value(deadline).unwrap();
    let gone = json!({
        "settled": [5], "sequence": 6, "first_at": 1_795_490_000_000_u64,
        "counted": {"at": 1_795_490_000_000_u64, "key_state": "DEK_DISABLED"},
    });
    notification.key.acknowledged.insert(service("gone"), serde_json::from_value(gone).unwrap());
    notification
}

#[tokio::test]
async fn both_read_the_same_notification() {
    let read = async |client| {
        let stub = Stub::default();
        let claimed = stub.ledger(client).claim(&claim()).await.unwrap();
        format!("{claimed:?}")
    };
    assert_eq!(read(DynamoDbClient::Thin).await, read(DynamoDbClient::Sdk).await);
}
