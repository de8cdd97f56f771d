//! The public keys that verify callbacks, as a JSON Web Key Set (RFC 7517, with the keys of RFC 8037).

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
    /// The key's thumbprint (RFC 7638): the same for as long as the key is.
    kid: String,
    x: String,
    /// The same key as Standard Webhooks write it, for receivers that are configured with that.
    whpk: String,
}

impl SigningKeys {
    /// The set of exactly the keys that sign.
    #[must_use]
    pub fn jwks(&self) -> String {
        serde_json::to_string(&Jwks { keys: self.each().map(Jwk::of).collect() }).unwrap_or_default()
    }
}

impl Jwk {
    fn of(key: &SigningKey) -> Self {
        let x = BASE64_URL_SAFE_NO_PAD.encode(key.public_bytes());
        // Hashed are the members that make the key, in the order of the alphabet and without spaces.
        let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
        let kid = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, members.as_bytes()));
        Self { kty: "OKP", crv: "Ed25519", r#use: "sig", alg: "EdDSA", kid, x, whpk: key.public() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8037, appendices A.1 to A.3, is about this very key.
    #[test]
    fn the_key_of_rfc_8037_is_written_as_it_stands_there() {
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
