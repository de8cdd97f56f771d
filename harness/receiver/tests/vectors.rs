//! The test vectors that receivers in all languages are held to.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use http::{HeaderMap, HeaderName, HeaderValue};
use keysync_receiver::{DEFAULT_TOLERANCE, Verifier, sample};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vectors {
    tolerance_seconds: u64,
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vector {
    name: String,
    why: String,
    public_keys: Vec<String>,
    now: u64,
    headers: BTreeMap<String, String>,
    body: String,
    expect: Value,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../vectors.json")).unwrap()
}

impl Vector {
    fn headers(&self) -> HeaderMap {
        let header = |(name, value): (&String, &String)| {
            (name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap())
        };
        self.headers.iter().map(header).collect()
    }

    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.now)
    }

    /// What this crate makes of it, in the words of the vectors.
    fn result(&self) -> Value {
        let verifier = Verifier::new(&self.public_keys).unwrap();
        match verifier.verify(&self.headers(), self.body.as_bytes(), self.now()) {
            Ok(told) => json!({"taken": {
                "eventId": told.event_id, "keyId": told.key_id, "sequence": told.sequence.0,
                "keyState": told.key_state.number(), "action": told.action.as_str(),
                "renotification": told.renotification, "resourceCount": told.resource_count,
            }}),
            Err(why) => json!({"rejected": why.code()}),
        }
    }
}

#[test]
fn each_is_taken_or_rejected_for_the_reason_that_it_names() {
    let Vectors { vectors, tolerance_seconds } = vectors();
    assert_eq!(DEFAULT_TOLERANCE.as_secs(), tolerance_seconds);
    for vector in vectors {
        assert_eq!(vector.result(), vector.expect, "{}: {}", vector.name, vector.why);
    }
}

#[test]
fn each_reason_to_reject_has_its_vector() {
    let reasons: BTreeSet<_> =
        vectors().vectors.iter().filter_map(|it| it.expect["rejected"].as_str().map(str::to_owned)).collect();
    let all = ["body", "header", "id", "no-signature", "signature", "timestamp", "too-new", "too-old"]
        .map(str::to_owned);
    assert_eq!(reasons, BTreeSet::from(all));
}

#[test]
fn the_sample_is_the_golden_vector() {
    let golden = &vectors().vectors[0];
    assert_eq!(golden.name, "golden");
    assert_eq!(golden.headers(), sample::headers());
    assert_eq!(golden.body.as_bytes(), sample::BODY);
    assert_eq!(golden.now(), sample::signed_at());
    assert_eq!(golden.public_keys, [sample::PUBLIC_KEY]);
}

#[test]
fn a_callback_is_too_old_by_a_millisecond() {
    let verifier = Verifier::new([sample::PUBLIC_KEY]).unwrap();
    let code = |now| verifier.verify(&sample::headers(), sample::BODY, now).map_err(|why| why.code()).err();
    let (edge, millisecond) = (sample::signed_at() + DEFAULT_TOLERANCE, Duration::from_millis(1));
    assert_eq!((code(edge), code(edge + millisecond)), (None, Some("too-old")));
    let edge = sample::signed_at() - DEFAULT_TOLERANCE;
    assert_eq!((code(edge), code(edge - millisecond)), (None, Some("too-new")));
}

#[test]
fn a_header_that_is_no_text_is_said_to_be_so() {
    let mut headers = sample::headers();
    headers.insert("webhook-id", HeaderValue::from_bytes(b"\xff").unwrap());
    let verifier = Verifier::new([sample::PUBLIC_KEY]).unwrap();
    let why = verifier.verify(&headers, sample::BODY, sample::signed_at()).unwrap_err();
    assert!(why.to_string().contains("`webhook-id` header is missing or no text"), "{why}");
}
