//! Masks secrets in what the journal returns.

use axum::http::{HeaderMap, HeaderName, header};
use serde_json::Value;

use crate::secret_scanner::{Kind, KnownSecrets};

/// The text in place of a secret.
const MASK: &str = "***";

/// Headers whose value is a secret. The scheme of `authorization` is none.
const HEADERS: [HeaderName; 4] =
    [header::AUTHORIZATION, header::COOKIE, header::SET_COOKIE, header::PROXY_AUTHORIZATION];

/// Fields of JSON bodies and forms whose value is a credential.
const CREDENTIALS: [&str; 3] = ["access_token", "refresh_token", "apikey"];
/// Fields whose value is the material of a key, or what it has wrapped.
const KEY_MATERIAL: [&str; 4] = ["payload", "plaintext", "encryptedNonce", "iv"];

/// Replaces secrets by `***`.
pub(super) struct Mask<'a> {
    secrets: &'a KnownSecrets,
    /// Whether the material of keys is shown.
    shows_key_material: bool,
}

impl<'a> Mask<'a> {
    /// A mask of all secrets.
    pub(super) fn all(secrets: &'a KnownSecrets) -> Self {
        Self { secrets, shows_key_material: false }
    }

    /// A mask of all secrets but the material of keys.
    pub(super) fn credentials(secrets: &'a KnownSecrets) -> Self {
        Self { secrets, shows_key_material: true }
    }

    fn is_secret(&self, field: &str) -> bool {
        CREDENTIALS.contains(&field) || (!self.shows_key_material && KEY_MATERIAL.contains(&field))
    }

    /// A text without known secrets.
    pub(super) fn text(&self, text: &str) -> String {
        let is_masked = |kind| !(self.shows_key_material && kind == Kind::KeyMaterial);
        self.secrets.masked(text, MASK, is_masked)
    }

    /// A header's value.
    pub(super) fn header(&self, name: &HeaderName, value: &str) -> String {
        if !HEADERS.contains(name) {
            return self.text(value);
        }
        match value.split_once(' ') {
            Some((scheme, _)) if *name == header::AUTHORIZATION => format!("{scheme} {MASK}"),
            _ => MASK.to_owned(),
        }
    }

    /// A body. Its secret fields are masked whatever their value.
    pub(super) fn body(&self, headers: &HeaderMap, body: &str, is_complete: bool) -> String {
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let has_secret = || {
            let mut fields = CREDENTIALS.iter().chain(&KEY_MATERIAL);
            fields.any(|field| self.is_secret(field) && body.contains(&format!("\"{field}\"")))
        };
        let masked = if kind.starts_with("application/x-www-form-urlencoded") {
            self.form(body)
        } else if let Ok(mut value) = serde_json::from_str::<Value>(body) {
            if self.mask_fields(&mut value) { value.to_string() } else { body.to_owned() }
        } else if !is_complete && has_secret() {
            // Cut off within JSON, so that its fields are unknown.
            MASK.to_owned()
        } else {
            body.to_owned()
        };
        self.text(&masked)
    }

    /// Masks the secret fields of a form.
    fn form(&self, body: &str) -> String {
        let fields = body.split('&').map(|field| match field.split_once('=') {
            Some((name, _)) if self.is_secret(name) => format!("{name}={MASK}"),
            _ => field.to_owned(),
        });
        fields.collect::<Vec<_>>().join("&")
    }

    /// Masks the secret fields of a value at any depth; whether there were some.
    fn mask_fields(&self, value: &mut Value) -> bool {
        let mut masked = false;
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    if value.is_string() && self.is_secret(name) {
                        *value = MASK.into();
                        masked = true;
                    } else {
                        masked |= self.mask_fields(value);
                    }
                }
            }
            Value::Array(values) => {
                for value in values {
                    masked |= self.mask_fields(value);
                }
            }
            _ => {}
        }
        masked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(kind: &'static str, text: &str) -> String {
        let secrets = KnownSecrets::default();
        secrets.add(Kind::ApiKey, "an-api-key-of-this-test");
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, kind.parse().unwrap())]);
        Mask::all(&secrets).body(&headers, text, true)
    }

    #[test]
    fn secret_fields_and_known_secrets_are_masked() {
        for (kind, text, expected) in [
            ("application/json", r#"{"a":[{"payload":"c2Vj"}],"b":1}"#, r#"{"a":[{"payload":"***"}],"b":1}"#),
            ("application/json", r#"{ "b" : 1 }"#, r#"{ "b" : 1 }"#),
            ("application/x-www-form-urlencoded", "grant_type=g&apikey=wrong", "grant_type=g&apikey=***"),
            ("text/plain", "my key is an-api-key-of-this-test.", "my key is ***."),
        ] {
            assert_eq!(masked(kind, text), expected);
        }
    }

    #[test]
    fn incomplete_json_with_secret_field_is_masked() {
        let text = r#"{"resources":[{"payload":"c2VjcmV0"#;
        assert_eq!(Mask::all(&KnownSecrets::default()).body(&HeaderMap::new(), text, false), MASK);
    }

    #[test]
    fn credentials_in_headers_are_masked() {
        let secrets = KnownSecrets::default();
        let header = |name, value| Mask::all(&secrets).header(name, value);
        assert_eq!(header(&header::AUTHORIZATION, "Bearer e.y.J"), "Bearer ***");
        assert_eq!(header(&header::AUTHORIZATION, "e.y.J"), "***");
        assert_eq!(header(&header::COOKIE, "session=1; a=2"), "***");
        assert_eq!(header(&header::ACCEPT, "*/*"), "*/*");
    }

    #[test]
    fn mask_of_credentials_shows_key_material() {
        let secrets = KnownSecrets::default();
        secrets.add(Kind::KeyMaterial, "bWF0ZXJpYWwgb2YgYSBrZXk=");
        secrets.add(Kind::Token, "the-signature-of-a-token");
        let text = r#"{"payload":"bWF0ZXJpYWwgb2YgYSBrZXk=","apikey":"k","t":"the-signature-of-a-token"}"#;
        let masked = Mask::credentials(&secrets).body(&HeaderMap::new(), text, true);
        assert_eq!(masked, r#"{"payload":"bWF0ZXJpYWwgb2YgYSBrZXk=","apikey":"***","t":"***"}"#);
    }
}
