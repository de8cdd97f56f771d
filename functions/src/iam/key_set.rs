//! Parsing of IAM's public key set (JWKS, RFC 7517): the keys that can verify access tokens.

use std::{collections::HashMap, ops::RangeInclusive};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::strict_json;

/// The accepted sizes of RSA moduli, in bits. The maximum is that of aws-lc-rs
/// (`docs/reference/limits.md#rsa`).
const MODULUS_BITS: RangeInclusive<usize> = 2048..=8192;
/// The maximum size of a public exponent, in bytes. 65,537 has three; longer ones only cost time.
const MAX_EXPONENT_BYTES: usize = 4;

/// The RS256 signature keys of a set, by key id. Other keys are ignored; of two keys with the same
/// id, the first one counts.
pub(super) fn parse(body: &[u8]) -> Result<HashMap<String, DecodingKey>, String> {
    #[derive(Deserialize)]
    struct Set<'a> {
        #[serde(borrow)]
        keys: Vec<&'a RawValue>,
    }
    let set: Set<'_> = strict_json::from_slice(body).map_err(|error| format!("invalid JWKS: {error}"))?;
    let mut keys = HashMap::new();
    for (kid, key) in set.keys.into_iter().filter_map(signature_key) {
        keys.entry(kid).or_insert(key);
    }
    if keys.is_empty() { Err("the JWKS contains no usable RS256 key".to_owned()) } else { Ok(keys) }
}

fn signature_key(jwk: &RawValue) -> Option<(String, DecodingKey)> {
    #[derive(Deserialize)]
    struct Jwk {
        kid: String,
        kty: String,
        alg: Option<String>,
        r#use: Option<String>,
        key_ops: Option<Vec<String>>,
        n: String,
        e: String,
    }
    let jwk: Jwk = strict_json::from_str(jwk.get()).ok()?;
    let (modulus, exponent) = (number(&jwk.n)?, number(&jwk.e)?);
    let is_usable = jwk.kty == "RSA"
        && jwk.alg.is_none_or(|alg| alg == "RS256")
        && jwk.r#use.is_none_or(|usage| usage == "sig")
        && jwk.key_ops.is_none_or(|operations| operations.iter().any(|operation| operation == "verify"))
        && MODULUS_BITS.contains(&bits(&modulus))
        && exponent.len() <= MAX_EXPONENT_BYTES
        && exponent != [1] // accepts any signature
        && exponent.last().is_some_and(|last| last % 2 == 1);
    is_usable.then(|| (jwk.kid, DecodingKey::from_rsa_raw_components(&modulus, &exponent)))
}

fn bits(number: &[u8]) -> usize {
    8 * number.len() - number.first().map_or(0, |first| first.leading_zeros() as usize)
}

/// A number of a JWK, without leading zeros, so that its length is its size.
fn number(text: &str) -> Option<Vec<u8>> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    Some(bytes[zeros..].to_vec())
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::DecodingKeyKind;
    use serde_json::{Value, json};

    use super::*;

    fn jwk(kid: &str) -> Value {
        json!({"kid": kid, "kty": "RSA", "alg": "RS256", "use": "sig", "e": "AQAB",
               "n": BASE64_URL_SAFE_NO_PAD.encode([0xC1; 256])})
    }

    #[test]
    fn first_usable_key_of_an_id_counts() {
        let key = |n: u8| json!({"kid": "a", "kty": "RSA", "e": "AQAB", "n": BASE64_URL_SAFE_NO_PAD.encode([n; 256])});
        let small =
            json!({"kid": "a", "kty": "RSA", "e": "AQAB", "n": BASE64_URL_SAFE_NO_PAD.encode([0xC1; 64])});
        let keys = parse(json!({"keys": [small, key(0xC3), key(0xC5)]}).to_string().as_bytes()).unwrap();
        let DecodingKeyKind::RsaModulusExponent { n, .. } = keys["a"].kind() else {
            panic!("not an RSA key")
        };
        assert_eq!((keys.len(), n[..].to_vec()), (1, vec![0xC3; 256]));
    }

    #[test]
    fn accepts_only_rsa_signature_keys_of_2048_bits() {
        let number = |bytes: &[u8]| json!(BASE64_URL_SAFE_NO_PAD.encode(bytes));
        let with = |name: &str, value: Value| {
            let mut key = jwk("x");
            key[name] = value;
            key
        };
        for unusable in [
            with("kty", json!("EC")),
            with("alg", json!("RS512")),
            with("use", json!("enc")),
            with("key_ops", json!(["encrypt", "wrapKey"])),
            with("n", number(&[0xC1; 128])),
            with("n", number(&[&[0; 128][..], &[0xC1; 128]].concat())),
            with("n", number(&[&[0x7F][..], &[0xC1; 255]].concat())),
            with("n", number(&[0xC1; 1025])),
            with("n", number(&[])),
            with("n", json!("?")),
            with("n", json!(7)),
            with("e", number(&[])),
            with("e", number(&[0, 1])),
            with("e", number(&[2])),
            with("e", number(&[0xC1; 5])),
            with("kid", json!(["usable"])),
        ] {
            let body = json!({"keys": [unusable.clone(), jwk("usable")]}).to_string();
            let kids: Vec<String> = parse(body.as_bytes()).unwrap().into_keys().collect();
            assert_eq!(kids, ["usable"], "{unusable}");
        }
        assert!(parse(b"{\"keys\":[]}").is_err() && parse(b"<html>").is_err());
    }

    #[test]
    fn ignores_non_object_keys_and_duplicate_fields() {
        let usable = jwk("usable").to_string();
        let [kid, n] = ["kid", "n"].map(|name| jwk("array")[name].to_string());
        for unusable in [
            format!(r#"[{kid}, "RSA", "RS256", "sig", null, {n}, "AQAB"]"#),
            usable.replacen('{', r#"{"kid":"other","#, 1),
            usable.replacen(r#""RS256""#, r#"{"RS256":null}"#, 1),
            "null".to_owned(),
        ] {
            let body = format!(r#"{{"keys":[{unusable},{usable}]}}"#);
            let kids: Vec<String> = parse(body.as_bytes()).unwrap().into_keys().collect();
            assert_eq!(kids, ["usable"], "{unusable}");
        }
        let set = format!(r#"{{"keys":[{usable}]}}"#);
        let invalid = [&set.as_bytes()[..set.len() - 1], b",\"x\":\"\xff\"}"].concat();
        assert!(parse(set.as_bytes()).is_ok() && parse(&invalid).is_err(), "invalid UTF-8");
    }
}
