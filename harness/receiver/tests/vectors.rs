//! The test vectors for receivers in all languages.
#![allow(clippy::unwrap_used, reason = "a failed setup step fails the test")]

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue};
use keysync_receiver::{DEFAULT_TOLERANCE, MAX_BODY, PublicKeyError, Verifier, sample};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    service: String,
    tolerance_seconds: u64,
    limits: Limits,
    statuses: BTreeMap<String, u16>,
    vectors: Vec<Vector>,
    configurations: Vec<Configuration>,
    key_sets: Vec<KeySet>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Limits {
    body_bytes: usize,
}

/// A list of public keys.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Configuration {
    name: String,
    why: String,
    public_keys: Vec<String>,
    expect: Value,
}

/// A key set document.
#[derive(Deserialize)]
struct KeySet {
    name: String,
    why: String,
    document: String,
    expect: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vector {
    name: String,
    why: String,
    service: String,
    public_keys: Vec<String>,
    now: u64,
    headers: BTreeMap<String, Values>,
    body: Option<String>,
    body_base64: Option<String>,
    #[serde(default)]
    padding: usize,
    expect: Value,
}

/// The value of a header, or a list of values for a duplicate header.
#[derive(Deserialize)]
#[serde(untagged)]
enum Values {
    One(String),
    Several(Vec<String>),
}

fn document() -> Document {
    serde_json::from_str(keysync_receiver::TEST_VECTORS).unwrap()
}

impl Vector {
    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, values) in &self.headers {
            let values = match values {
                Values::One(value) => std::slice::from_ref(value),
                Values::Several(values) => values,
            };
            for value in values {
                let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
                headers.append(name.parse::<HeaderName>().unwrap(), value);
            }
        }
        headers
    }

    fn body(&self) -> Vec<u8> {
        let mut body = match (&self.body, &self.body_base64) {
            (Some(text), None) => text.clone().into_bytes(),
            (None, Some(encoded)) => BASE64_STANDARD.decode(encoded).unwrap(),
            _ => panic!("{} has no body, or two", self.name),
        };
        body.resize(body.len() + self.padding, b' ');
        body
    }

    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.now)
    }

    /// This crate's result in the format of the vectors.
    fn result(&self) -> Value {
        let verifier = Verifier::new(&self.service, &self.public_keys).unwrap();
        match verifier.verify(&self.headers(), &self.body(), self.now()) {
            Ok(notification) => json!({"accepted": {
                "eventId": notification.event_id, "keyId": notification.key_id, "sequence": notification.sequence.0,
                "keyState": notification.key_state.number(), "action": notification.action.as_str(),
                "renotification": notification.renotification, "resourceCount": notification.resource_count,
            }}),
            Err(error) => {
                assert!(error.to_string().len() < 400, "the message is too long: {error}");
                json!({"rejected": error.code()})
            }
        }
    }
}

/// This crate's result for configured keys in the format of the vectors.
fn key_result(verifier: Result<Verifier, PublicKeyError>) -> Value {
    match verifier {
        Ok(verifier) => {
            verifier.verify(&sample::headers(), sample::BODY, sample::signed_at()).unwrap();
            json!("accepted")
        }
        Err(error) => match error.place() {
            Some(place) => {
                assert!(error.to_string().starts_with(&format!("public key {place} ")), "{error}");
                json!({"rejected": error.code(), "place": place})
            }
            None => json!({"rejected": error.code()}),
        },
    }
}

#[test]
fn vectors_are_accepted_or_rejected_as_expected() {
    let Document { vectors, tolerance_seconds, limits, .. } = document();
    assert_eq!(DEFAULT_TOLERANCE.as_secs(), tolerance_seconds);
    assert_eq!(MAX_BODY, limits.body_bytes);
    for vector in vectors {
        assert_eq!(vector.result(), vector.expect, "{}: {}", vector.name, vector.why);
    }
}

#[test]
fn key_lists_are_accepted_or_rejected() {
    for Configuration { name, why, public_keys, expect } in document().configurations {
        assert_eq!(key_result(Verifier::new(sample::SERVICE, public_keys)), expect, "{name}: {why}");
    }
}

#[test]
fn key_sets_are_accepted_or_rejected() {
    for KeySet { name, why, document, expect } in document().key_sets {
        assert_eq!(key_result(Verifier::from_jwks(sample::SERVICE, document)), expect, "{name}: {why}");
    }
}

#[test]
fn rejects_key_set_with_invalid_utf_8() {
    let document = [br#"{"x":""#, &b"\xff"[..], br#"","keys":[]}"#].concat();
    assert_eq!(Verifier::from_jwks(sample::SERVICE, document).err(), Some(PublicKeyError::NoKeySet));
}

#[test]
fn every_rejection_has_expected_status() {
    let Document { vectors, statuses, .. } = document();
    for vector in vectors {
        let verifier = Verifier::new(&vector.service, &vector.public_keys).unwrap();
        if let Err(error) = verifier.verify(&vector.headers(), &vector.body(), vector.now()) {
            assert_eq!(error.status().as_u16(), statuses[error.code()], "{}", error.code());
        }
    }
}

#[test]
fn every_rejection_code_has_a_vector() {
    let reasons: BTreeSet<_> = document()
        .vectors
        .iter()
        .filter_map(|it| it.expect["rejected"].as_str().map(str::to_owned))
        .collect();
    let all = [
        "body",
        "header",
        "id",
        "no-signature",
        "service",
        "signature",
        "timestamp",
        "too-large",
        "too-new",
        "too-old",
    ]
    .map(str::to_owned);
    assert_eq!(reasons, BTreeSet::from(all));
}

#[test]
fn sample_equals_golden_vector() {
    let document = document();
    let golden = &document.vectors[0];
    assert_eq!((&*document.service, &*golden.service), (sample::SERVICE, sample::SERVICE));
    assert_eq!(golden.name, "golden");
    assert_eq!(golden.headers(), sample::headers());
    assert_eq!(golden.body(), sample::BODY);
    assert_eq!(golden.now(), sample::signed_at());
    assert_eq!(golden.public_keys, [sample::PUBLIC_KEY]);
}

#[test]
fn tolerance_is_exact_to_the_millisecond() {
    let verifier = Verifier::new(sample::SERVICE, [sample::PUBLIC_KEY]).unwrap();
    let code =
        |now| verifier.verify(&sample::headers(), sample::BODY, now).map_err(|error| error.code()).err();
    let (edge, millisecond) = (sample::signed_at() + DEFAULT_TOLERANCE, Duration::from_millis(1));
    assert_eq!((code(edge), code(edge + millisecond)), (None, Some("too-old")));
    let edge = sample::signed_at() - DEFAULT_TOLERANCE;
    assert_eq!((code(edge), code(edge - millisecond)), (None, Some("too-new")));
}

#[test]
fn rejects_header_with_invalid_bytes() {
    let mut headers = sample::headers();
    headers.insert("webhook-id", HeaderValue::from_bytes(b"\xff").unwrap());
    let verifier = Verifier::new(sample::SERVICE, [sample::PUBLIC_KEY]).unwrap();
    let error = verifier.verify(&headers, sample::BODY, sample::signed_at()).unwrap_err();
    assert!(error.to_string().contains("`webhook-id` header is missing, duplicate, or not"), "{error}");
}
