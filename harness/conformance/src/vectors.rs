//! The test vectors, as this crate reads them.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_STANDARD};
use ed25519_dalek::{Signature, Signer, SigningKey};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Value, json};

use crate::Error;

/// The test vectors.
#[derive(Deserialize)]
pub(crate) struct Vectors {
    pub(crate) service: String,
    pub(crate) keys: Keys,
    #[serde(rename = "vectors")]
    pub(crate) callbacks: Vec<Vector>,
    pub(crate) requests: Vec<RawVector>,
}

/// The keys of the vectors' signatures.
#[derive(Deserialize)]
pub(crate) struct Keys {
    pub(crate) current: Key,
    pub(crate) next: Key,
}

/// A callback.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) why: String,
    pub(crate) service: String,
    pub(crate) public_keys: Vec<String>,
    pub(crate) now: u64,
    pub(crate) headers: BTreeMap<String, Values>,
    body: Option<String>,
    body_base64: Option<String>,
    #[serde(default)]
    padding: usize,
    pub(crate) expect: Expect,
}

/// The values of a header.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum Values {
    One(String),
    Several(Vec<String>),
}

/// The expected result of a callback.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Expect {
    Accepted(IgnoredAny),
    Rejected(String),
}

/// A raw request.
#[derive(Deserialize)]
pub(crate) struct RawVector {
    pub(crate) name: String,
    pub(crate) group: String,
    pub(crate) why: String,
    pub(crate) send: Vec<Part>,
    pub(crate) statuses: Vec<Value>,
}

/// A part of a raw request: characters that are one byte each.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Part {
    Text(String),
    Repeated { repeat: String, times: usize },
}

/// A key pair for tests, whose private part is published.
#[derive(Clone, Deserialize)]
#[serde(try_from = "KeyPair")]
pub(crate) struct Key {
    /// `whpk_…`
    pub(crate) public: String,
    signing: SigningKey,
}

#[derive(Deserialize)]
struct KeyPair {
    private: String,
    public: String,
}

impl TryFrom<KeyPair> for Key {
    type Error = String;

    fn try_from(KeyPair { private, public }: KeyPair) -> Result<Self, String> {
        let seed = private.strip_prefix("whsk_").and_then(|encoded| BASE64_STANDARD.decode(encoded).ok());
        let seed = seed
            .and_then(|seed| seed.try_into().ok())
            .ok_or("a key must be `whsk_` and base64 of 32 bytes")?;
        Ok(Self { public, signing: SigningKey::from_bytes(&seed) })
    }
}

impl Key {
    /// The signature of the content, as in `webhook-signature`.
    pub(crate) fn sign(&self, content: &[u8]) -> String {
        format!("v1a,{}", BASE64_STANDARD.encode(self.signing.sign(content).to_bytes()))
    }

    /// Whether `token` is this key's signature of the content.
    pub(crate) fn has_signed(&self, content: &[u8], token: &str) -> bool {
        let bytes = token.strip_prefix("v1a,").and_then(|encoded| BASE64_STANDARD.decode(encoded).ok());
        let signature = bytes.and_then(|bytes| Signature::from_slice(&bytes).ok());
        signature
            .is_some_and(|signature| self.signing.verifying_key().verify_strict(content, &signature).is_ok())
    }

    /// The key in a key set (RFC 8037).
    pub(crate) fn jwk(&self) -> Value {
        let encoded = self.public.trim_start_matches("whpk_");
        let x = encoded.replace('+', "-").replace('/', "_").replace('=', "");
        json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": x, "x": x, "whpk": self.public})
    }
}

impl Vectors {
    pub(crate) fn read() -> Result<Self, Error> {
        serde_json::from_str(keysync_receiver::TEST_VECTORS)
            .map_err(|error| Error::Vectors(error.to_string()))
    }

    /// The first vector, an authentic callback.
    pub(crate) fn golden(&self) -> Result<&Vector, Error> {
        self.callbacks.first().ok_or_else(|| Error::Vectors("there is no vector".to_owned()))
    }
}

impl Vector {
    /// The body as sent.
    pub(crate) fn body(&self) -> Vec<u8> {
        let decoded =
            || BASE64_STANDARD.decode(self.body_base64.as_deref().unwrap_or_default()).unwrap_or_default();
        let mut body = self.body.as_ref().map_or_else(decoded, |text| text.clone().into_bytes());
        body.resize(body.len() + self.padding, b' ');
        body
    }

    /// The only value of a header; empty if it is absent or duplicate.
    pub(crate) fn header(&self, name: &str) -> &str {
        match self.headers.get(name) {
            Some(Values::One(value)) => value,
            _ => "",
        }
    }

    /// The number of spaces at the end of the body that fill it up to a limit.
    pub(crate) fn padding(&self) -> usize {
        self.padding
    }
}

impl Values {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        let values = match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Several(values) => values,
        };
        values.iter().map(String::as_str)
    }
}

impl RawVector {
    /// The bytes of all parts.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let byte = |c: char| u8::try_from(u32::from(c)).unwrap_or(b'?');
        let bytes = |text: &str| text.chars().map(byte).collect::<Vec<_>>();
        let parts = self.send.iter().map(|part| match part {
            Part::Text(text) => bytes(text),
            Part::Repeated { repeat, times } => bytes(repeat).repeat(*times),
        });
        parts.collect::<Vec<_>>().concat()
    }
}
