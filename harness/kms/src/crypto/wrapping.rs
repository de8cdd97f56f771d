//! Wrapping: AES key wrap with padding (RFC 5649) with a key that is derived (HKDF, RFC 5869) from
//! the root key's material, a salt, the version and the additional authenticated data (AAD). Key
//! wrap does not support AAD. Here other AAD derives another key, so that unwrapping fails.

use aws_lc_rs::{
    hkdf::{HKDF_SHA256, KeyType, Salt},
    key_wrap::{AES_256, AesKek, KeyWrapPadded},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};

use super::{CryptoError, Material, random};
use crate::store::Version;

/// Version of the ciphertext's layout, which is part of it.
const LAYOUT: &str = "1.0.0";

/// A ciphertext as callers store it: JSON in base64, as in the documented service.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Ciphertext {
    #[serde(rename = "ciphertext")]
    wrapped: String,
    iv: String,
    version: String,
    /// ID of the root key version that wrapped the plaintext.
    pub(crate) handle: String,
}

impl Ciphertext {
    /// Parses a ciphertext. `None` if it is invalid or has another layout.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let json = BASE64_STANDARD.decode(text).ok()?;
        let ciphertext: Self = serde_json::from_slice(&json).ok()?;
        (ciphertext.version == LAYOUT).then_some(ciphertext)
    }
}

/// Wraps `plaintext` with `version` and the additional authenticated data.
pub(crate) fn wrap(version: &Version, plaintext: &Material, aad: &[String]) -> Result<String, CryptoError> {
    let salt = random::<32>()?;
    // RFC 5649 adds up to 7 bytes of padding and an integrity check value of 8 bytes.
    let mut output = vec![0; plaintext.bytes().len() + 16];
    let wrapped = kek(version, &salt, aad)?.wrap_with_padding(plaintext.bytes(), &mut output)?;
    let ciphertext = Ciphertext {
        wrapped: BASE64_STANDARD.encode(wrapped),
        iv: BASE64_STANDARD.encode(salt),
        version: LAYOUT.to_owned(),
        handle: version.id.clone(),
    };
    Ok(BASE64_STANDARD.encode(serde_json::to_vec(&ciphertext).map_err(|_| CryptoError)?))
}

/// Unwraps a ciphertext of `version`. Fails if the additional authenticated data differs.
pub(crate) fn unwrap(
    version: &Version,
    ciphertext: &Ciphertext,
    aad: &[String],
) -> Result<Material, CryptoError> {
    let decode = |text: &str| BASE64_STANDARD.decode(text).map_err(|_| CryptoError);
    let (wrapped, salt) = (decode(&ciphertext.wrapped)?, decode(&ciphertext.iv)?);
    let mut output = vec![0; wrapped.len()];
    let plaintext = kek(version, &salt, aad)?.unwrap_with_padding(&wrapped, &mut output)?;
    Ok(Material::new(plaintext.to_vec()))
}

/// Derives the key-encryption key for a version, a salt and additional authenticated data.
fn kek(version: &Version, salt: &[u8], aad: &[String]) -> Result<AesKek, CryptoError> {
    // Each part has a length prefix, so that different lists have different encodings.
    let mut info = Vec::new();
    for part in std::iter::once(&version.id).chain(aad) {
        info.extend_from_slice(&(part.len() as u64).to_be_bytes());
        info.extend_from_slice(part.as_bytes());
    }
    let mut key = [0; 32];
    let derived = Salt::new(HKDF_SHA256, salt).extract(version.material.bytes());
    derived.expand(&[&info], Length32)?.fill(&mut key)?;
    Ok(AesKek::new(&AES_256, &key)?)
}

#[derive(Clone, Copy)]
struct Length32;

impl KeyType for Length32 {
    fn len(&self) -> usize {
        32
    }
}

#[cfg(test)]
mod tests {
    use keysync::domain::EpochMillis;

    use super::*;

    fn version(id: &str, material: u8) -> Version {
        let material = Material::new(vec![material; 16]);
        Version { id: id.to_owned(), created_at: EpochMillis::new(0), material }
    }

    fn aad(parts: &[&str]) -> Vec<String> {
        parts.iter().map(|part| (*part).to_owned()).collect()
    }

    #[test]
    fn unwrap_restores_plaintext_of_any_length() {
        for length in [1, 7, 8, 16, 31, 32, 33, 3_000] {
            let plaintext = Material::new(vec![9; length]);
            let wrapped = wrap(&version("v", 1), &plaintext, &aad(&["a"])).unwrap();
            let ciphertext = Ciphertext::parse(&wrapped).unwrap();
            assert_eq!(ciphertext.handle, "v");
            assert_eq!(unwrap(&version("v", 1), &ciphertext, &aad(&["a"])), Ok(plaintext), "{length} bytes");
        }
    }

    #[test]
    fn unwrap_requires_same_version_and_aad() {
        let wrapped = wrap(&version("v", 1), &Material::new(vec![9; 32]), &aad(&["ab", "c"])).unwrap();
        let ciphertext = Ciphertext::parse(&wrapped).unwrap();
        for (version, aad) in [
            (version("v", 2), aad(&["ab", "c"])),
            (version("w", 1), aad(&["ab", "c"])),
            (version("v", 1), aad(&["a", "bc"])),
            (version("v", 1), aad(&["c", "ab"])),
            (version("v", 1), aad(&[])),
        ] {
            assert_eq!(unwrap(&version, &ciphertext, &aad), Err(CryptoError), "{version:?} {aad:?}");
        }
    }

    #[test]
    fn wrap_is_not_deterministic() {
        let wrapped = || wrap(&version("v", 1), &Material::new(vec![9; 32]), &[]).unwrap();
        assert_ne!(wrapped(), wrapped());
    }

    #[test]
    fn rejects_invalid_ciphertext() {
        let other = BASE64_STANDARD.encode(r#"{"ciphertext":"","iv":"","version":"9","handle":"v"}"#);
        for invalid in ["", "x", "e30=", other.as_str()] {
            assert!(Ciphertext::parse(invalid).is_none(), "{invalid}");
        }
    }
}
