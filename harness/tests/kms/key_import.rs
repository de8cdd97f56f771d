//! Key import: a root key's material is encrypted for an import token.

use std::time::Duration;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use keysync_testkit::iam::Role;
use serde_json::{Value, json};

use crate::{
    kms::{Caller, endpoint, one, status_and_code},
    world::text,
};

const MATERIAL: [u8; 32] = [7; 32];

/// The fields of an imported key, encrypted for a token as the public clients do it.
fn encrypted(token: &Value, material: &[u8; 32]) -> Value {
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
    caller
        .post("import_token", json!({"expiration": 300, "maxAllowedRetrievals": 2}))
        .await
        .assert_status(200);
    caller.get("import_token").await.body
}

#[tokio::test]
async fn encrypted_material_becomes_a_key() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let fields = encrypted(&token(manager).await, &MATERIAL);
    let key = manager.create(fields).await;
    assert_eq!(manager.key(&key).await["imported"], true);

    // A restore with the same material in plaintext succeeds, so the import stored that material.
    manager.delete(&format!("keys/{key}")).await.assert_status(204);
    endpoint.advance_clock(Duration::from_secs(31)).await;
    let material = BASE64_STANDARD.encode(MATERIAL);
    let response =
        manager.post(&format!("keys/{key}/restore"), one("key", json!({"payload": material}))).await;
    assert_eq!(response.status, 201, "{}", response.body);

    let rotated = encrypted(&manager.get("import_token").await.body, &[8; 32]);
    let response = manager.post(&format!("keys/{key}/actions/rotate"), rotated).await;
    assert_eq!(response.status, 204, "{}", response.body);
}

#[tokio::test]
async fn material_for_another_token_is_rejected() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let before = encrypted(&token(manager).await, &MATERIAL);
    let current = token(manager).await;
    let valid = encrypted(&current, &MATERIAL);
    let with = |field: &str, of: &Value| {
        let mut fields = valid.clone();
        fields[field] = of[field].clone();
        fields
    };
    let other_key = encrypted(&current, &[8; 32]);
    for (fields, expected) in [
        (with("payload", &before), (400, "INVALID_FIELD_ERR")),
        (with("encryptedNonce", &before), (400, "INCORRECT_NONCE_ERR")),
        (with("encryptedNonce", &other_key), (400, "INCORRECT_NONCE_IV_ERR")),
        (valid.clone(), (201, "")),
    ] {
        assert_eq!(status_and_code(&manager.post("keys", one("key", fields)).await), expected);
    }
}

#[tokio::test]
async fn import_token_expires_by_time_and_retrievals() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    assert_eq!(status_and_code(&manager.get("import_token").await), (404, "IMPORT_TOKEN_NOT_FOUND_ERR"));
    let created = manager.post("import_token", json!({"expiration": 300.0, "maxAllowedRetrievals": 1})).await;
    assert_eq!(
        created.body,
        json!({
            "expiration": 300, "maxAllowedRetrievals": 1, "remainingRetrievals": 1,
            "creationDate": "2027-01-15T08:00:00Z", "expirationDate": "2027-01-15T08:05:00Z",
        })
    );
    let retrieved = manager.get("import_token").await;
    assert_eq!((retrieved.status.as_u16(), &retrieved.body["remainingRetrievals"]), (200, &json!(0)));
    assert_eq!(status_and_code(&manager.get("import_token").await), (409, "IMPORT_TOKEN_EXPIRED_ERR"));

    let fields = encrypted(&token(manager).await, &MATERIAL);
    endpoint.advance_clock(Duration::from_mins(5)).await;
    assert_eq!(status_and_code(&manager.get("import_token").await), (409, "IMPORT_TOKEN_EXPIRED_ERR"));
    let late = manager.post("keys", one("key", fields)).await;
    assert_eq!(status_and_code(&late), (409, "IMPORT_TOKEN_EXPIRED_ERR"));
}

#[tokio::test]
async fn invalid_token_request_is_rejected() {
    let endpoint = endpoint().await;
    for body in [
        json!({"expiration": 299}),
        json!({"expiration": 86_401}),
        json!({"expiration": 300.5}),
        json!({"maxAllowedRetrievals": 0}),
        json!({"maxAllowedRetrievals": 501}),
    ] {
        let response = endpoint.manager.post("import_token", body.clone()).await;
        assert_eq!(status_and_code(&response), (400, "INVALID_FIELD_ERR"), "{body}");
    }
    assert_eq!(endpoint.manager.act("import_token").await.status, 200, "every field is optional");
    let reader = endpoint.caller_with(Role::ReaderPlus).await;
    assert_eq!(reader.get("import_token").await.status, 401);
}
