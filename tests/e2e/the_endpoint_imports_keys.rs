//! Import tokens: a root key's material comes in unseen.

use std::time::Duration;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use keysync_testkit::iam::Role;
use serde_json::{Value, json};

use crate::{
    endpoint_calls::{Caller, endpoint, one, refusal},
    support::text,
};

const MATERIAL: [u8; 32] = [7; 32];

/// Fields of a key as a public client makes them of a token.
fn sealed(token: &Value, material: &[u8; 32]) -> Value {
    let pem = String::from_utf8(BASE64_STANDARD.decode(text(&token["payload"])).unwrap()).unwrap();
    let der: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let key = PublicEncryptingKey::from_der(&BASE64_STANDARD.decode(der).unwrap()).unwrap();
    let key = OaepPublicEncryptingKey::new(key).unwrap();
    let mut payload = vec![0; key.ciphertext_size()];
    let payload = key.encrypt(&OAEP_SHA256_MGF1SHA256, material, &mut payload, None).unwrap();

    let mut nonce = BASE64_STANDARD.decode(text(&token["nonce"])).unwrap();
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, material).unwrap());
    let iv = [9; 12];
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(iv), Aad::empty(), &mut nonce).unwrap();
    json!({
        "name": "imported", "extractable": false, "encryptionAlgorithm": "RSAES_OAEP_SHA_256",
        "payload": BASE64_STANDARD.encode(payload), "encryptedNonce": BASE64_STANDARD.encode(nonce),
        "iv": BASE64_STANDARD.encode(iv),
    })
}

async fn token(caller: &Caller) -> Value {
    caller.post("import_token", json!({"expiration": 300, "maxAllowedRetrievals": 2})).await;
    caller.get("import_token").await.body
}

#[tokio::test]
async fn encrypted_material_becomes_a_key() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let fields = sealed(&token(manager).await, &MATERIAL);
    let key = manager.make(fields).await;
    assert_eq!(manager.key(&key).await["imported"], true);

    // The same material, brought again in the open, is the same: a restore proves it.
    manager.delete(&format!("keys/{key}")).await;
    endpoint.advance_clock(Duration::from_secs(31)).await;
    let material = BASE64_STANDARD.encode(MATERIAL);
    let answer = manager.post(&format!("keys/{key}/restore"), one("key", json!({"payload": material}))).await;
    assert_eq!(answer.status, 201, "{}", answer.body);

    let fresh = sealed(&manager.get("import_token").await.body, &[8; 32]);
    let answer = manager.post(&format!("keys/{key}/actions/rotate"), fresh).await;
    assert_eq!(answer.status, 204, "{}", answer.body);
}

#[tokio::test]
async fn material_that_does_not_fit_the_token_is_refused() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let before = sealed(&token(manager).await, &MATERIAL);
    let present = token(manager).await;
    let good = sealed(&present, &MATERIAL);
    let with = |field: &str, of: &Value| {
        let mut fields = good.clone();
        fields[field] = of[field].clone();
        fields
    };
    let other_key = sealed(&present, &[8; 32]);
    for (fields, expected) in [
        (with("payload", &before), (400, "INVALID_FIELD_ERR")),
        (with("encryptedNonce", &before), (400, "INCORRECT_NONCE_ERR")),
        (with("encryptedNonce", &other_key), (400, "INCORRECT_NONCE_IV_ERR")),
        (good.clone(), (201, "")),
    ] {
        assert_eq!(refusal(&manager.post("keys", one("key", fields)).await), expected);
    }
}

#[tokio::test]
async fn a_token_lasts_so_long_and_is_read_so_often() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    assert_eq!(refusal(&manager.get("import_token").await), (404, "IMPORT_TOKEN_NOT_FOUND_ERR"));
    let created = manager.post("import_token", json!({"expiration": 300.0, "maxAllowedRetrievals": 1})).await;
    assert_eq!(
        created.body,
        json!({
            "expiration": 300, "maxAllowedRetrievals": 1, "remainingRetrievals": 1,
            "creationDate": "2027-01-15T08:00:00Z", "expirationDate": "2027-01-15T08:05:00Z",
        })
    );
    let read = manager.get("import_token").await;
    assert_eq!((read.status.as_u16(), &read.body["remainingRetrievals"]), (200, &json!(0)));
    assert_eq!(refusal(&manager.get("import_token").await), (409, "IMPORT_TOKEN_EXPIRED_ERR"));

    let fields = sealed(&token(manager).await, &MATERIAL);
    endpoint.advance_clock(Duration::from_mins(5)).await;
    assert_eq!(refusal(&manager.get("import_token").await), (409, "IMPORT_TOKEN_EXPIRED_ERR"));
    let late = manager.post("keys", one("key", fields)).await;
    assert_eq!(refusal(&late), (409, "IMPORT_TOKEN_EXPIRED_ERR"));
}

#[tokio::test]
async fn a_bad_token_request_is_refused() {
    let endpoint = endpoint().await;
    for body in [
        json!({"expiration": 299}),
        json!({"expiration": 86_401}),
        json!({"expiration": 300.5}),
        json!({"maxAllowedRetrievals": 0}),
        json!({"maxAllowedRetrievals": 501}),
    ] {
        let answer = endpoint.manager.post("import_token", body.clone()).await;
        assert_eq!(refusal(&answer), (400, "INVALID_FIELD_ERR"), "{body}");
    }
    assert_eq!(endpoint.manager.act("import_token").await.status, 200, "all of it may be left out");
    let reader = endpoint.somebody(Role::ReaderPlus).await;
    assert_eq!(reader.get("import_token").await.status, 401);
}
