//! Wrapping: AES key wrap with padding (RFC 5649) under a key that is derived (HKDF, RFC 5869) from the root
//! key's material, a salt, the version and the additional authenticated data. Key wrap itself knows no such
//! data; this way other data derive another key, and that does not unwrap.

use aws_lc_rs::{
    hkdf::{HKDF_SHA256, KeyType, Salt},
    key_wrap::{AES_256, AesKek, KeyWrapPadded},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};

use super::{CryptoError, Material, random};
use crate::store::Version;

/// The layout of ciphertexts, as they say it themselves.
const LAYOUT: &str = "1.0.0";

/// A wrapped key, as callers keep it: base64 of JSON, as the service's own.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Ciphertext {
    #[serde(rename = "ciphertext")]
    wrapped: String,
    iv: String,
    version: String,
    /// The version of the root key that wrapped it.
    pub(crate) handle: String,
}

impl Ciphertext {
    /// `None` where it is none that was ever made here.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let json = BASE64_STANDARD.decode(text).ok()?;
        let ciphertext: Self = serde_json::from_slice(&json).ok()?;
        (ciphertext.version == LAYOUT).then_some(ciphertext)
    }
}

/// Wraps `plaintext`.
pub(crate) fn wrap(version: &Version, plaintext: &Material, aad: &[String]) -> Result<String, CryptoError> {
    let salt = random::<32>()?;
    // A block for the padding, and one for what vouches for it.
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

/// Unwraps what `version` wrapped with the same additional data.
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

/// The key-encryption key of these circumstances and no others.
fn kek(version: &Version, salt: &[u8], aad: &[String]) -> Result<AesKek, CryptoError> {
    // Each part after its length, so that no two lists look alike.
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
    fn what_was_wrapped_unwraps_whatever_its_length() {
        for length in [1, 7, 8, 16, 31, 32, 33, 3_000] {
            let plaintext = Material::new(vec![9; length]);
            let wrapped = wrap(&version("v", 1), &plaintext, &aad(&["a"])).unwrap();
            let ciphertext = Ciphertext::parse(&wrapped).unwrap();
            assert_eq!(ciphertext.handle, "v");
            assert_eq!(unwrap(&version("v", 1), &ciphertext, &aad(&["a"])), Ok(plaintext), "{length} bytes");
        }
    }

    #[test]
    fn only_the_same_circumstances_unwrap() {
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
    fn the_same_plaintext_never_looks_the_same() {
        let once = || wrap(&version("v", 1), &Material::new(vec![9; 32]), &[]).unwrap();
        assert_ne!(once(), once());
    }

    #[test]
    fn anything_else_is_no_ciphertext() {
        let other = BASE64_STANDARD.encode(r#"{"ciphertext":"","iv":"","version":"9","handle":"v"}"#);
        for wrong in ["", "x", "e30=", other.as_str()] {
            assert!(Ciphertext::parse(wrong).is_none(), "{wrong}");
        }
    }
}
