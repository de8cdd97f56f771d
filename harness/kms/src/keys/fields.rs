//! The fields of a new key, each checked.

use std::collections::BTreeSet;

use jiff::Timestamp;
use keysync::domain::{Alias, EpochMillis};
use serde::Deserialize;

use crate::{
    ApiError,
    aliases::{MOST_ALIASES, parse_alias},
    crypto::{Algorithm, Material},
    policies::PolicyFields,
};

/// The largest standard key, in bytes.
const MOST_BYTES: usize = 7_500;

/// How many tags a key may have, and how many characters each.
const MOST_TAGS: usize = 30;
const LONGEST_TAG: usize = 30;
const NOT_IN_TAGS: [char; 6] = ['<', '>', ',', ':', '&', '|'];

/// A key as a request describes it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Fields {
    name: String,
    #[serde(default)]
    description: String,
    /// The documented service makes a standard key where the request does not say.
    #[serde(default = "yes")]
    pub(super) extractable: bool,
    expiration_date: Option<String>,
    #[serde(default)]
    aliases: Vec<String>,
    /// The Go client writes it with a capital letter.
    #[serde(default, alias = "Tags")]
    tags: Vec<String>,
    #[serde(flatten)]
    pub(super) import: Import,
    #[serde(flatten)]
    pub(super) policies: PolicyFields,
}

/// Key material from outside, encrypted or not.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Import {
    pub(crate) payload: Option<String>,
    pub(crate) encrypted_nonce: Option<String>,
    pub(crate) iv: Option<String>,
    pub(crate) encryption_algorithm: Option<Algorithm>,
}

/// What a new version of a key is made of.
pub(crate) enum NewMaterial<'a> {
    /// Of nothing that the caller knows.
    Generated,
    /// Of this.
    Plain(Material),
    /// Of what is encrypted for the import token: payload, nonce and IV.
    Encrypted(&'a str, &'a str, &'a str, Algorithm),
}

fn yes() -> bool {
    true
}

impl Fields {
    pub(super) fn name(&self) -> Result<String, ApiError> {
        check_length("name", &self.name, 2..=90)?;
        Ok(self.name.clone())
    }

    pub(super) fn description(&self) -> Result<Option<String>, ApiError> {
        check_length("description", &self.description, 0..=240)?;
        Ok(Some(self.description.clone()).filter(|text| !text.is_empty()))
    }

    pub(super) fn aliases(&self) -> Result<BTreeSet<Alias>, ApiError> {
        let aliases = self.aliases.iter().map(|alias| parse_alias("aliases", alias));
        let aliases = aliases.collect::<Result<BTreeSet<_>, _>>()?;
        if aliases.len() > MOST_ALIASES {
            return Err(ApiError::field("aliases", format!("must be {MOST_ALIASES} at most")));
        }
        Ok(aliases)
    }

    pub(super) fn tags(&self) -> Result<Vec<String>, ApiError> {
        if self.tags.len() > MOST_TAGS {
            return Err(ApiError::field("tags", format!("must be {MOST_TAGS} at most")));
        }
        for tag in &self.tags {
            check_length("tags", tag, 0..=LONGEST_TAG)?;
            if tag.contains(NOT_IN_TAGS) {
                let problem = format!("must hold none of {}: got `{tag}`", String::from_iter(NOT_IN_TAGS));
                return Err(ApiError::field("tags", problem));
            }
        }
        Ok(self.tags.clone())
    }

    /// From when on the key is deactivated.
    pub(super) fn expiration(&self, now: EpochMillis) -> Result<Option<EpochMillis>, ApiError> {
        let Some(text) = &self.expiration_date else { return Ok(None) };
        let at = text.parse::<Timestamp>().ok().and_then(|at| u64::try_from(at.as_millisecond()).ok());
        match at.map(EpochMillis::new) {
            Some(at) if at > now => Ok(Some(at)),
            _ => {
                let problem = format!("must be a date in the future by RFC 3339: got `{text}`");
                Err(ApiError::field("expirationDate", problem))
            }
        }
    }
}

impl Import {
    /// What a root key is made of: 16, 24 or 32 bytes, which may come encrypted.
    pub(crate) fn of_root_key(&self) -> Result<NewMaterial<'_>, ApiError> {
        match (&self.payload, &self.encrypted_nonce, &self.iv) {
            (None, None, None) => Ok(NewMaterial::Generated),
            (Some(payload), None, None) => parse_payload(payload)
                .filter(Material::is_aes_key)
                .map(NewMaterial::Plain)
                .ok_or_else(|| ApiError::field("payload", "must be 16, 24 or 32 bytes in base64")),
            (Some(payload), Some(nonce), Some(iv)) => {
                let algorithm = self.encryption_algorithm.unwrap_or_default();
                Ok(NewMaterial::Encrypted(payload, nonce, iv, algorithm))
            }
            (None, ..) => Err(ApiError::field("payload", "is missing beside `encryptedNonce` and `iv`")),
            (_, None, _) => Err(ApiError::field("encryptedNonce", "is missing beside `iv`")),
            (_, _, None) => Err(ApiError::field("iv", "is missing beside `encryptedNonce`")),
        }
    }

    /// What a standard key is made of: any bytes, which cannot come encrypted.
    pub(super) fn of_standard_key(&self) -> Result<NewMaterial<'_>, ApiError> {
        if self.encrypted_nonce.is_some() || self.iv.is_some() {
            return Err(ApiError::field("encryptedNonce", "is for root keys only"));
        }
        let Some(payload) = &self.payload else { return Ok(NewMaterial::Generated) };
        parse_payload(payload)
            .filter(|material| material.bytes().len() <= MOST_BYTES)
            .map(NewMaterial::Plain)
            .ok_or_else(|| ApiError::field("payload", format!("must be 1 to {MOST_BYTES} bytes in base64")))
    }
}

fn parse_payload(text: &str) -> Option<Material> {
    Material::from_base64(text)
}

fn check_length(field: &str, text: &str, allowed: std::ops::RangeInclusive<usize>) -> Result<(), ApiError> {
    let length = text.chars().count();
    if allowed.contains(&length) {
        return Ok(());
    }
    let (least, most) = (allowed.start(), allowed.end());
    Err(ApiError::field(field, format!("must be {least} to {most} characters long: got {length}")))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn fields(more: &Value) -> Fields {
        let mut fields = json!({"name": "a key"});
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(fields).unwrap()
    }

    fn problem<T>(result: Result<T, ApiError>) -> String {
        result.err().map(|error| format!("{} {}", error.code, error.message)).unwrap_or_default()
    }

    #[test]
    fn a_bad_field_is_named() {
        let now = EpochMillis::new(1_800_000_000_000);
        let standard = |more: Value| problem(fields(&more).import.of_standard_key().map(drop));
        let root = |more: Value| problem(fields(&more).import.of_root_key().map(drop));
        for (name, problem) in [
            ("name", problem(fields(&json!({"name": "x"})).name())),
            ("name", problem(fields(&json!({"name": "x".repeat(91)})).name())),
            ("description", problem(fields(&json!({"description": "x".repeat(241)})).description())),
            ("aliases", problem(fields(&json!({"aliases": ["x"]})).aliases())),
            ("aliases", problem(fields(&json!({"aliases": ["policies"]})).aliases())),
            ("aliases", problem(fields(&json!({"aliases": ["a1", "a2", "a3", "a4", "a5", "a6"]})).aliases())),
            ("tags", problem(fields(&json!({"tags": vec!["x"; 31]})).tags())),
            ("tags", problem(fields(&json!({"tags": ["x".repeat(31)]})).tags())),
            ("tags", problem(fields(&json!({"tags": ["a", "b|c"]})).tags())),
            ("expirationDate", problem(fields(&json!({"expirationDate": "soon"})).expiration(now))),
            (
                "expirationDate",
                problem(fields(&json!({"expirationDate": "2020-01-01T00:00:00Z"})).expiration(now)),
            ),
            ("payload", standard(json!({"payload": ""}))),
            ("payload", standard(json!({"payload": "no base64"}))),
            ("encryptedNonce", standard(json!({"payload": "YQ==", "encryptedNonce": "YQ==", "iv": "YQ=="}))),
            ("payload", root(json!({"payload": "YQ=="}))),
            ("payload", root(json!({"encryptedNonce": "YQ==", "iv": "YQ=="}))),
            ("iv", root(json!({"payload": "YQ==", "encryptedNonce": "YQ=="}))),
            ("encryptedNonce", root(json!({"payload": "YQ==", "iv": "YQ=="}))),
        ] {
            assert!(problem.starts_with(&format!("INVALID_FIELD_ERR `{name}` ")), "{name}: {problem}");
        }
    }

    #[test]
    fn tags_may_have_a_capital_letter() {
        for name in ["tags", "Tags"] {
            assert_eq!(
                fields(&json!({name: ["a", "b"]})).tags(),
                Ok(vec!["a".to_owned(), "b".to_owned()]),
                "{name}"
            );
        }
    }

    #[test]
    fn what_is_not_said_is_a_generated_standard_key() {
        let fields = fields(&json!({}));
        assert!(fields.extractable);
        assert!(matches!(fields.import.of_standard_key(), Ok(NewMaterial::Generated)));
        assert_eq!(fields.expiration(EpochMillis::new(0)), Ok(None));
        assert_eq!(fields.description(), Ok(None));
    }
}
