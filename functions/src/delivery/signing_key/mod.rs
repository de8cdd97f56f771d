//! The private keys that sign callbacks: one, or two while one takes the place of the other.

mod source;

pub use source::{SIGNING_KEY_SECRET, SecretError, SecretId, SigningKeySource};

use std::{fmt, str::FromStr, sync::Arc};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{Engine, prelude::BASE64_STANDARD};
use zeroize::Zeroizing;

/// How private keys start, so that one is told from other secrets at a glance.
const PRIVATE_PREFIX: &str = "whsk_";

/// How many keys sign at once: the one that receivers know, and the one that they are to learn.
const MOST: usize = 2;

/// A private key that signs callbacks. AWS-LC wipes it from memory when it is dropped.
pub struct SigningKey(Ed25519KeyPair);

/// All keys that sign callbacks: each signs every callback, so that whoever knows one of them can verify.
#[derive(Clone, Debug)]
pub struct SigningKeys(Arc<[SigningKey]>);

/// The value is no signing key. It is not repeated: it may be one, mistyped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigningKeyError {
    /// What is no key.
    #[error(
        "must be `whsk_` and the base64 of an Ed25519 private key, 32 bytes (seed) or 64 (seed and public key); \
         or two such keys with a space between"
    )]
    Malformed,
    /// More keys than are ever needed.
    #[error("must be one key, or two while one takes the place of the other: got {0}")]
    TooMany(usize),
    /// The same key twice.
    #[error("must be two different keys: got one of them twice")]
    Twice,
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

/// One key, or two with white space between.
impl FromStr for SigningKeys {
    type Err = SigningKeyError;

    fn from_str(text: &str) -> Result<Self, SigningKeyError> {
        let keys = text.split_whitespace().map(str::parse).collect::<Result<Vec<SigningKey>, _>>()?;
        match &keys[..] {
            [] => Err(SigningKeyError::Malformed),
            [one, other] if one.public_bytes() == other.public_bytes() => Err(SigningKeyError::Twice),
            keys if keys.len() > MOST => Err(SigningKeyError::TooMany(keys.len())),
            _ => Ok(Self(keys.into())),
        }
    }
}

impl SigningKey {
    /// The public key as receivers configure it: `whpk_` and base64.
    #[must_use]
    pub fn public(&self) -> String {
        format!("whpk_{}", BASE64_STANDARD.encode(self.public_bytes()))
    }

    /// The 32 bytes of the public key.
    pub(super) fn public_bytes(&self) -> &[u8] {
        self.0.public_key().as_ref()
    }

    /// The 64 bytes of the signature over `content`.
    pub(super) fn sign(&self, content: &[u8]) -> Vec<u8> {
        self.0.sign(content).as_ref().to_vec()
    }
}

impl SigningKeys {
    /// The keys, in the order in which they were given.
    pub(super) fn each(&self) -> impl Iterator<Item = &SigningKey> {
        self.0.iter()
    }
}

/// As its public key, which tells nobody how to sign.
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

    fn longer(key: &str, public: &str) -> String {
        let bytes = |text: &str| BASE64_STANDARD.decode(&text[5..]).unwrap();
        format!("whsk_{}", BASE64_STANDARD.encode([bytes(key), bytes(public)].concat()))
    }

    fn refused(text: &str) -> SigningKeyError {
        text.parse::<SigningKeys>().unwrap_err()
    }

    #[test]
    fn both_lengths_of_private_key_are_taken() {
        assert_eq!(ONE.parse::<SigningKey>().unwrap().public(), PUBLIC);
        assert_eq!(longer(ONE, PUBLIC).parse::<SigningKey>().unwrap().public(), PUBLIC);
        assert_eq!(longer(OTHER, PUBLIC).parse::<SigningKey>().err(), Some(SigningKeyError::Malformed));
    }

    #[test]
    fn there_are_one_or_two() {
        for (text, count) in [(ONE, 1), (&format!("\n{ONE}\n"), 1), (&format!("{ONE} \n\t{OTHER}"), 2)] {
            assert_eq!(text.parse::<SigningKeys>().unwrap().each().count(), count, "{text}");
        }
        assert_eq!(refused(" "), SigningKeyError::Malformed);
        let third = format!("whsk_{}", BASE64_STANDARD.encode([7; 32]));
        assert_eq!(refused(&format!("{ONE} {OTHER} {third}")), SigningKeyError::TooMany(3));
        assert_eq!(refused(&format!("{ONE} {ONE}")), SigningKeyError::Twice);
        assert_eq!(refused(&format!("{ONE} {}", longer(ONE, PUBLIC))), SigningKeyError::Twice);
    }

    #[test]
    fn a_bad_key_is_refused_and_none_is_printed() {
        for bad in ["", "whsk_", "whsk_!!!", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
            assert_eq!(refused(bad), SigningKeyError::Malformed, "{bad}");
            let message = refused(&format!("{ONE} {bad}whsk_hunter2")).to_string();
            assert!(!message.contains("nWGx") && !message.contains("hunter2"), "{message}");
        }
        let printed = format!("{:?}", format!("{ONE} {OTHER}").parse::<SigningKeys>().unwrap());
        assert!(printed.contains(PUBLIC) && !printed.contains("whsk_") && !printed.contains("nWGx"));
    }
}
