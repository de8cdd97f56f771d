//! Key material: secret bytes that are never logged.

use std::fmt;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{CryptoError, random};

/// The material of a key version, or a plaintext that a key protects.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Material(Vec<u8>);

impl Material {
    /// Generates 32 random bytes.
    pub(crate) fn generate() -> Result<Self, CryptoError> {
        Ok(Self(random::<32>()?.to_vec()))
    }

    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Decodes base64. `None` if it is invalid or empty.
    pub(crate) fn from_base64(text: &str) -> Option<Self> {
        let bytes = BASE64_STANDARD.decode(text).ok()?;
        (!bytes.is_empty()).then_some(Self(bytes))
    }

    /// Encodes the material for storage, or for a response that contains it.
    pub(crate) fn to_base64(&self) -> String {
        BASE64_STANDARD.encode(&self.0)
    }

    /// Whether the length is that of an AES key: 16, 24 or 32 bytes.
    pub(crate) fn is_aes_key(&self) -> bool {
        matches!(self.0.len(), 16 | 24 | 32)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Material({} bytes, redacted)", self.0.len())
    }
}

/// Serialized as a base64 string, so that the table's items can be converted to JSON.
impl Serialize for Material {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_base64())
    }
}

impl<'de> Deserialize<'de> for Material {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::from_base64(&text).ok_or_else(|| serde::de::Error::custom("invalid base64 in key material"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_redacts_material() {
        let material = Material::from_base64("c2VjcmV0LXNlY3JldA==").unwrap();
        assert_eq!(format!("{material:?}"), "Material(13 bytes, redacted)");
    }

    #[test]
    fn rejects_invalid_base64_and_lengths() {
        for invalid in ["", "c2VjcmV0LXNlY3JldA", "c2Vj cmV0", "ключ"] {
            assert_eq!(Material::from_base64(invalid), None, "{invalid}");
        }
        for (length, fits) in [(15, false), (16, true), (24, true), (32, true), (33, false)] {
            assert_eq!(Material::new(vec![7; length]).is_aes_key(), fits, "{length} bytes");
        }
    }
}
