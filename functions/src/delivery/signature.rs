//! Signatures by Standard Webhooks 1.0, asymmetric (`v1a`, Ed25519): receivers can verify and cannot forge.
//!
//! Signed is `<webhook-id>.<webhook-timestamp>.<body>`, over the very bytes that are sent. The timestamp
//! is that of the attempt, so that a receiver can refuse what was recorded and replayed later. With two keys
//! there are two signatures, a space between: a receiver that knows either key finds one that holds.

use base64::{Engine, prelude::BASE64_STANDARD};

use super::SigningKeys;
use crate::domain::EpochMillis;

/// A body and what proves where it comes from.
#[derive(Clone, Debug)]
pub struct Signed {
    /// `webhook-id`.
    pub id: String,
    /// `webhook-timestamp`, in epoch seconds.
    pub timestamp: u64,
    /// `webhook-signature`, one for each key.
    pub signature: String,
    /// The event.
    pub body: Vec<u8>,
}

impl SigningKeys {
    /// Signs one attempt to deliver `body`, the event `id`.
    #[must_use]
    pub fn sign(&self, id: &str, now: EpochMillis, body: Vec<u8>) -> Signed {
        let timestamp = now.secs();
        let mut content = format!("{id}.{timestamp}.").into_bytes();
        content.extend_from_slice(&body);
        let signatures = self.each().map(|key| format!("v1a,{}", BASE64_STANDARD.encode(key.sign(&content))));
        let signature = signatures.collect::<Vec<_>>().join(" ");
        Signed { id: id.to_owned(), timestamp, signature, body }
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signature, VerifyingKey};
    use serde_json::Value;

    use super::*;
    use crate::{delivery::cloud_event, ledger::item::tests::notification};

    /// The first test vector of RFC 8032, section 7.1.
    const PRIVATE: &str = "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
    const PUBLIC: &str = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

    #[test]
    fn another_implementation_verifies_what_was_signed() {
        let keys: SigningKeys = PRIVATE.parse().unwrap();
        let signed = keys.sign("claim:service", EpochMillis::new(1_674_087_231_999), b"{}".to_vec());
        assert_eq!(signed.timestamp, 1_674_087_231);
        let public = BASE64_STANDARD.decode(PUBLIC).unwrap();
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
