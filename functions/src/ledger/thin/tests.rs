//! The thin client beside the SDK, over a stub of DynamoDB.

mod same_requests;

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, SystemTime},
};

use aws_credential_types::provider::{
    ProvideCredentials, SharedCredentialsProvider, error::CredentialsError, future,
};
use aws_sdk_dynamodb::config::Credentials;
use aws_smithy_async::time::{SharedTimeSource, TimeSource};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{MAX_SUSPENSION, MIN_SUSPENSION, State, signature::parse_amz_date};
use crate::{
    clock::Clock,
    ledger::{
        ClaimError, Claimed, DynamoDbClient, Ledger, LedgerError,
        stub::{CRN, SECRET, Sent, Step, Stub, TOKEN, claim, error, item},
    },
};

/// Who sent the requests: `t` for the thin client, `s` for the SDK.
fn senders(stub: &Stub) -> String {
    stub.take_sent().iter().map(|sent| if sent.is_by_sdk() { 's' } else { 't' }).collect()
}

/// The time of day.
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(Clock::system().now().get())
}

async fn claimed(ledger: &Ledger) -> bool {
    matches!(ledger.claim(&claim()).await, Ok(Claimed::Won(_)))
}

#[tokio::test]
async fn clear_outcomes_take_one_request_without_sdk() {
    let stub = Stub::with([
        Step::Respond(200, json!({"Attributes": item()})),
        error(400, "ConditionalCheckFailedException"),
    ]);
    let ledger = stub.ledger(DynamoDbClient::Thin);
    assert!(claimed(&ledger).await);
    assert!(claimed(&ledger).await, "the condition failed because of an earlier attempt of this claim");
    assert_eq!(senders(&stub), "tt");
}

#[tokio::test(start_paused = true)]
async fn sdk_makes_the_attempt_after_a_failed_one() {
    for step in [
        Step::Cut,
        Step::Hang,
        error(500, "InternalServerError"),
        error(503, "ServiceUnavailable"),
        error(400, "ProvisionedThroughputExceededException"),
        error(400, "TransactionConflictException"),
        error(400, "ReplicatedWriteConflictException"),
        Step::Checksum("1", json!({"Attributes": item()})),
        Step::Respond(200, json!("not an object")),
        Step::Respond(400, json!([])),
    ] {
        let stub = Stub::with([step.clone()]);
        let ledger = stub.ledger(DynamoDbClient::Thin);
        assert!(claimed(&ledger).await, "{step:?}");
        assert_eq!(senders(&stub), "ts", "{step:?}");
        assert!(claimed(&ledger).await);
        assert_eq!(senders(&stub), "t", "the SDK succeeded");
    }
}

#[tokio::test(start_paused = true)]
async fn damaged_item_of_another_account_looks_absent() {
    let damaged = |crn: &str| json!({"crn": {"S": crn}, "state": {"S": "none"}});
    for client in [DynamoDbClient::Thin, DynamoDbClient::Sdk] {
        let claim_finding = async |crn: String| {
            let failed = json!({"__type": "x#ConditionalCheckFailedException", "Item": damaged(&crn)});
            let stub = Stub::with(vec![Step::Respond(400, failed); 2]);
            stub.ledger(client).claim(&claim()).await
        };
        let foreign = claim_finding(CRN.replace("abc123", "other")).await;
        assert!(matches!(foreign, Ok(Claimed::Rejected(ClaimError::NotFound))), "{foreign:?}");
        let own = claim_finding(CRN.to_owned()).await;
        assert!(matches!(own, Err(LedgerError::Defect(_))), "{own:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn outage_takes_three_attempts_and_suspends() {
    for step in [Step::Cut, Step::Hang, error(500, "InternalServerError"), error(400, "ThrottlingException")]
    {
        let stub = Stub::with(vec![step.clone(); 6]);
        let ledger = stub.ledger(DynamoDbClient::Thin);
        let started = tokio::time::Instant::now();
        let failed = ledger.claim(&claim()).await.unwrap_err();
        assert!(!matches!(failed, LedgerError::Defect(_)), "{failed}");
        assert!(started.elapsed() <= Duration::from_secs(5), "{step:?}: {:?}", started.elapsed());
        assert_eq!(senders(&stub), "tss", "{step:?}");
        assert!(ledger.claim(&claim()).await.is_err());
        // Slow attempts and their random pauses can leave no time for the third.
        let senders_in_outage = senders(&stub);
        assert!(["ss", "sss"].contains(&&*senders_in_outage), "{step:?}: {senders_in_outage}");
        stub.end_outage();
        assert!(claimed(&ledger).await);
        assert!(claimed(&ledger).await);
        assert_eq!(senders(&stub), "st");
    }
}

#[tokio::test(start_paused = true)]
async fn repeated_failures_suspend_for_longer() {
    let fails = || [Step::Cut, Step::Respond(200, json!({"Attributes": item()}))];
    let stub = Stub::with(fails().into_iter().chain(fails()));
    let ledger = stub.ledger(DynamoDbClient::Thin);
    for _ in 0..4 {
        assert!(claimed(&ledger).await);
    }
    assert_eq!(senders(&stub), "tstsss", "suspended for a second, although the SDK succeeds");
    tokio::time::advance(MIN_SUSPENSION).await;
    assert!(claimed(&ledger).await);
    assert!(claimed(&ledger).await);
    assert_eq!(senders(&stub), "st");
}

#[test]
fn suspension_has_a_maximum() {
    let after = |failures| State { failures, ..State::default() }.suspension();
    assert_eq!([0, 1, 2, 3].map(after), [0, 0, 1, 2].map(Duration::from_secs));
    assert_eq!([12, u32::MAX].map(after), [MAX_SUSPENSION; 2]);
}

#[tokio::test(start_paused = true)]
async fn errors_are_those_of_the_sdk() {
    for kind in
        ["ValidationException", "AccessDeniedException", "ResourceNotFoundException", "ExpiredTokenException"]
    {
        let message = async |client| {
            let stub = Stub::with(vec![error(400, kind); 3]);
            stub.ledger(client).claim(&claim()).await.unwrap_err()
        };
        let (thin, sdk) = (message(DynamoDbClient::Thin).await, message(DynamoDbClient::Sdk).await);
        assert_eq!(thin, sdk);
        assert!(matches!(thin, LedgerError::Defect(_)) && thin.to_string().contains(kind), "{thin}");
    }
}

/// Credentials that are about to expire, others each time.
#[derive(Debug, Default)]
struct Rotated(AtomicUsize);

impl ProvideCredentials for Rotated {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let number = self.0.fetch_add(1, Ordering::SeqCst);
        let soon = now() + Duration::from_secs(1);
        let credentials = Credentials::new(format!("AKID{number}"), SECRET, None, Some(soon), "test");
        future::ProvideCredentials::ready(Ok(credentials))
    }
}

#[tokio::test]
async fn expiring_credentials_are_replaced() {
    let stub = Stub::default();
    let aws = stub.with_credentials(SharedCredentialsProvider::new(Rotated::default()));
    let ledger = Ledger::new(&aws, "keysync".to_owned()).with_client(DynamoDbClient::Thin);
    for _ in 0..3 {
        assert!(claimed(&ledger).await);
    }
    let sent = stub.take_sent();
    let keys: Vec<_> = sent
        .iter()
        .map(|sent| sent.header("authorization").split(['=', '/']).nth(1).unwrap().to_owned())
        .collect();
    assert!(sent.iter().all(|sent| !sent.is_by_sdk()));
    assert!(keys[0] != keys[1] && keys[1] != keys[2], "{keys:?}");
}

#[tokio::test]
async fn requests_have_the_time_of_the_sdk() {
    let stub = Stub::default();
    let ahead = now() + Duration::from_hours(1);
    let aws = stub.sdk_config().to_builder().time_source(SharedTimeSource::new(Fixed(ahead))).build();
    let ledger = Ledger::new(&aws, "keysync".to_owned()).with_client(DynamoDbClient::Thin);
    assert!(claimed(&ledger).await);
    assert_signed_at(&stub.take_sent()[0], ahead);
}

#[tokio::test(start_paused = true)]
async fn requests_have_the_corrected_time() {
    let ahead = now() + Duration::from_hours(1);
    let stub = Stub::with([error(400, "InvalidSignatureException"), Step::At(ahead)]);
    let ledger = stub.ledger(DynamoDbClient::Thin);
    assert!(claimed(&ledger).await);
    assert!(claimed(&ledger).await);
    let sent = stub.take_sent();
    assert_signed_at(&sent[0], now());
    assert!(!sent[2].is_by_sdk());
    assert_signed_at(&sent[2], ahead);
}

#[tokio::test(start_paused = true)]
async fn rounded_time_is_not_corrected() {
    let start = SystemTime::UNIX_EPOCH + Duration::from_hours(498_749);
    let (one, two) = (Duration::from_secs(1), Duration::from_secs(2));
    for (difference, correction) in [(one, Duration::ZERO), (two, two)] {
        let stub = Stub::with([error(400, "InvalidSignatureException"), Step::At(start + difference)]);
        let aws = stub.sdk_config().to_builder().time_source(SharedTimeSource::new(Fixed(start))).build();
        let ledger = Ledger::new(&aws, "keysync".to_owned()).with_client(DynamoDbClient::Thin);
        assert!(claimed(&ledger).await && claimed(&ledger).await);
        let sent = stub.take_sent();
        assert!(!sent[2].is_by_sdk());
        let signed_at = parse_amz_date(sent[2].header("x-amz-date")).unwrap();
        assert_eq!(signed_at, Timestamp::try_from(start + correction).unwrap());
    }
}

#[tokio::test]
async fn endpoint_with_path_is_left_to_the_sdk() {
    let stub = Stub::default();
    let aws = stub.sdk_config().to_builder().endpoint_url("http://localhost:8000/path").build();
    let ledger = Ledger::new(&aws, "keysync".to_owned()).with_client(DynamoDbClient::Thin);
    assert!(claimed(&ledger).await);
    assert_eq!(senders(&stub), "s");
}

/// Together, three attempts and their random pauses could take longer.
#[tokio::test(start_paused = true)]
async fn slow_attempts_take_at_most_five_seconds() {
    for _ in 0..20 {
        let stub = Stub::with(vec![Step::Hang; 3]);
        let started = tokio::time::Instant::now();
        assert!(stub.ledger(DynamoDbClient::Thin).claim(&claim()).await.is_err());
        assert!(started.elapsed() <= Duration::from_millis(5001), "{:?}", started.elapsed());
    }
}

fn assert_signed_at(sent: &Sent, expected: SystemTime) {
    let signed_at = parse_amz_date(sent.header("x-amz-date")).unwrap();
    let difference = signed_at.duration_since(Timestamp::try_from(expected).unwrap());
    assert!(difference.abs() < SignedDuration::from_mins(1), "{signed_at}");
}

#[derive(Debug)]
struct Fixed(SystemTime);

impl TimeSource for Fixed {
    fn now(&self) -> SystemTime {
        self.0
    }
}

#[tokio::test]
async fn missing_credentials_send_nothing() {
    let stub = Stub::default();
    let aws =
        stub.sdk_config().to_builder().credentials_provider(SharedCredentialsProvider::new(Missing)).build();
    let ledger = Ledger::new(&aws, "keysync".to_owned()).with_client(DynamoDbClient::Thin);
    assert!(matches!(ledger.claim(&claim()).await, Err(LedgerError::Unavailable(_))));
    assert_eq!(senders(&stub), "");
}

#[derive(Debug)]
struct Missing;

impl ProvideCredentials for Missing {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(Err(CredentialsError::not_loaded("none")))
    }
}

#[tokio::test]
async fn debug_output_has_no_credentials() {
    let stub = Stub::default();
    let ledger = stub.ledger(DynamoDbClient::Thin);
    assert!(claimed(&ledger).await);
    let thin = ledger.thin.as_ref().unwrap();
    let template = thin.template(&ledger.client, "keysync").await.unwrap();
    let request = template.request(b"{}".to_vec()).await.unwrap();
    for text in [format!("{ledger:?}"), format!("{request:?}")] {
        assert!(!text.contains(SECRET) && !text.contains(TOKEN), "{text}");
    }
}
