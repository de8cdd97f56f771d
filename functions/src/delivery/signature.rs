//! Signatures of Standard Webhooks 1.0, asymmetric (`v1a`, Ed25519): receivers can verify callbacks
//! and cannot forge them. A service with a symmetric secret gets `v1` (HMAC-SHA256), too.
//!
//! The signed content is `<webhook-id>.<webhook-timestamp>.<body>`, with exactly the bytes that are
//! sent. The timestamp is that of the attempt, so that a receiver can reject a replayed callback.
//! With several keys there are several signatures, separated by a space; a receiver needs to know
//! one key.

use super::SigningKeys;
use crate::domain::{EpochMillis, EventId};

/// A signed callback: the body and its Standard Webhooks headers.
#[derive(Clone, Debug)]
pub struct Signed {
    /// `webhook-id`.
    pub id: String,
    /// `webhook-timestamp`, in epoch seconds.
    pub timestamp: u64,
    /// `webhook-signature`, with one signature for each key.
    pub signature: String,
    /// The serialized event.
    pub body: Vec<u8>,
}

impl SigningKeys {
    /// Signs an attempt at `now` to deliver an event with this body to the service that its id
    /// names.
    #[must_use]
    pub fn sign(&self, event: &EventId, now: EpochMillis, body: Vec<u8>) -> Signed {
        let (id, timestamp) = (event.to_string(), now.secs());
        let mut content = format!("{id}.{timestamp}.").into_bytes();
        content.extend_from_slice(&body);
        let signature = self.signatures(&event.service, &content).join(" ");
        Signed { id, timestamp, signature, body }
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine, prelude::BASE64_STANDARD};
    use ed25519_dalek::{Signature, VerifyingKey};
    use serde_json::Value;

    use super::*;
    use crate::{delivery::cloud_event, ledger::item::tests::notification};

    /// The first test vector of RFC 8032, section 7.1.
    const PRIVATE: &str = "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
    const PUBLIC: &str = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

    #[test]
    fn independent_implementation_verifies_signature() {
        let keys: SigningKeys = PRIVATE.parse().unwrap();
        let id = notification().event_id(&"cloud-object-storage".parse().unwrap());
        let signed = keys.sign(&id, EpochMillis::new(1_674_087_231_999), b"{}".to_vec());
        assert_eq!(signed.timestamp, 1_674_087_231);
        let public = BASE64_STANDARD.decode(PUBLIC).unwrap();
        let signature = BASE64_STANDARD.decode(signed.signature.strip_prefix("v1a,").unwrap()).unwrap();
        let verifier = VerifyingKey::from_bytes(&public.try_into().unwrap()).unwrap();
        let signature = Signature::from_slice(&signature).unwrap();
        let content = |body: &str| format!("{id}.1674087231.{body}").into_bytes();
        verifier.verify_strict(&content("{}"), &signature).unwrap();
        assert!(verifier.verify_strict(&content("{ }"), &signature).is_err());
    }

    /// Receivers are tested with the same file, so that the sender and receivers agree on the
    /// bytes.
    #[test]
    fn callbacks_equal_the_receivers_test_vectors() {
        let vectors: Value = serde_json::from_str(keysync_receiver::TEST_VECTORS).unwrap();
        let vector = |name: &str| {
            let all = vectors["vectors"].as_array().unwrap();
            all.iter().find(|vector| vector["name"] == name).unwrap_or_else(|| panic!("no vector `{name}`"))
        };
        let notification = notification();
        let id = notification.event_id(&"cloud-object-storage".parse().unwrap());
        let body = cloud_event::body(&notification, &id, 12);
        let private = |key: &str| vectors["keys"][key]["private"].as_str().unwrap().to_owned();
        let (current, next) = (private("current"), private("next"));
        let signed =
            |keys: &str| keys.parse::<SigningKeys>().unwrap().sign(&id, notification.at, body.clone());
        for (name, signed) in [
            ("golden", signed(&current)),
            ("two-signatures", signed(&format!("{current} {next}"))),
            ("two-keys", signed(&next)),
        ] {
            let headers = &vector(name)["headers"];
            assert_eq!(vector(name)["body"], String::from_utf8_lossy(&body).as_ref(), "{name}");
            assert_eq!(headers["content-type"], cloud_event::CONTENT_TYPE, "{name}");
            assert_eq!(headers["webhook-id"], signed.id, "{name}");
            assert_eq!(headers["webhook-timestamp"], signed.timestamp.to_string(), "{name}");
            assert_eq!(headers["webhook-signature"], signed.signature, "{name}");
        }
    }
}
