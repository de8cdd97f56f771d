//! Responses, and items compared with what the SDK and `serde_dynamo` read.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

use super::*;

/// A key's item with every attribute that a write stores.
fn item() -> Value {
    let services =
        || json!({"M": {"cloud-object-storage": {"N": "12"}, "databases-for-postgresql": {"N": "1"}}});
    let claim = "019aaf60-0000-7000-8000-000000000001";
    let notified = || {
        json!({"M": {
            "claim": {"S": claim}, "sequence": {"N": "7"}, "at": {"N": "1795496400000"}, "action": {"S": "delete"},
        }})
    };
    json!({
        "pk": {"S": "5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11#02fd6835-6001-4482-a892-13bd2085f75d"}, "sk": {"S": "key"},
        "crn": {"S": "crn:v1:bluemix:public:hs-crypto:us-south:a/abc123:5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11:key:02fd6835-6001-4482-a892-13bd2085f75d"},
        "key_type": {"S": "root"}, "state": {"N": "5"}, "ring": {"S": "default"},
        "version": {"M": {"id": {"S": "02fd6835-6001-4482-a892-13bd2085f75d"}, "created_at": {"N": "1793491200000"}}},
        "event": {"M": {"action": {"S": "delete"}, "at": {"N": "1795482000000"}}},
        "notified_at": {"N": "1795496400000"}, "claim": {"S": claim}, "lease": {"S": claim},
        "correlation_id": {"S": "c-\"1"}, "caller": {"S": "IBMid-1"}, "sequence": {"N": "7"},
        "services": services(), "pending": services(),
        "retries": {"M": {"databases-for-postgresql": {"M": {"attempts": {"N": "1"}, "next_at": {"N": "1795496460000"}}}}},
        "outcome": {"M": {"cloud-object-storage": {"M": {
            "event_id": {"S": "e"}, "status": {"S": "retrying"}, "at": {"N": "1"}, "attempts": {"N": "2"},
            "reason": {"S": "responded \u{e9} \"500\"\n"},
        }}}},
        "acknowledged": {"M": {"cloud-object-storage": {"M": {
            "settled": {"L": [{"N": "5"}]}, "sequence": {"N": "6"}, "first_at": {"N": "1795490000000"},
            "counted": {"M": {
                "at": {"N": "1795490000001"}, "key_state": {"S": "DEK_DISABLED"},
                "resource": {"S": "crn:v1:bluemix:public:cloud-object-storage:global:a/abc123:8c2e:bucket:b"},
            }},
        }}}},
        "deadline": {"M": {
            "notification": notified(), "services": {"L": [{"S": "cloud-object-storage"}]},
            "checked": {"BOOL": false}, "older": {"M": {"databases-for-postgresql": notified()}},
        }},
        "replay": {"M": {
            "claim": {"S": claim}, "at": {"N": "1795496400500"}, "services": {"L": [{"S": "cloud-object-storage"}]},
            "operator": {"S": "o"}, "reason": {"S": "r"},
        }},
        "due_shard": {"N": "1"}, "due_at": {"N": "1795496460000"},
        "unknown": {"BS": ["AA=="]}, "nothing": {"NULL": true},
    })
}

/// The value as the SDK reads it.
fn attribute(value: &Value) -> AttributeValue {
    let (kind, value) = value.as_object().unwrap().iter().next().unwrap();
    let text = || value.as_str().unwrap().to_owned();
    match kind.as_str() {
        "S" => AttributeValue::S(text()),
        "N" => AttributeValue::N(text()),
        "BOOL" => AttributeValue::Bool(value.as_bool().unwrap()),
        "L" => AttributeValue::L(value.as_array().unwrap().iter().map(attribute).collect()),
        "M" => AttributeValue::M(attributes(value)),
        _ => AttributeValue::Null(true),
    }
}

fn attributes(item: &Value) -> HashMap<String, AttributeValue> {
    item.as_object().unwrap().iter().map(|(name, value)| (name.clone(), attribute(value))).collect()
}

/// The item as `serde_dynamo` reads it, which must be as [`KeyRecord::read`] does.
fn through_the_sdk(item: &Value) -> Result<KeyRecord, serde_dynamo::Error> {
    let expected = serde_dynamo::from_item(attributes(item));
    match (&expected, KeyRecord::read(attributes(item))) {
        (Ok(expected), Ok(found)) => assert_eq!(format!("{found:?}"), format!("{expected:?}")),
        (Err(_), found) => assert!(found.is_err(), "{found:?}"),
        (Ok(expected), Err(error)) => panic!("{error} for {expected:?}"),
    }
    expected
}

fn read(status: u16, body: &Value) -> Result<Response, Undecided> {
    let body = body.to_string();
    Response::read(status, Some(&crc32fast::hash(body.as_bytes()).to_string()), body.as_bytes())
}

fn error(kind: &str) -> Value {
    json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{kind}"), "message": "m", "Item": item()})
}

#[test]
fn item_reads_as_through_the_sdk() {
    let expected = format!("{:?}", through_the_sdk(&item()).unwrap());
    let Ok(Response::Written(Some(key))) = read(200, &json!({"Attributes": item()})) else { panic!() };
    assert_eq!(format!("{key:?}"), expected);
    let Ok(Response::ConditionFailed(Some(key))) = read(400, &error(CONDITION_FAILED)) else { panic!() };
    assert_eq!(format!("{key:?}"), expected);
}

#[test]
fn every_removed_attribute_reads_as_through_the_sdk() {
    for name in item().as_object().unwrap().keys() {
        let mut item = item();
        item.as_object_mut().unwrap().remove(name);
        let expected = through_the_sdk(&item).map(|key| format!("{key:?}"));
        match (read(200, &json!({"Attributes": item})), expected) {
            (Ok(Response::Written(Some(key))), Ok(expected)) => {
                assert_eq!(format!("{key:?}"), expected, "{name}");
            }
            (Err(Undecided::InvalidResponse), Err(_)) => {}
            (found, expected) => panic!("{name}: {found:?}, {expected:?}"),
        }
    }
}

#[test]
fn absent_item_is_none() {
    assert!(matches!(read(200, &json!({})), Ok(Response::Written(None))));
    let absent = json!({"__type": "x#ConditionalCheckFailedException", "Message": "m"});
    assert!(matches!(read(400, &absent), Ok(Response::ConditionFailed(None))));
}

#[test]
fn other_errors_have_no_clear_outcome() {
    for (kind, expected) in [
        ("TransactionConflictException", Undecided::Conflict),
        ("ReplicatedWriteConflictException", Undecided::Conflict),
        ("ProvisionedThroughputExceededException", Undecided::Throttled),
        ("ThrottlingException", Undecided::Throttled),
        ("RequestLimitExceeded", Undecided::Throttled),
        ("ValidationException", Undecided::OtherError),
        ("ExpiredTokenException", Undecided::OtherError),
        ("InvalidSignatureException", Undecided::OtherError),
    ] {
        assert_eq!(read(400, &error(kind)).unwrap_err(), expected, "{kind}");
    }
    assert_eq!(read(500, &error(CONDITION_FAILED)).unwrap_err(), Undecided::OtherError);
    assert_eq!(read(302, &json!({})).unwrap_err(), Undecided::OtherError);
}

#[test]
fn damaged_response_has_no_clear_outcome() {
    let body = json!({"Attributes": item()}).to_string();
    let read = |checksum, body: &str| Response::read(200, checksum, body.as_bytes()).map(drop);
    assert_eq!(read(None, &body), Ok(()), "the checksum is optional");
    for checksum in ["1", "", "-1"] {
        assert_eq!(read(Some(checksum), &body), Err(Undecided::InvalidResponse), "{checksum}");
    }
    for damaged in ["", "{", "[]x", &body[..body.len() - 1], r#"{"Attributes":{"crn":{"S":1}}}"#] {
        assert_eq!(read(None, damaged), Err(Undecided::InvalidResponse), "{damaged}");
    }
}

#[test]
fn value_with_two_types_or_none_is_invalid() {
    for value in [
        json!({}),
        json!({"N": "5", "S": "5"}),
        json!("5"),
        json!({"N": 5}),
        json!({"N": "-1"}),
        json!({"X": "5"}),
    ] {
        let mut item = item();
        item["state"] = value.clone();
        assert_eq!(
            read(200, &json!({"Attributes": item})).unwrap_err(),
            Undecided::InvalidResponse,
            "{value}"
        );
    }
}

#[test]
fn longer_wait_only_if_throttled() {
    for reason in
        [Undecided::NoResponse, Undecided::TimedOut, Undecided::OtherError, Undecided::InvalidResponse]
    {
        assert!(reason.wait() <= WAIT, "{reason:?}");
    }
    assert!(Undecided::Throttled.wait() <= WAIT_IF_THROTTLED);
    assert!(Undecided::Conflict.wait() >= std::time::Duration::from_millis(20));
}

#[test]
fn wait_depends_on_the_reason() {
    let waits = |reason: Undecided| (0..200).map(|_| reason.wait()).collect::<Vec<_>>();
    let [short, throttled, conflict] =
        [Undecided::NoResponse, Undecided::Throttled, Undecided::Conflict].map(waits);
    assert!(short.iter().all(|wait| *wait < WAIT));
    // Of 200 waits below one second, one is above 50 ms.
    assert!(
        throttled.iter().any(|wait| *wait > WAIT) && throttled.iter().all(|wait| *wait < WAIT_IF_THROTTLED)
    );
    assert!(conflict.iter().all(|wait| *wait >= Duration::from_millis(20)));
}

#[test]
fn reasons_for_the_log_differ() {
    let reasons = [
        Undecided::NoCredentials,
        Undecided::NoResponse,
        Undecided::TimedOut,
        Undecided::Throttled,
        Undecided::Conflict,
        Undecided::OtherError,
        Undecided::InvalidResponse,
    ];
    let texts: std::collections::BTreeSet<_> = reasons.into_iter().map(Undecided::as_str).collect();
    assert_eq!(texts.len(), reasons.len());
}

#[test]
fn body_of_1_mb_is_read() {
    let received = |bytes: usize| {
        let body = format!("{{}}{}", " ".repeat(bytes - 2));
        let response = HttpResponse::new(200.try_into().unwrap(), body.into());
        Response::receive(Ok(response))
    };
    assert!(matches!(received(1_048_576), Ok(Response::Written(None))));
    assert!(matches!(received(1_048_577), Err(Undecided::InvalidResponse)));
}
