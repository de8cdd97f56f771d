//! Masks secrets in what the journal returns.

use axum::http::{HeaderMap, HeaderName, header};
use serde_json::Value;

use crate::secret_scanner::KnownSecrets;

/// The text in place of a secret.
const MASK: &str = "***";

/// Headers whose value is a secret. The scheme of `authorization` is none.
const HEADERS: [HeaderName; 4] =
    [header::AUTHORIZATION, header::COOKIE, header::SET_COOKIE, header::PROXY_AUTHORIZATION];

/// Fields of JSON bodies and forms whose value is a secret: of IAM, and the material of keys.
const FIELDS: [&str; 7] =
    ["access_token", "refresh_token", "apikey", "payload", "plaintext", "encryptedNonce", "iv"];

/// A text with `***` in place of known secrets.
pub(super) fn text(text: &str, secrets: &KnownSecrets) -> String {
    secrets.masked(text, MASK)
}

/// A header's value, with `***` in place of a secret.
pub(super) fn header(name: &HeaderName, value: &str, secrets: &KnownSecrets) -> String {
    if !HEADERS.contains(name) {
        return text(value, secrets);
    }
    match value.split_once(' ') {
        Some((scheme, _)) if *name == header::AUTHORIZATION => format!("{scheme} {MASK}"),
        _ => MASK.to_owned(),
    }
}

/// A body with `***` in place of secrets. Its secret fields are masked whatever their value.
pub(super) fn body(headers: &HeaderMap, body: &str, is_complete: bool, secrets: &KnownSecrets) -> String {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let masked = if kind.starts_with("application/x-www-form-urlencoded") {
        form(body)
    } else if let Ok(mut value) = serde_json::from_str::<Value>(body) {
        if mask_fields(&mut value) { value.to_string() } else { body.to_owned() }
    } else if !is_complete && FIELDS.iter().any(|field| body.contains(&format!("\"{field}\""))) {
        // Cut off within JSON, so that its fields are unknown.
        MASK.to_owned()
    } else {
        body.to_owned()
    };
    text(&masked, secrets)
}

/// Masks the secret fields of a form.
fn form(body: &str) -> String {
    let fields = body.split('&').map(|field| match field.split_once('=') {
        Some((name, _)) if FIELDS.contains(&name) => format!("{name}={MASK}"),
        _ => field.to_owned(),
    });
    fields.collect::<Vec<_>>().join("&")
}

/// Masks the secret fields of a value at any depth; whether there were some.
fn mask_fields(value: &mut Value) -> bool {
    let mut masked = false;
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if value.is_string() && FIELDS.contains(&name.as_str()) {
                    *value = MASK.into();
                    masked = true;
                } else {
                    masked |= mask_fields(value);
                }
            }
        }
        Value::Array(values) => {
            for value in values {
                masked |= mask_fields(value);
            }
        }
        _ => {}
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret_scanner::Kind;

    fn masked(kind: &'static str, text: &str) -> String {
        let secrets = KnownSecrets::default();
        secrets.add(Kind::ApiKey, "an-api-key-of-this-test");
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, kind.parse().unwrap())]);
        body(&headers, text, true, &secrets)
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
        assert_eq!(body(&HeaderMap::new(), text, false, &KnownSecrets::default()), MASK);
    }

    #[test]
    fn credentials_in_headers_are_masked() {
        let secrets = KnownSecrets::default();
        assert_eq!(header(&header::AUTHORIZATION, "Bearer e.y.J", &secrets), "Bearer ***");
        assert_eq!(header(&header::AUTHORIZATION, "e.y.J", &secrets), "***");
        assert_eq!(header(&header::COOKIE, "session=1; a=2", &secrets), "***");
        assert_eq!(header(&header::ACCEPT, "*/*", &secrets), "*/*");
    }
}
