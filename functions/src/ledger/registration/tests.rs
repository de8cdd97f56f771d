//! Tests of what a change of a registration does with each stored state.

use serde_json::{Value, json};

use super::*;
use crate::ledger::{
    DynamoDbClient,
    stub::{CRN, Step, Stub, cancelled, found},
};

const CONFLICT: &str = "ConditionalCheckFailed";

/// An instance of the stub's service is registered at the instant 2.
fn change() -> RegistrationChange {
    let resource = "crn:v1:bluemix:public:cloud-object-storage:global:a/abc123:8a9bc001::";
    RegistrationChange {
        key: CRN.parse().unwrap(),
        resource: resource.parse().unwrap(),
        registered: true,
        at: EpochMillis::new(2),
    }
}

/// An item with the attributes of both the key and its registration at the instant 1.
fn stored(registered: bool, services: &Value) -> Step {
    found(&json!({
        "crn": {"S": CRN}, "registered": {"BOOL": registered}, "changed_at": {"N": "1"},
        "services": {"M": services},
    }))
}

fn absent() -> Step {
    Step::Respond(200, json!({}))
}

fn applied() -> Step {
    Step::Respond(200, json!({}))
}

/// The result, and what was written: the number of writes of each transaction.
async fn counted(
    change: &RegistrationChange,
    steps: impl IntoIterator<Item = Step>,
) -> (Result<Counted, LedgerError>, Vec<usize>) {
    let stub = Stub::with(steps);
    let counted = stub.ledger(DynamoDbClient::Sdk).count(change).await;
    let writes = |body: &Value| body["TransactItems"].as_array().map(Vec::len);
    (counted, stub.take_sent().iter().filter_map(|sent| writes(&sent.body)).collect())
}

#[tokio::test]
async fn registration_with_unknown_key_is_reported() {
    let refused = || [absent(), absent(), cancelled(&["None", CONFLICT])];
    assert_eq!(counted(&change(), refused()).await, (Ok(Counted::UnknownKey), vec![2]));
}

#[tokio::test]
async fn change_is_repeated_after_a_concurrent_one() {
    let change = change();
    let (key, again) = (|| stored(false, &json!({})), Ok(Counted::Applied));
    for (shape, first, reasons) in [
        ("the known key changed", [key(), key()], &["None", CONFLICT]),
        ("the registration changed", [absent(), absent()], &[CONFLICT, "None"]),
        ("both changed", [absent(), absent()], &[CONFLICT, CONFLICT]),
    ] {
        let steps = first.into_iter().chain([cancelled(reasons), key(), key(), applied()]);
        assert_eq!(counted(&change, steps).await, (again.clone(), vec![2, 2]), "{shape}");
    }
    let ended = RegistrationChange { registered: false, ..change };
    let steps = [absent(), absent(), cancelled(&[CONFLICT]), absent(), absent(), applied()];
    assert_eq!(counted(&ended, steps).await, (again, vec![1, 1]), "without a key");
}

#[tokio::test]
async fn count_changes_only_with_the_registration() {
    let one = json!({"cloud-object-storage": {"N": "1"}});
    let two = |registered: bool, stored: Step| {
        let change = RegistrationChange { registered, ..change() };
        let steps = [stored.clone(), stored, applied()];
        async move { counted(&change, steps).await }
    };
    let applied = |writes: usize| (Ok(Counted::Applied), vec![writes]);
    assert_eq!(two(true, stored(false, &one)).await, applied(2));
    assert_eq!(two(true, stored(true, &one)).await, applied(1), "registered already");
    assert_eq!(two(false, stored(true, &one)).await, applied(2));
    assert_eq!(two(false, stored(false, &one)).await, applied(1), "ended already");
    assert_eq!(two(false, stored(true, &json!({}))).await, applied(1), "not counted");
}

#[tokio::test]
async fn only_further_services_are_limited() {
    let services = |count: usize| {
        let names = (0..count).map(|n| (format!("service-{n}"), json!({"N": "1"})));
        Value::Object(names.collect())
    };
    let register = async |services: &Value| {
        let key = || stored(false, services);
        counted(&change(), [key(), key(), applied()]).await.0
    };
    assert_eq!(register(&services(MAX_SERVICES)).await, Ok(Counted::TooManyServices));
    assert_eq!(register(&services(MAX_SERVICES - 1)).await, Ok(Counted::Applied));
    let mut known = services(MAX_SERVICES - 1);
    known["cloud-object-storage"] = json!({"N": "1"});
    assert_eq!(register(&known).await, Ok(Counted::Applied));
}

#[tokio::test]
async fn failed_transaction_is_no_concurrent_change() {
    let failed = |step: Step| async move { counted(&change(), [absent(), absent(), step]).await.0 };
    let invalid = failed(crate::ledger::stub::error(400, "ValidationException")).await;
    assert!(matches!(&invalid, Err(LedgerError::Defect(it)) if it.contains("Validation")), "{invalid:?}");
    let cancelled = failed(cancelled(&["ItemCollectionSizeLimitExceeded", "None"])).await;
    assert!(matches!(&cancelled, Err(LedgerError::Defect(it)) if it.contains("SizeLimit")), "{cancelled:?}");
}

#[test]
fn same_or_later_change_is_included() {
    let stored = |changed_at: Option<u64>, crn: Option<&str>| Registration {
        registered: true,
        changed_at: changed_at.map(EpochMillis::new),
        crn: crn.map(|crn| crn.parse().unwrap()),
    };
    let foreign = CRN.replace("abc123", "other");
    for (changed_at, crn, expected) in [
        (Some(1), Some(CRN), false),
        (Some(2), Some(CRN), true),
        (Some(3), Some(CRN), true),
        (Some(3), None, true),
        (Some(3), Some(&*foreign), false),
        (None, Some(CRN), false),
    ] {
        assert_eq!(stored(changed_at, crn).includes(&change()), expected, "{changed_at:?} {crn:?}");
    }
}

#[test]
fn items_have_keys_of_their_own() {
    let sk = registration_sk(&change().resource);
    assert_eq!(sk, "registration#crn:v1:bluemix:public:cloud-object-storage:global:a/abc123:8a9bc001::");
    let key = item_key(&change().key, &sk);
    assert_eq!((key["sk"].as_s(), key.len()), (Ok(&sk), 2));
}

#[test]
fn distinguishes_key_condition_from_changed_registration() {
    let reasons = |codes: [&str; 2]| codes.map(str::to_owned).to_vec();
    assert!(only_key_condition_failed(&reasons(["None", CONFLICT])));
    for other in [[CONFLICT, CONFLICT], ["None", "TransactionConflict"]] {
        assert!(!only_key_condition_failed(&reasons(other)));
    }
}

#[test]
fn retries_cancelled_transaction_after_condition_or_conflict() {
    let check = |codes: [&str; 2]| check_retryable(&codes.map(str::to_owned));
    assert_eq!(check([CONFLICT, "None"]), Ok(()));
    assert_eq!(check(["TransactionConflict", CONFLICT]), Ok(()));
    assert_eq!(check(["None", "ThrottlingError"]), Err(LedgerError::Throttled));
    assert_eq!(check(["None", "TransactionConflict"]), Ok(()));
    assert!(matches!(check(["ValidationError", "None"]), Err(LedgerError::Defect(_))));
}
