//! The symmetric secrets of services: one per service, or two during a rotation. They sign `v1`
//! (HMAC-SHA256), which libraries verify that do not know `v1a`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    ops::RangeInclusive,
    sync::Arc,
};

use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_STANDARD};
use zeroize::Zeroizing;

use crate::{domain::ServiceName, excerpt::excerpt, strict_json};

/// The prefix of symmetric secrets in Standard Webhooks.
const PREFIX: &str = "whsec_";
/// The length of a secret, in bytes (Standard Webhooks 1.0).
const SECRET_BYTES: RangeInclusive<usize> = 24..=64;
/// The maximum number of secrets of a service: the current one and its successor
/// (`docs/reference/limits.md#signing-keys`).
const MAX_SECRETS: usize = 2;

/// A secret that the functions share with one service. Erased from memory when it is dropped.
pub(super) struct SymmetricKey(Zeroizing<Vec<u8>>);

/// The secrets of all services.
#[derive(Clone, Debug, Default)]
pub(super) struct SymmetricKeys(Arc<BTreeMap<ServiceName, Vec<SymmetricKey>>>);

/// The errors of invalid secrets, one for each service. No part of a secret is quoted.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct SymmetricKeyError(Vec<String>);

impl SymmetricKeys {
    /// Parses a JSON object of service → array of one or two secrets. Each of `services` must have
    /// one; secrets of others are checked and not used. Reports all errors at once.
    pub(super) fn from_json(json: &str, services: &BTreeSet<ServiceName>) -> Result<Self, SymmetricKeyError> {
        // Borrowed, so that there is no copy that is not erased.
        let entries: BTreeMap<&str, Vec<&str>> = strict_json::from_str(json).map_err(|error| {
            let example = r#"{"cloud-object-storage":["whsec_…"]}"#;
            // The parser's message may quote a secret.
            let (line, column) = (error.line(), error.column());
            SymmetricKeyError(vec![format!(
                "must be a JSON object of service name → array of one or two secrets, such as {example}, with \
                 each service once: invalid at line {line} column {column}"
            )])
        })?;
        let (mut parsed, mut known, mut errors) = (BTreeMap::new(), BTreeSet::new(), Vec::new());
        for (name, secrets) in entries {
            let name = match name.parse::<ServiceName>() {
                Ok(name) => name,
                Err(error) => {
                    errors.push(format!("`{}` {error}", excerpt(name)));
                    continue;
                }
            };
            if !(1..=MAX_SECRETS).contains(&secrets.len()) {
                errors.push(format!(
                    "`{name}` must have one secret, or two in a rotation: got {}",
                    secrets.len()
                ));
            }
            if !secrets.iter().all(|secret| known.insert(*secret)) {
                errors.push(format!(
                    "`{name}` has a secret that is given twice: no two services may share one"
                ));
            }
            match secrets.into_iter().map(SymmetricKey::parse).collect::<Option<Vec<_>>>() {
                Some(keys) => drop(parsed.insert(name, keys)),
                None => errors.push(format!(
                    "`{name}` must have secrets of `{PREFIX}` and the base64 of {} to {} bytes",
                    SECRET_BYTES.start(),
                    SECRET_BYTES.end()
                )),
            }
        }
        for service in services.iter().filter(|service| !parsed.contains_key(service)) {
            errors.push(format!("`{service}` has `symmetricSignature` and no valid secret: add one"));
        }
        if !errors.is_empty() {
            return Err(SymmetricKeyError(errors));
        }
        parsed.retain(|service, _| services.contains(service));
        Ok(Self(Arc::new(parsed)))
    }

    /// The secrets of a service, in the order of the setting; none for one without.
    pub(super) fn of(&self, service: &ServiceName) -> &[SymmetricKey] {
        self.0.get(service).map_or(&[], Vec::as_slice)
    }
}

impl SymmetricKey {
    fn parse(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(BASE64_STANDARD.decode(text.strip_prefix(PREFIX)?).ok()?);
        SECRET_BYTES.contains(&bytes.len()).then_some(Self(bytes))
    }

    /// The 32 bytes of the signature over `content`.
    pub(super) fn sign(&self, content: &[u8]) -> Vec<u8> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        hmac::sign(&key, content).as_ref().to_vec()
    }
}

/// Prints no part of the secret.
impl fmt::Debug for SymmetricKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SymmetricKey")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const STORAGE: &str = "cloud-object-storage";
    /// The secret of the specification's examples.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn secret(bytes: usize, fill: u8) -> String {
        format!("{PREFIX}{}", BASE64_STANDARD.encode(vec![fill; bytes]))
    }

    fn parse(json: &serde_json::Value, services: &[&str]) -> Result<SymmetricKeys, String> {
        let services = services.iter().map(|service| service.parse().unwrap()).collect();
        SymmetricKeys::from_json(&json.to_string(), &services).map_err(|error| format!("{error} {error:?}"))
    }

    #[test]
    fn signature_is_that_of_the_specification() {
        let keys = parse(&json!({STORAGE: [SECRET]}), &[STORAGE]).unwrap();
        let signature = keys.of(&STORAGE.parse().unwrap())[0]
            .sign(br#"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}"#);
        assert_eq!(BASE64_STANDARD.encode(signature), "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn only_services_with_symmetric_signature_have_secrets() {
        let document = json!({STORAGE: [SECRET, secret(64, 1)], "ledgers": [secret(24, 2)]});
        let keys = parse(&document, &[STORAGE]).unwrap();
        let count = |service: &str| keys.of(&service.parse().unwrap()).len();
        assert_eq!([count(STORAGE), count("ledgers"), count("other")], [2, 0, 0]);
    }

    #[test]
    fn invalid_secrets_are_reported_by_service_without_value() {
        let hidden = "hunter2+hunter2+hunter2+hunter2+hunter2+";
        for (document, expected) in [
            (json!({}), "`cloud-object-storage` has `symmetricSignature` and no valid secret"),
            (json!({STORAGE: []}), "must have one secret, or two in a rotation: got 0"),
            (json!({STORAGE: [secret(32, 1), secret(32, 2), secret(32, 3)]}), "got 3"),
            (json!({STORAGE: [secret(23, 1)]}), "base64 of 24 to 64 bytes"),
            (json!({STORAGE: [secret(65, 1)]}), "base64 of 24 to 64 bytes"),
            (json!({STORAGE: [format!("whsk_{hidden}")]}), "must have secrets of `whsec_`"),
            (json!({STORAGE: [format!("whsec_{hidden}!")]}), "must have secrets of `whsec_`"),
            (json!({STORAGE: [SECRET, SECRET]}), "given twice"),
            (json!({STORAGE: [SECRET], "ledgers": [SECRET]}), "`ledgers` has a secret that is given twice"),
            (json!({STORAGE: [SECRET], "Ledgers": [secret(24, 1)]}), "`Ledgers` must be a service name"),
            (json!({STORAGE: format!("whsec_{hidden}")}), "must be a JSON object of service name → array"),
            (json!(format!("whsec_{hidden}")), "must be a JSON object of service name → array"),
        ] {
            let error = parse(&document, &[STORAGE]).unwrap_err();
            assert!(error.contains(expected), "{expected} is missing in\n{error}");
            assert!(!error.contains("hunter2") && !error.contains("MfKQ9r8G"), "{error}");
        }
        let twice = format!(r#"{{"{STORAGE}":["{SECRET}"],"{STORAGE}":["{}"]}}"#, secret(24, 1));
        assert!(SymmetricKeys::from_json(&twice, &BTreeSet::new()).is_err());
    }

    #[test]
    fn debug_output_contains_no_secret() {
        let keys = parse(&json!({STORAGE: [SECRET]}), &[STORAGE]).unwrap();
        assert_eq!(
            format!("{keys:?}"),
            r#"SymmetricKeys({ServiceName("cloud-object-storage"): [SymmetricKey]})"#
        );
    }
}
