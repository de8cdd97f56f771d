//! Verification of a token's signature, which remembers valid ones.
//!
//! Whether a signature is valid depends on the token and the public key only, and nothing else is
//! remembered: the key is looked up and every claim is checked for each request. The key is part of
//! what is hashed, so a signature counts for the key that it was verified with, as long as that is
//! the one of its `kid` in IAM's current set.

use std::{
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
};

use aws_lc_rs::digest::{Context, SHA256, SHA256_OUTPUT_LEN};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind, crypto};
use lru::LruCache;

/// The maximum number of remembered signatures, the least recently used dropped
/// (`docs/reference/limits.md#remembered-signatures`).
const MAX_REMEMBERED: NonZeroUsize = NonZeroUsize::new(1000).expect("not zero");

/// The SHA-256 hash of a public key and a token.
type Hash = [u8; SHA256_OUTPUT_LEN];

/// Verifies signatures, and remembers the hashes of valid ones.
pub(super) struct Signatures(Mutex<LruCache<Hash, ()>>);

impl Default for Signatures {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(MAX_REMEMBERED)))
    }
}

impl std::fmt::Debug for Signatures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signatures").finish_non_exhaustive()
    }
}

impl Signatures {
    /// Verifies `signature` of `signed` with `key`. The error says what is invalid.
    pub(super) fn verify(&self, key: &DecodingKey, signed: &str, signature: &str) -> Result<(), String> {
        let hash = hash(key, signed, signature);
        if hash.is_some_and(|hash| self.lock().get(&hash).is_some()) {
            return Ok(());
        }
        match crypto::verify(signature, signed.as_bytes(), key, Algorithm::RS256) {
            Ok(true) => {}
            Ok(false) => return Err("the signature is invalid".to_owned()),
            Err(error) => return Err(format!("the signature is malformed: {error}")),
        }
        if let Some(hash) = hash {
            self.lock().put(hash, ());
        }
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, LruCache<Hash, ()>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The hash of all that a verification depends on, each part with its length. `None` for a key that
/// is not RSA, which the key set does not have.
fn hash(key: &DecodingKey, signed: &str, signature: &str) -> Option<Hash> {
    let DecodingKeyKind::RsaModulusExponent { n, e } = key.kind() else { return None };
    let mut context = Context::new(&SHA256);
    for part in [n.as_slice(), e.as_slice(), signed.as_bytes(), signature.as_bytes()] {
        context.update(&part.len().to_be_bytes());
        context.update(part);
    }
    context.finish().as_ref().try_into().ok()
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::{
        rand::SystemRandom,
        rsa::{KeyPair, KeySize},
        signature::{KeyPair as _, RSA_PKCS1_SHA256},
    };
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

    use super::*;

    struct Signer {
        pair: KeyPair,
        public: DecodingKey,
    }

    impl Signer {
        fn new() -> Self {
            let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
            let public = pair.public_key();
            let (n, e) = (public.modulus(), public.exponent());
            let public = DecodingKey::from_rsa_raw_components(
                n.big_endian_without_leading_zero(),
                e.big_endian_without_leading_zero(),
            );
            Self { pair, public }
        }

        fn sign(&self, text: &str) -> String {
            let mut signature = vec![0; self.pair.public_modulus_len()];
            let random = SystemRandom::new();
            self.pair.sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature).unwrap();
            BASE64_URL_SAFE_NO_PAD.encode(signature)
        }
    }

    #[test]
    fn remembered_signature_counts_for_its_token_and_key() {
        let (signer, other) = (Signer::new(), Signer::new());
        let (signatures, signature) = (Signatures::default(), signer.sign("a.b"));
        for _ in 0..2 {
            assert_eq!(signatures.verify(&signer.public, "a.b", &signature), Ok(()));
            assert!(signatures.verify(&other.public, "a.b", &signature).is_err(), "another key");
            assert!(signatures.verify(&signer.public, "a.c", &signature).is_err(), "another token");
            assert!(signatures.verify(&signer.public, "a.b", &signer.sign("a.c")).is_err());
            assert!(signatures.verify(&signer.public, "a.", &format!("b{signature}")).is_err());
        }
        assert_eq!(signatures.lock().len(), 1, "invalid ones are not remembered");
    }

    #[test]
    fn least_recently_used_signature_is_forgotten() {
        let (signer, signatures) = (Signer::new(), Signatures::default());
        signatures.verify(&signer.public, "first", &signer.sign("first")).unwrap();
        for n in 0..MAX_REMEMBERED.get() {
            signatures.lock().put(hash(&signer.public, &n.to_string(), "").unwrap(), ());
        }
        assert_eq!(signatures.lock().len(), MAX_REMEMBERED.get());
        assert!(
            signatures.lock().peek(&hash(&signer.public, "first", &signer.sign("first")).unwrap()).is_none()
        );
    }
}
