//! The material of a key: bytes that are never shown.

use std::fmt;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{CryptoError, random};

/// The material of one version of a key, or what a key protects.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Material(Vec<u8>);

impl Material {
    /// 32 new bytes.
    pub(crate) fn generate() -> Result<Self, CryptoError> {
        Ok(Self(random::<32>()?.to_vec()))
    }

    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// `None` where it is no base64, or empty.
    pub(crate) fn from_base64(text: &str) -> Option<Self> {
        let bytes = BASE64_STANDARD.decode(text).ok()?;
        (!bytes.is_empty()).then_some(Self(bytes))
    }

    /// For the one answer that hands it out.
    pub(crate) fn to_base64(&self) -> String {
        BASE64_STANDARD.encode(&self.0)
    }

    /// Whether it is as long as an AES key.
    pub(crate) fn is_aes_key(&self) -> bool {
        matches!(self.0.len(), 16 | 24 | 32)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Material({} bytes that are not shown)", self.0.len())
    }
}

/// Text and no bytes: whatever reads the table as JSON can read this, too.
impl Serialize for Material {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_base64())
    }
}

impl<'de> Deserialize<'de> for Material {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::from_base64(&text).ok_or_else(|| serde::de::Error::custom("material that is no base64"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_not_shown() {
        let material = Material::from_base64("c2VjcmV0LXNlY3JldA==").unwrap();
        assert_eq!(format!("{material:?}"), "Material(13 bytes that are not shown)");
    }

    #[test]
    fn it_is_base64_of_something() {
        for wrong in ["", "c2VjcmV0LXNlY3JldA", "c2Vj cmV0", "ключ"] {
            assert_eq!(Material::from_base64(wrong), None, "{wrong}");
        }
        for (length, fits) in [(15, false), (16, true), (24, true), (32, true), (33, false)] {
            assert_eq!(Material::new(vec![7; length]).is_aes_key(), fits, "{length} bytes");
        }
    }
}
