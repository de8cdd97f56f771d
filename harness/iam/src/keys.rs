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
    /// All keys since the start, withdrawn ones included.
    all: Vec<Arc<SigningKey>>,
}

/// A key pair and its key ID (`kid`).
pub(super) struct SigningKey {
    pub(super) kid: String,
    pair: KeyPair,
}

impl SigningKeys {
    pub(super) fn generate() -> Result<Self, IamError> {
        let current = Arc::new(SigningKey::generate()?);
        Ok(Self { all: vec![current.clone()], current, old: Vec::new() })
    }

    pub(super) fn rotate(&mut self) -> Result<(), IamError> {
        let new = Arc::new(SigningKey::generate()?);
        self.all.push(new.clone());
        self.old.push(std::mem::replace(&mut self.current, new));
        Ok(())
    }

    pub(super) fn withdraw_old(&mut self) {
        self.old.clear();
    }

    /// The IDs of the published keys, the current one first.
    pub(super) fn published_ids(&self) -> Vec<String> {
        self.published().map(|key| key.kid.clone()).collect()
    }

    /// Publishes the keys with these IDs again, the first one as the current key. Changes nothing
    /// if that key is unknown: it is one of another IAM.
    pub(super) fn publish(&mut self, ids: &[String]) {
        let known = ids.iter().filter_map(|id| self.all.iter().find(|key| key.kid == *id).cloned());
        let mut known = known.collect::<Vec<_>>().into_iter();
        if let Some(current) = known.next().filter(|key| ids.first() == Some(&key.kid)) {
            self.current = current;
            self.old = known.collect();
        }
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
