//! Signatures by Standard Webhooks 1.0, asymmetric (`v1a`, Ed25519): receivers can verify and cannot forge.
//!
//! Signed is `<webhook-id>.<webhook-timestamp>.<body>`, over the very bytes that are sent. The timestamp
//! is that of the attempt, so that a receiver can refuse what was recorded and replayed later.

use std::fmt;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{Engine, prelude::BASE64_STANDARD};

use crate::key::EpochMillis;

/// How private keys start, so that one is told from other secrets at a glance.
const PRIVATE_PREFIX: &str = "whsk_";

/// The private key that signs callbacks.
pub struct SigningKey(Ed25519KeyPair);

/// The value is no signing key. It is not repeated: it may be one, mistyped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be `whsk_` and the base64 of an Ed25519 private key: 32 bytes (seed) or 64 (seed and public key)"
)]
pub struct SigningKeyError;

impl std::str::FromStr for SigningKey {
    type Err = SigningKeyError;

    fn from_str(text: &str) -> Result<Self, SigningKeyError> {
        let encoded = text.strip_prefix(PRIVATE_PREFIX).ok_or(SigningKeyError)?;
        let bytes = BASE64_STANDARD.decode(encoded).map_err(|_| SigningKeyError)?;
        let pair = match bytes.len() {
            32 => Ed25519KeyPair::from_seed_unchecked(&bytes),
            64 => Ed25519KeyPair::from_seed_and_public_key(&bytes[..32], &bytes[32..]),
            _ => return Err(SigningKeyError),
        };
        pair.map(Self).map_err(|_| SigningKeyError)
    }
}

impl SigningKey {
    /// The public key as receivers configure it: `whpk_` and base64.
    #[must_use]
    pub fn public(&self) -> String {
        format!("whpk_{}", BASE64_STANDARD.encode(self.0.public_key()))
    }

    /// Signs one attempt to deliver `body`.
    pub(super) fn sign(&self, id: &str, now: EpochMillis, body: Vec<u8>) -> Signed {
        let timestamp = now.secs();
        let mut content = format!("{id}.{timestamp}.").into_bytes();
        content.extend_from_slice(&body);
        let signature = format!("v1a,{}", BASE64_STANDARD.encode(self.0.sign(&content)));
        Signed { id: id.to_owned(), timestamp, signature, body }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public())
    }
}

/// A body and what proves where it comes from.
#[derive(Clone, Debug)]
pub(super) struct Signed {
    /// `webhook-id`.
    pub(super) id: String,
    /// `webhook-timestamp`, in epoch seconds.
    pub(super) timestamp: u64,
    /// `webhook-signature`.
    pub(super) signature: String,
    pub(super) body: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signature, VerifyingKey};
    use serde_json::Value;

    use super::*;
    use crate::{ledger::item::tests::notification, notify::event};

    /// The first test vector of RFC 8032, section 7.1.
    const SEED: [u8; 32] = [
        0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4, 0x44,
        0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
    ];

    fn key() -> SigningKey {
        format!("whsk_{}", BASE64_STANDARD.encode(SEED)).parse().unwrap()
    }

    #[test]
    fn another_implementation_verifies_what_was_signed() {
        let signed = key().sign("claim:service", EpochMillis::new(1_674_087_231_999), b"{}".to_vec());
        assert_eq!(signed.timestamp, 1_674_087_231);
        let public = BASE64_STANDARD.decode(key().public().strip_prefix("whpk_").unwrap()).unwrap();
        let signature = BASE64_STANDARD.decode(signed.signature.strip_prefix("v1a,").unwrap()).unwrap();
        let verifier = VerifyingKey::from_bytes(&public.try_into().unwrap()).unwrap();
        let signature = Signature::from_slice(&signature).unwrap();
        verifier.verify_strict(b"claim:service.1674087231.{}", &signature).unwrap();
        assert!(verifier.verify_strict(b"claim:service.1674087231.{ }", &signature).is_err());
    }

    /// Receivers are held to the same file, so that neither side can change the bytes unseen by the other.
    #[test]
    fn the_receivers_test_vectors_are_what_is_sent_byte_by_byte() {
        let vectors = include_str!("../../../harness/receiver/vectors.json");
        let vectors: Value = serde_json::from_str(vectors).unwrap();
        let vector = |name: &str| {
            let all = vectors["vectors"].as_array().unwrap();
            all.iter().find(|vector| vector["name"] == name).unwrap_or_else(|| panic!("no vector `{name}`"))
        };
        let notification = notification();
        let id = notification.event_id(&"cloud-object-storage".parse().unwrap()).to_string();
        let body = event::body(&notification, &id, 12);
        let signed = |key: &str| {
            let keys = &vectors["keys"][key];
            let key: SigningKey = keys["private"].as_str().unwrap().parse().unwrap();
            assert_eq!(key.public(), keys["public"]);
            key.sign(&id, notification.at, body.clone())
        };
        let (current, next) = (signed("current"), signed("next"));
        let both = format!("{} {}", current.signature, next.signature);
        for (name, signature) in
            [("golden", &current.signature), ("two-signatures", &both), ("two-keys", &next.signature)]
        {
            let headers = &vector(name)["headers"];
            assert_eq!(vector(name)["body"], String::from_utf8_lossy(&body).as_ref(), "{name}");
            assert_eq!(headers["content-type"], event::CONTENT_TYPE, "{name}");
            assert_eq!(headers["webhook-id"], current.id, "{name}");
            assert_eq!(headers["webhook-timestamp"], current.timestamp.to_string(), "{name}");
            assert_eq!(headers["webhook-signature"], *signature, "{name}");
        }
    }

    #[test]
    fn both_lengths_of_private_key_are_taken() {
        let public = BASE64_STANDARD.decode(key().public().strip_prefix("whpk_").unwrap()).unwrap();
        let long = format!("whsk_{}", BASE64_STANDARD.encode([&SEED[..], &public].concat()));
        assert_eq!(long.parse::<SigningKey>().unwrap().public(), key().public());
    }

    #[test]
    fn a_bad_key_is_refused_and_a_good_one_not_printed() {
        for bad in ["", "whsk_", "whsk_!!!", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
            assert_eq!(bad.parse::<SigningKey>().err(), Some(SigningKeyError), "{bad}");
        }
        assert!(!format!("{:?}", key()).contains(&BASE64_STANDARD.encode(SEED)));
    }
}
