//! Keys that sign access tokens: RSA keys of 2048 bits, generated when IAM is created.

use std::sync::Arc;

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, UnparsedPublicKey},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use uuid::Uuid;

use super::IamError;

/// The current signing key and the earlier ones that are still published. Clones share the keys.
#[derive(Clone)]
pub(super) struct SigningKeys {
    current: Arc<SigningKey>,
    old: Vec<Arc<SigningKey>>,
}

/// A key pair and its key ID (`kid`).
pub(super) struct SigningKey {
    pub(super) kid: String,
    pair: KeyPair,
}

impl SigningKeys {
    pub(super) fn generate() -> Result<Self, IamError> {
        Ok(Self { current: Arc::new(SigningKey::generate()?), old: Vec::new() })
    }

    pub(super) fn rotate(&mut self) -> Result<(), IamError> {
        let old = std::mem::replace(&mut self.current, Arc::new(SigningKey::generate()?));
        self.old.push(old);
        Ok(())
    }

    pub(super) fn withdraw_old(&mut self) {
        self.old.clear();
    }

    pub(super) fn current(&self) -> &SigningKey {
        &self.current
    }

    /// Finds a published key by its ID.
    pub(super) fn find(&self, kid: &str) -> Option<&SigningKey> {
        self.published().find(|key| key.kid == kid)
    }

    /// The JSON Web Key Set (RFC 7517) of the published keys.
    pub(super) fn jwks(&self) -> Value {
        json!({"keys": self.published().map(SigningKey::jwk).collect::<Vec<_>>()})
    }

    fn published(&self) -> impl Iterator<Item = &SigningKey> {
        std::iter::once(&self.current).chain(&self.old).map(AsRef::as_ref)
    }
}

impl SigningKey {
    pub(super) fn generate() -> Result<Self, IamError> {
        let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_| IamError)?;
        Ok(Self { kid: format!("key-{}", Uuid::new_v4().simple()), pair })
    }

    /// Signs `message` with RS256 (RFC 7518).
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, IamError> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
            .map_err(|_| IamError)?;
        Ok(signature)
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, self.pair.public_key().as_ref())
            .verify(message, signature)
            .is_ok()
    }

    fn jwk(&self) -> Value {
        let public = self.pair.public_key();
        let encoded = |number: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(number);
        json!({
            "kty": "RSA", "alg": "RS256", "use": "sig", "kid": self.kid,
            "n": encoded(public.modulus().big_endian_without_leading_zero()),
            "e": encoded(public.exponent().big_endian_without_leading_zero()),
        })
    }
}
