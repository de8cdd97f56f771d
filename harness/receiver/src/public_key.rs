//! The sender's public keys: as configured by operators, and as a published key set.

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use ed25519_dalek::VerifyingKey;
use serde::{Deserialize, de::IgnoredAny};

use crate::strict::{self, Object};

/// Prefix of public keys (Standard Webhooks). Private keys start with `whsk_`.
const PREFIX: &str = "whpk_";

/// An error in the public keys of a verifier: missing, malformed, unsafe or private.
///
/// ```
/// use keysync_receiver::{PublicKeyError, Verifier};
///
/// assert_eq!(Verifier::new("databases", ["whpk_short"]).err(), Some(PublicKeyError::Malformed { place: 1 }));
/// assert_eq!(Verifier::new("databases", ["whsk_bm90IHlvdXJz"]).err(), Some(PublicKeyError::Private { place: 1 }));
/// // The neutral element of the curve: anyone can create valid signatures for it.
/// let neutral = "whpk_AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
/// assert_eq!(Verifier::new("databases", [neutral]).err(), Some(PublicKeyError::Unsafe { place: 1 }));
/// assert_eq!(Verifier::new("databases", [] as [&str; 0]).err(), Some(PublicKeyError::None));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublicKeyError {
    /// There is no key, so no callback could be verified.
    #[error("no public key is given: ask the operator of keysync for it (`whpk_…`)")]
    None,
    /// The key at this position is malformed. The message does not repeat it, because it may be a
    /// secret pasted by mistake.
    #[error(
        "public key {place} must be a 32-byte Ed25519 public key: `whpk_` followed by base64, or, in a key set, `x` in \
         base64url"
    )]
    Malformed {
        /// The key's position in the list, starting at 1.
        place: usize,
    },
    /// The key has 32 bytes but is not a point of the curve, not in canonical encoding, or not of
    /// prime order. Anyone can sign for a point of small order, and implementations differ for
    /// points of mixed order.
    #[error(
        "public key {place} is not a safe Ed25519 public key, which is a point of prime order in canonical encoding: ask \
         the operator of keysync for the correct key"
    )]
    Unsafe {
        /// The key's position in the list, starting at 1.
        place: usize,
    },
    /// The key is a private key, with which anyone can forge callbacks.
    #[error(
        "public key {place} is a private key (`whsk_`), which only the sender may have: configure the public key \
         (`whpk_…`), and report the leaked private key to the operator of keysync"
    )]
    Private {
        /// The key's position in the list, starting at 1.
        place: usize,
    },
    /// The document is not a key set.
    #[error(
        "the document is not a key set (RFC 7517), which is a JSON object with a list `keys`: fetch the sender's \
         `/.well-known/jwks.json`, and check that the status of the response is 200"
    )]
    NoKeySet,
}

impl PublicKeyError {
    /// A short, stable code, used in the test vectors like
    /// [`Rejected::code`](crate::Rejected::code).
    ///
    /// ```
    /// assert_eq!(keysync_receiver::PublicKeyError::Unsafe { place: 1 }.code(), "unsafe");
    /// ```
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Malformed { .. } => "malformed",
            Self::Unsafe { .. } => "unsafe",
            Self::Private { .. } => "private",
            Self::NoKeySet => "no-key-set",
        }
    }

    /// The position of the invalid key in the list, starting at 1, or `None` if no single key is
    /// invalid.
    ///
    /// ```
    /// assert_eq!(keysync_receiver::PublicKeyError::Unsafe { place: 2 }.place(), Some(2));
    /// assert_eq!(keysync_receiver::PublicKeyError::None.place(), None);
    /// ```
    #[must_use]
    pub const fn place(&self) -> Option<usize> {
        match self {
            Self::Malformed { place } | Self::Unsafe { place } | Self::Private { place } => Some(*place),
            Self::None | Self::NoKeySet => None,
        }
    }
}

/// A JSON Web Key Set (RFC 7517). Unknown fields are ignored.
#[derive(Deserialize)]
struct Jwks {
    keys: Vec<Object<Jwk>>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    crv: Option<String>,
    r#use: Option<String>,
    x: Option<String>,
    /// The private part of a private key.
    d: Option<IgnoredAny>,
}

/// Parses the Ed25519 signature keys of a key set (RFC 8037, section 2).
pub(crate) fn parse_set(document: &[u8]) -> Result<Vec<VerifyingKey>, PublicKeyError> {
    let Jwks { keys } = strict::object(document).map_err(|_| PublicKeyError::NoKeySet)?;
    let keys = keys.into_iter().map(|Object(key)| key);
    let verifies = |key: &Jwk| {
        key.kty == "OKP"
            && key.crv.as_deref() == Some("Ed25519")
            && key.r#use.as_deref().is_none_or(|it| it == "sig")
    };
    let parse = |(place, key): (usize, Jwk)| match key {
        Jwk { d: Some(_), .. } => Err(PublicKeyError::Private { place }),
        key => from_bytes(BASE64_URL_SAFE_NO_PAD.decode(key.x.unwrap_or_default()).ok(), place),
    };
    (1..).zip(keys).filter(|(_, key)| verifies(key)).map(parse).collect()
}

/// The keys, of which there must be one.
pub(crate) fn at_least_one(keys: Vec<VerifyingKey>) -> Result<Vec<VerifyingKey>, PublicKeyError> {
    if keys.is_empty() { Err(PublicKeyError::None) } else { Ok(keys) }
}

/// Parses the key at position `place`.
pub(crate) fn parse(text: &str, place: usize) -> Result<VerifyingKey, PublicKeyError> {
    if text.starts_with("whsk_") {
        return Err(PublicKeyError::Private { place });
    }
    let bytes = text.strip_prefix(PREFIX).and_then(|text| BASE64_STANDARD.decode(text).ok());
    from_bytes(bytes, place)
}

fn from_bytes(bytes: Option<Vec<u8>>, place: usize) -> Result<VerifyingKey, PublicKeyError> {
    let bytes = bytes.and_then(|bytes| bytes.try_into().ok()).ok_or(PublicKeyError::Malformed { place })?;
    VerifyingKey::from_bytes(&bytes)
        .ok()
        .filter(|key| is_safe(key, &bytes))
        .ok_or(PublicKeyError::Unsafe { place })
}

/// Whether a key is canonically encoded and of prime order. `VerifyingKey` accepts every encoding
/// of every point.
fn is_safe(key: &VerifyingKey, encoded: &[u8; 32]) -> bool {
    let point = key.to_edwards();
    // Prime order: neither a divisor of 8 nor a multiple of the prime. None of the 19 non-canonical
    // values of y belongs to such a point, so the comparison of the encoding is only faster.
    point.compress().as_bytes() == encoded && !key.is_weak() && point.is_torsion_free()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_key_of_wrong_length_or_order() {
        let encoded = |bytes: &[u8]| format!("whpk_{}", BASE64_STANDARD.encode(bytes));
        assert!(parse(crate::sample::PUBLIC_KEY, 1).is_ok());
        for bytes in [&[7; 31][..], &[7; 33], &[]] {
            let malformed = Some(PublicKeyError::Malformed { place: 2 });
            assert_eq!(parse(&encoded(bytes), 2).err(), malformed, "{bytes:?}");
        }
        assert_eq!(parse(&encoded(&[0; 32]), 2).err(), Some(PublicKeyError::Unsafe { place: 2 }));
    }

    #[test]
    fn key_set_yields_only_ed25519_signature_keys() {
        let set = |keys: &str| parse_set(format!(r#"{{"keys":[{keys}]}}"#).as_bytes());
        let ours = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#;
        let others = [
            r#"{"kty":"RSA","n":"0vx7","e":"AQAB"}"#,
            r#"{"kty":"OKP","crv":"X25519","x":"3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08"}"#,
            r#"{"kty":"OKP","crv":"Ed25519","use":"enc","x":"AA"}"#,
        ];
        let others = others.join(",");
        let expected = parse(crate::sample::PUBLIC_KEY, 1).unwrap();
        assert_eq!(set(&format!("{others},{ours}}}")), Ok(vec![expected]));
        assert_eq!(parse_set(crate::sample::JWKS.as_bytes()), Ok(vec![expected]));
        assert_eq!(set(&others), Ok(Vec::new()));
        let with_private = format!(r#"{others},{ours},"d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}}"#);
        assert_eq!(set(&with_private), Err(PublicKeyError::Private { place: 4 }));
        for x in ["", "AA"] {
            let key = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}"#);
            assert_eq!(set(&key), Err(PublicKeyError::Malformed { place: 1 }), "{x}");
        }
        for document in ["", "[]", "{}", r#"{"keys":{}}"#, "<html>"] {
            assert_eq!(parse_set(document.as_bytes()), Err(PublicKeyError::NoKeySet), "{document}");
        }
        assert_eq!(
            crate::Verifier::from_jwks("databases", r#"{"keys":[]}"#).err(),
            Some(PublicKeyError::None)
        );
    }
}
