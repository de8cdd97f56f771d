//! Symmetric signatures: callbacks of a service with a `whsec_` secret bear `v1` beside `v1a`, made
//! with its secret only. `tests/clients` verifies them with the public libraries.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_STANDARD};
use keysync_testkit::{
    lambda::Mode,
    services::{Behaviour, Received, Verdict},
};

use crate::{
    binaries::binaries,
    signing_key_from_secret::start_failure,
    support::{HOUR, world_of},
};

const STORAGE: &str = "cloud-object-storage";
const DATABASES: &str = "databases-for-postgresql";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER: &str = "whsec_plJ3nmyCDGBKInavdOK15jsl4tC5VpBz";

/// The kinds of a callback's signatures, in their order.
fn kinds(received: &Received) -> Vec<&str> {
    let signatures = received.header("webhook-signature").split(' ');
    signatures.map(|signature| signature.split_once(',').unwrap().0).collect()
}

/// Whether one of a callback's signatures is by `secret`.
fn is_signed_with(received: &Received, secret: &str) -> bool {
    let key = BASE64_STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let (id, timestamp) = (received.header("webhook-id"), received.header("webhook-timestamp"));
    let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", &received.body].concat();
    let mut signatures = received.header("webhook-signature").split(' ');
    signatures.any(|signature| {
        let bytes = signature.strip_prefix("v1,").map(|base64| BASE64_STANDARD.decode(base64).unwrap());
        bytes.is_some_and(|bytes| hmac::verify(&key, &signed, &bytes).is_ok())
    })
}

#[tokio::test]
async fn each_service_gets_signatures_by_its_own_secret() {
    for mode in [Mode::Process { environments: 1 }, Mode::InProcess] {
        let builder = binaries().service("ledgers").mode(mode);
        let builder = builder.symmetric_secret(STORAGE, SECRET).symmetric_secret("ledgers", OTHER);
        let world = world_of(builder).await;
        let key = world.harness.key(&world.key).await.unwrap();
        key.protect("ledgers", "book").await.unwrap();
        world.sync().await.assert_status(204);
        let received = |service| world.harness.service(service).unwrap().received().remove(0);
        let [storage, ledgers, databases] = [STORAGE, "ledgers", DATABASES].map(received);
        assert_eq!(kinds(&storage), ["v1a", "v1"]);
        assert_eq!([SECRET, OTHER].map(|secret| is_signed_with(&storage, secret)), [true, false]);
        assert_eq!([SECRET, OTHER].map(|secret| is_signed_with(&ledgers, secret)), [false, true]);
        assert_eq!(kinds(&databases), ["v1a"], "it has no secret");
        assert_eq!(storage.verdict, Verdict::Acted, "receivers of `v1a` ignore `v1`");
    }
}

#[tokio::test]
async fn both_secrets_sign_in_all_functions() {
    let builder = binaries().symmetric_secret(STORAGE, SECRET).symmetric_secret(STORAGE, OTHER);
    let world = world_of(builder).await;
    let storage = world.harness.object_storage();
    world.take("actions/rotate").await.assert_status(204);
    world.advance_clock(HOUR + Duration::from_secs(1)).await;
    storage.behave_next(1, Behaviour::respond(503));
    world.sync().await.assert_status(204);
    world.advance_clock(Duration::from_mins(2)).await;
    assert_eq!(world.redeliver().await.delivered, 1);
    let received = storage.received();
    assert_eq!(received.len(), 3, "by `lifecycle`, `sync` and `redeliver`");
    for callback in received {
        assert_eq!(kinds(&callback), ["v1a", "v1", "v1"]);
        assert!(is_signed_with(&callback, SECRET) && is_signed_with(&callback, OTHER));
    }
    assert_eq!(world.harness.secrets().reads(), 3, "each function reads them at its start only");
}

#[tokio::test]
async fn function_without_its_symmetric_secret_does_not_start() {
    let flagged = || binaries().service_setting(STORAGE, "symmetricSignature", true);
    let of_ledgers = flagged().symmetric_secret("ledgers", SECRET);
    let malformed = flagged().symmetric_secret(STORAGE, "whsec_hunter2/hunter2/hunter2");
    for (builder, message) in [
        (of_ledgers, "`cloud-object-storage` has `symmetricSignature` and no valid secret"),
        (malformed, "`cloud-object-storage` must have secrets of `whsec_` and the base64 of 24 to 64 bytes"),
        (flagged().env("KEYSYNC_SERVICE_SECRETS", "no/such"), "KEYSYNC_SERVICE_SECRETS does not exist"),
        (flagged().env("KEYSYNC_SERVICE_SECRETS", SECRET), "not the key itself"),
    ] {
        for mode in [Mode::Process { environments: 1 }, Mode::InProcess] {
            let log = start_failure(builder.clone().mode(mode)).await;
            assert!(log.contains(message) && !log.contains("hunter2") && !log.contains("MfKQ9"), "{log}");
        }
    }
}
