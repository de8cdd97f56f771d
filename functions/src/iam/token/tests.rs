//! Tests of the rules for claims and headers. The signature is tested in `signature.rs`, tokens as
//! a whole in `tests/e2e/hostile_tokens.rs`.

use serde_json::{Value, json};

use super::*;
use crate::{domain::EpochMillis, http_client::HttpClient};

const NOW: u64 = 1_700_000_000;

fn verifier() -> Verifier {
    let clock = Clock::from_fn(|| EpochMillis::new(NOW * 1000));
    let url = "http://127.0.0.1:9/identity/keys".parse().unwrap();
    let keys = Jwks::new(url, HttpClient::new(), clock.clone());
    Verifier::new("https://iam.example".to_owned(), keys, clock)
}

/// The valid claims, with one replaced.
fn claims(name: &str, value: Value) -> Claims {
    let mut claims = json!({"iam_id": "IBMid-1", "account": {"bss": "abc123"}, "iss": "https://iam.example",
                            "sub": "user", "exp": NOW + 3600, "iat": NOW});
    claims[name] = value;
    serde_json::from_value(claims).unwrap()
}

#[test]
fn times_have_a_leeway_of_one_minute() {
    for (name, seconds, is_valid) in [
        ("exp", NOW - 59, true),
        ("exp", NOW - 60, false),
        ("iat", NOW + 60, true),
        ("iat", NOW + 61, false),
        ("nbf", NOW + 60, true),
        ("nbf", NOW + 61, false),
    ] {
        let result = verifier().check_times(&claims(name, json!(seconds)));
        assert_eq!(result.is_ok(), is_valid, "{name} {seconds}: {result:?}");
    }
}

#[test]
fn issuer_subject_and_account_are_checked() {
    let account = |bss: &str| json!({"bss": bss});
    for (name, value, is_valid) in [
        ("iss", json!("https://iam.example"), true),
        ("iss", json!("https://iam.example/"), false),
        ("aud", json!("kms"), false),
        ("sub", json!(""), false),
        ("account", account(&"a".repeat(128)), true),
        ("account", account(&"a".repeat(129)), false),
        ("account", account("a/b"), false),
        ("account", account(""), false),
    ] {
        let result = verifier().check_issuer_and_subject(&claims(name, value.clone()));
        assert_eq!(result.is_ok(), is_valid, "{name} {value}: {result:?}");
    }
}

#[test]
fn header_is_that_of_an_access_token() {
    for (header, expected) in [
        (json!({"alg": "RS256", "kid": "k"}), Ok("k")),
        (json!({"alg": "RS256", "kid": "k", "typ": "at+JWT"}), Ok("k")),
        (json!({"alg": "RS256", "kid": "k", "typ": "dpop+jwt"}), Err("the type (typ)")),
        (json!({"alg": "RS256", "kid": "k", "crit": ["b64"]}), Err("critical extensions")),
        (json!({"alg": "none", "kid": "k"}), Err("signed with \"none\" instead of RS256")),
    ] {
        match (key_id(serde_json::from_value(header.clone()).unwrap()), expected) {
            (Ok(kid), Ok(expected)) => assert_eq!(kid, expected, "{header}"),
            (Err(reason), Err(expected)) => assert!(reason.contains(expected), "{header}: {reason}"),
            (result, _) => panic!("{header}: {result:?}"),
        }
    }
}

#[tokio::test]
async fn token_over_maximum_length_is_not_parsed() {
    for (bytes, expected) in
        [(MAX_TOKEN_BYTES, "three parts"), (MAX_TOKEN_BYTES + 1, "the token has 16385 bytes")]
    {
        let token = UnverifiedToken(Zeroizing::new("a".repeat(bytes)));
        match verifier().verify(&token).await {
            Err(IamError::Unauthorized(reason)) => assert!(reason.contains(expected), "{reason}"),
            result => panic!("{bytes}: {result:?}"),
        }
    }
}

#[test]
fn only_token_over_maximum_length_needs_no_subject() {
    for (bytes, is_accepted) in
        [(1, false), (MAX_TOKEN_BYTES, false), (MAX_TOKEN_BYTES + 1, true), (20_000, true)]
    {
        let token = UnverifiedToken::from_authorization(&format!("Bearer {}", "a".repeat(bytes)));
        assert_eq!(token.is_ok(), is_accepted, "{bytes}");
    }
}
