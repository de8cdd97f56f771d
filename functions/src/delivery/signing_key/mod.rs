//! The keys that sign callbacks: one private key for all services, or two during a rotation, and
//! the symmetric secrets of the services that have them.

mod secret;
mod source;
mod symmetric;

pub use secret::{SecretError, SecretId};
pub use source::{KeySource, SERVICE_SECRETS, SIGNING_KEY_SECRET, SigningKeySource, SymmetricKeySource};
pub use symmetric::SymmetricKeyError;

use std::{fmt, str::FromStr, sync::Arc};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{Engine, prelude::BASE64_STANDARD};
use zeroize::Zeroizing;

use crate::domain::ServiceName;
use symmetric::SymmetricKeys;

/// The prefix of private keys in Standard Webhooks.
const PRIVATE_PREFIX: &str = "whsk_";

/// The maximum number of keys: the current one and its successor
/// (`docs/reference/limits.md#signing-keys`).
const MAX_KEYS: usize = 2;

/// A private key that signs callbacks. AWS-LC erases it from memory when it is dropped.
pub struct SigningKey(Ed25519KeyPair);

/// The keys that sign callbacks. Each private key signs every callback, and each secret of a
/// service its callbacks, so that a receiver needs to know one.
#[derive(Clone, Debug)]
pub struct SigningKeys {
    private: Arc<[SigningKey]>,
    symmetric: SymmetricKeys,
}

/// An invalid value of signing keys. The value is not quoted: it may be a key with a typo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigningKeyError {
    /// The value is malformed.
    #[error(
        "must be `whsk_` and the base64 of an Ed25519 private key of 32 bytes (seed) or 64 bytes (seed and \
         public key), or two such keys separated by a space"
    )]
    Malformed,
    /// The value has more than two keys.
    #[error("must be one key, or two during a rotation: got {0}")]
    TooMany(usize),
    /// Both keys are the same.
    #[error("must be two different keys: got the same key twice")]
    Duplicate,
}

impl FromStr for SigningKey {
    type Err = SigningKeyError;

    fn from_str(text: &str) -> Result<Self, SigningKeyError> {
        let encoded = text.strip_prefix(PRIVATE_PREFIX).ok_or(SigningKeyError::Malformed)?;
        let bytes = Zeroizing::new(BASE64_STANDARD.decode(encoded).map_err(|_| SigningKeyError::Malformed)?);
        let pair = match bytes.len() {
            32 => Ed25519KeyPair::from_seed_unchecked(&bytes),
            64 => Ed25519KeyPair::from_seed_and_public_key(&bytes[..32], &bytes[32..]),
            _ => return Err(SigningKeyError::Malformed),
        };
        pair.map(Self).map_err(|_| SigningKeyError::Malformed)
    }
}

/// Parses one key, or two separated by white space.
impl FromStr for SigningKeys {
    type Err = SigningKeyError;

    fn from_str(text: &str) -> Result<Self, SigningKeyError> {
        let keys = text.split_whitespace().map(str::parse).collect::<Result<Vec<SigningKey>, _>>()?;
        match &keys[..] {
            [] => Err(SigningKeyError::Malformed),
            [one, other] if one.public_bytes() == other.public_bytes() => Err(SigningKeyError::Duplicate),
            keys if keys.len() > MAX_KEYS => Err(SigningKeyError::TooMany(keys.len())),
            _ => Ok(Self { private: keys.into(), symmetric: SymmetricKeys::default() }),
        }
    }
}

impl SigningKey {
    /// The public key in the format of Standard Webhooks: `whpk_` and base64.
    #[must_use]
    pub fn public(&self) -> String {
        format!("whpk_{}", BASE64_STANDARD.encode(self.public_bytes()))
    }

    /// The 32 bytes of the public key.
    pub(super) fn public_bytes(&self) -> &[u8] {
        self.0.public_key().as_ref()
    }

    /// The 64 bytes of the signature over `content`.
    fn sign(&self, content: &[u8]) -> Vec<u8> {
        self.0.sign(content).as_ref().to_vec()
    }
}

impl SigningKeys {
    /// The private keys, in the order of the setting.
    pub(super) fn iter(&self) -> impl Iterator<Item = &SigningKey> {
        self.private.iter()
    }

    /// The signatures over `content` for `service`, each with its kind.
    pub(super) fn signatures(&self, service: &ServiceName, content: &[u8]) -> Vec<String> {
        let signed = |kind: &str, signature: Vec<u8>| format!("{kind},{}", BASE64_STANDARD.encode(signature));
        let private = self.iter().map(|key| signed("v1a", key.sign(content)));
        let symmetric = self.symmetric.of(service).iter().map(|key| signed("v1", key.sign(content)));
        private.chain(symmetric).collect()
    }
}

/// Prints the public key only.
impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first two test vectors of RFC 8032, section 7.1.
    const ONE: &str = "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
    const OTHER: &str = "whsk_TM0Imyj/ltqdtsNG7BFOD1uKMZ81q6Yk2oz27U+4pvs=";
    const PUBLIC: &str = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

    fn with_public_key(key: &str, public: &str) -> String {
        let bytes = |text: &str| BASE64_STANDARD.decode(&text[5..]).unwrap();
        format!("whsk_{}", BASE64_STANDARD.encode([bytes(key), bytes(public)].concat()))
    }

    fn error(text: &str) -> SigningKeyError {
        text.parse::<SigningKeys>().unwrap_err()
    }

    #[test]
    fn accepts_private_keys_of_both_lengths() {
        assert_eq!(ONE.parse::<SigningKey>().unwrap().public(), PUBLIC);
        assert_eq!(with_public_key(ONE, PUBLIC).parse::<SigningKey>().unwrap().public(), PUBLIC);
        assert_eq!(
            with_public_key(OTHER, PUBLIC).parse::<SigningKey>().err(),
            Some(SigningKeyError::Malformed)
        );
    }

    #[test]
    fn accepts_one_or_two_different_keys() {
        for (text, count) in [(ONE, 1), (&format!("\n{ONE}\n"), 1), (&format!("{ONE} \n\t{OTHER}"), 2)] {
            assert_eq!(text.parse::<SigningKeys>().unwrap().iter().count(), count, "{text}");
        }
        assert_eq!(error(" "), SigningKeyError::Malformed);
        let third = format!("whsk_{}", BASE64_STANDARD.encode([7; 32]));
        assert_eq!(error(&format!("{ONE} {OTHER} {third}")), SigningKeyError::TooMany(3));
        assert_eq!(error(&format!("{ONE} {ONE}")), SigningKeyError::Duplicate);
        assert_eq!(error(&format!("{ONE} {}", with_public_key(ONE, PUBLIC))), SigningKeyError::Duplicate);
    }

    #[test]
    fn errors_and_debug_output_contain_no_key() {
        for malformed in ["", "whsk_", "whsk_!!!", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
            assert_eq!(error(malformed), SigningKeyError::Malformed, "{malformed}");
            let message = error(&format!("{ONE} {malformed}whsk_hunter2")).to_string();
            assert!(!message.contains("nWGx") && !message.contains("hunter2"), "{message}");
        }
        let printed = format!("{:?}", format!("{ONE} {OTHER}").parse::<SigningKeys>().unwrap());
        assert!(printed.contains(PUBLIC) && !printed.contains("whsk_") && !printed.contains("nWGx"));
    }
}
