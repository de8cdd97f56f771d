//! The public keys that verify callbacks, as a JSON Web Key Set (RFC 7517) of Ed25519 keys (RFC
//! 8037).

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Serialize;

use super::{SigningKey, SigningKeys};

#[derive(Serialize)]
struct Jwks {
    keys: Vec<Jwk>,
}

#[derive(Serialize)]
struct Jwk {
    kty: &'static str,
    crv: &'static str,
    r#use: &'static str,
    alg: &'static str,
    /// The thumbprint of the key (RFC 7638).
    kid: String,
    x: String,
    /// The same key in the format of Standard Webhooks, for receivers that are configured with it.
    whpk: String,
}

impl SigningKeys {
    /// The key set with exactly the keys that sign.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "serialization of strings cannot fail")]
    pub fn jwks(&self) -> String {
        let jwks = Jwks { keys: self.iter().map(Jwk::from).collect() };
        serde_json::to_string(&jwks).expect("a key set of strings serializes")
    }
}

impl From<&SigningKey> for Jwk {
    fn from(key: &SigningKey) -> Self {
        let x = BASE64_URL_SAFE_NO_PAD.encode(key.public_bytes());
        // RFC 7638 hashes the required members in lexicographic order, without white space.
        let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
        let kid = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, members.as_bytes()));
        Self { kty: "OKP", crv: "Ed25519", r#use: "sig", alg: "EdDSA", kid, x, whpk: key.public() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key of RFC 8037, appendices A.1 to A.3.
    #[test]
    fn rfc_8037_key_has_its_published_form() {
        let keys: SigningKeys = "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=".parse().unwrap();
        assert_eq!(
            keys.jwks(),
            concat!(
                r#"{"keys":[{"kty":"OKP","crv":"Ed25519","use":"sig","alg":"EdDSA","#,
                r#""kid":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k","#,
                r#""x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","#,
                r#""whpk":"whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="}]}"#,
            )
        );
    }
}
