//! Verifying a callback, as a receiver has to (Standard Webhooks 1.0, `v1a`).
//!
//! Written from the specification and with another Ed25519 implementation than the sender's, so that a
//! mistake on one side shows on the other.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use ed25519_dalek::{Signature, VerifyingKey};
use http::HeaderMap;
use keysync::key::EpochMillis;
use serde::Deserialize;

/// How far a callback's timestamp may be from the receiver's clock, either way.
const TOLERANCE: Duration = Duration::from_mins(5);

/// Why a callback is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// A header that is missing or unreadable.
    #[error("the `{0}` header is missing or unreadable")]
    Header(&'static str),
    /// Signed too long ago, or in the future.
    #[error("signed {0} s from now; at most {tolerance} s are allowed", tolerance = TOLERANCE.as_secs())]
    Timestamp(i64),
    /// No signature by the sender's key.
    #[error("none of the signatures is the sender's")]
    Signature,
    /// Signed, and yet no event that is known here.
    #[error("the body is no key event: {0}")]
    Body(String),
}

/// What a callback says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback {
    /// The event's id; the same over all tries to deliver it.
    pub event_id: String,
    /// Its place among the key's notifications.
    pub sequence: u64,
    /// The key.
    pub key_id: String,
    /// The key's state.
    pub key_state: u8,
    /// The id of the key's version.
    pub key_version: String,
    /// The key's latest lifecycle action.
    pub event_type: String,
    /// Whether a sync asked for it.
    pub renotification: bool,
    /// How many of the receiver's resources the key protects.
    pub resource_count: u64,
}

/// Verifies callbacks of one sender.
#[derive(Clone, Debug)]
pub struct CallbackVerifier(VerifyingKey);

impl CallbackVerifier {
    /// A verifier for the sender whose public key is `whpk_…`. `None` where it is no such key.
    #[must_use]
    pub fn new(public_key: &str) -> Option<Self> {
        let bytes = BASE64_STANDARD.decode(public_key.strip_prefix("whpk_")?).ok()?;
        VerifyingKey::from_bytes(&bytes.try_into().ok()?).ok().map(Self)
    }

    /// Takes a callback if it is the sender's, unchanged and recent.
    pub fn verify(&self, headers: &HeaderMap, body: &[u8], now: EpochMillis) -> Result<Callback, Rejected> {
        let id = header(headers, "webhook-id")?;
        let timestamp = header(headers, "webhook-timestamp")?;
        let signatures = header(headers, "webhook-signature")?;

        let signed_at: i64 = timestamp.parse().map_err(|_| Rejected::Header("webhook-timestamp"))?;
        let apart = signed_at.saturating_sub(i64::try_from(now.secs()).unwrap_or(i64::MAX));
        if apart.unsigned_abs() > TOLERANCE.as_secs() {
            return Err(Rejected::Timestamp(apart));
        }
        let content = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
        let genuine = |signature: &str| self.is_genuine(&content, signature).unwrap_or(false);
        if !signatures.split(' ').any(genuine) {
            return Err(Rejected::Signature);
        }
        let event: Event = serde_json::from_slice(body).map_err(|error| Rejected::Body(error.to_string()))?;
        event.callback(id)
    }

    fn is_genuine(&self, content: &[u8], signature: &str) -> Option<bool> {
        let bytes = BASE64_STANDARD.decode(signature.strip_prefix("v1a,")?).ok()?;
        let signature = Signature::from_slice(&bytes).ok()?;
        Some(self.0.verify_strict(content, &signature).is_ok())
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, Rejected> {
    headers.get(name).and_then(|value| value.to_str().ok()).ok_or(Rejected::Header(name))
}

#[derive(Deserialize)]
struct Event {
    specversion: String,
    id: String,
    sequence: String,
    data: Data,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    key_id: String,
    key_state: u8,
    key_version: Version,
    event_type: String,
    renotification: bool,
    resource_count: u64,
}

#[derive(Deserialize)]
struct Version {
    id: String,
}

impl Event {
    fn callback(self, webhook_id: &str) -> Result<Callback, Rejected> {
        if self.specversion != "1.0" || self.id != webhook_id {
            return Err(Rejected::Body("its id or specversion is not the one announced".to_owned()));
        }
        let sequence =
            self.sequence.parse().map_err(|_| Rejected::Body("its sequence is no number".to_owned()))?;
        let Data { key_id, key_state, key_version, event_type, renotification, resource_count } = self.data;
        let (event_id, key_version) = (self.id, key_version.id);
        Ok(Callback {
            event_id,
            sequence,
            key_id,
            key_state,
            key_version,
            event_type,
            renotification,
            resource_count,
        })
    }
}
