//! The sender's public key, as operators hand it out.

use base64::{Engine, prelude::BASE64_STANDARD};
use ed25519_dalek::VerifyingKey;

/// How public keys start (Standard Webhooks), so that one is told from a private key (`whsk_`) at a glance.
const PREFIX: &str = "whpk_";

/// A verifier was given no key, or one that is none.
///
/// ```
/// use keysync_receiver::{PublicKeyError, Verifier};
///
/// assert_eq!(Verifier::new(["whpk_short"]).err(), Some(PublicKeyError::Malformed { place: 1 }));
/// assert_eq!(Verifier::new(["whsk_bm90IHlvdXJz"]).err(), Some(PublicKeyError::Private { place: 1 }));
/// assert_eq!(Verifier::new([] as [&str; 0]).err(), Some(PublicKeyError::None));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublicKeyError {
    /// There is no key at all, so nothing could ever be verified.
    #[error("no public key is given: ask the operator of keysync for theirs (`whpk_…`)")]
    None,
    /// The key at this place of the list, from 1 on, is none. It is not repeated: it may be a secret, pasted wrongly.
    #[error("public key {place} must be `whpk_` and the base64 of the 32 bytes of an Ed25519 public key")]
    Malformed {
        /// Its place in the list.
        place: usize,
    },
    /// It is a private key: whoever has it can forge callbacks.
    #[error(
        "key {place} is a private key (`whsk_`), which only the sender may have: configure the public one (`whpk_…`), \
         and tell the sender's operator that theirs got out"
    )]
    Private {
        /// Its place in the list.
        place: usize,
    },
}

/// Reads the key that stands at `place`.
pub(crate) fn parse(text: &str, place: usize) -> Result<VerifyingKey, PublicKeyError> {
    if text.starts_with("whsk_") {
        return Err(PublicKeyError::Private { place });
    }
    let key = || {
        let bytes = BASE64_STANDARD.decode(text.strip_prefix(PREFIX)?).ok()?;
        let key = VerifyingKey::from_bytes(&bytes.try_into().ok()?).ok()?;
        // By a key of small order anybody could sign.
        (!key.is_weak()).then_some(key)
    };
    key().ok_or(PublicKeyError::Malformed { place })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_the_wrong_length_or_of_small_order_is_none() {
        let encoded = |bytes: &[u8]| format!("whpk_{}", BASE64_STANDARD.encode(bytes));
        assert!(parse(crate::sample::PUBLIC_KEY, 1).is_ok());
        for bytes in [&[7; 31][..], &[7; 33], &[0; 32], &[]] {
            let malformed = Some(PublicKeyError::Malformed { place: 2 });
            assert_eq!(parse(&encoded(bytes), 2).err(), malformed, "{bytes:?}");
        }
    }
}
