//! Identifiers of keys, instances, key rings, services and requests. Each is validated once, when
//! it is parsed.

use std::{fmt, ops::RangeInclusive, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The error of an invalid value. Its text, `must be …`, states the rule and not the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be {expected}")]
pub struct Malformed {
    /// A description of valid values.
    pub expected: &'static str,
}

pub(super) const fn malformed(expected: &'static str) -> Malformed {
    Malformed { expected }
}

/// The identifier of a key: a version 4 UUID (RFC 9562).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(Uuid);

impl KeyId {
    /// A new, random identifier.
    #[must_use]
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }

    /// The UUID itself.
    #[must_use]
    pub const fn as_uuid(self) -> Uuid {
        self.0
    }
}

impl FromStr for KeyId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        match hyphenated_uuid(text) {
            Some(uuid) if uuid.get_version_num() == 4 => Ok(Self(uuid)),
            _ => Err(malformed("a version 4 UUID")),
        }
    }
}

/// An alias of a key: 2 to 90 ASCII letters, digits, `_` or `-`, and not a UUID.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Alias(String);

impl FromStr for Alias {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let is_valid = has_form(text, 2..=90, |c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-'));
        if is_valid && Uuid::try_parse(text).is_err() {
            Ok(Self(text.to_owned()))
        } else {
            Err(malformed("an alias: 2 to 90 letters, digits, `_` or `-`, and not a UUID"))
        }
    }
}

/// A key as a request identifies it: by id or by alias.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyName {
    /// The identifier.
    Id(KeyId),
    /// One of the aliases.
    Alias(Alias),
}

impl FromStr for KeyName {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let expected = "a key's identifier (a version 4 UUID) or alias (2 to 90 letters, digits, `_` or `-`, and not a UUID)";
        text.parse()
            .map(Self::Id)
            .or_else(|_| text.parse().map(Self::Alias))
            .map_err(|_: Malformed| malformed(expected))
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Alias(alias) => alias.fmt(f),
        }
    }
}

/// The identifier of a service instance: a UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceId(Uuid);

impl InstanceId {
    /// The identifier `uuid`.
    #[must_use]
    pub const fn new(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

impl FromStr for InstanceId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        hyphenated_uuid(text).map(Self).ok_or(malformed("a UUID"))
    }
}

/// A key ring: 2 to 100 ASCII letters, digits or `-`. The default is `default`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyRing(String);

impl Default for KeyRing {
    fn default() -> Self {
        Self("default".to_owned())
    }
}

impl FromStr for KeyRing {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        if has_form(text, 2..=100, |c| c.is_ascii_alphanumeric() || c == b'-') {
            Ok(Self(text.to_owned()))
        } else {
            Err(malformed("a key ring: 2 to 100 letters, digits or `-`"))
        }
    }
}

/// A correlation id, which identifies a request and its idempotent replays: 1 to 128 visible ASCII
/// characters, without the comma, which separates header values.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CorrelationId(String);

impl CorrelationId {
    /// A new version 4 UUID, for a request without a correlation id.
    #[must_use]
    pub fn random() -> Self {
        Self(Uuid::new_v4().to_string())
    }
}

impl FromStr for CorrelationId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        if has_form(text, 1..=128, |c| c.is_ascii_graphic() && c != b',') {
            Ok(Self(text.to_owned()))
        } else {
            Err(malformed("1 to 128 visible ASCII characters without a comma, such as a UUID"))
        }
    }
}

/// The CRN service name of an associated service, such as `cloud-object-storage`: 1 to 64
/// lower-case letters, digits or `-`. No dot, which Standard Webhooks forbids in `webhook-id`, and
/// no `_`, which separates the parts of an event's id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceName(String);

impl FromStr for ServiceName {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        if has_form(text, 1..=64, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-') {
            Ok(Self(text.to_owned()))
        } else {
            Err(malformed("a service name: 1 to 64 lower-case letters, digits or `-`"))
        }
    }
}

/// Parses the 36-character form with hyphens only, not braces, `urn:uuid:` or bare hexadecimal
/// digits.
pub(super) fn hyphenated_uuid(text: &str) -> Option<Uuid> {
    (text.len() == 36).then(|| Uuid::try_parse(text).ok()).flatten()
}

/// Whether `text` has `lengths` bytes, all of them allowed.
fn has_form(text: &str, lengths: RangeInclusive<usize>, is_allowed: impl Fn(u8) -> bool) -> bool {
    lengths.contains(&text.len()) && text.bytes().all(is_allowed)
}

/// Displays and serializes an identifier in the form that `FromStr` parses.
macro_rules! as_text {
    ($($name:ident),+) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}

as_text!(KeyId, Alias, InstanceId, KeyRing, CorrelationId, ServiceName);

#[cfg(test)]
mod tests {
    use super::*;

    const V4: &str = "02fd6835-6001-4482-a892-13bd2085f75d";
    const V1: &str = "c232ab00-9414-11ec-b3c8-9f6bdeced846";

    #[test]
    fn key_name_is_version_4_uuid_or_alias() {
        assert_eq!(V4.parse(), Ok(KeyName::Id(V4.parse().unwrap())));
        assert_eq!("prod_key-1".parse(), Ok(KeyName::Alias("prod_key-1".parse().unwrap())));
        for wrong in ["", "x", V1, "with space", "dot.ted", "ключ", "a%2Fb", &"x".repeat(91)] {
            assert!(wrong.parse::<KeyName>().is_err(), "{wrong:?} is neither");
        }
    }

    #[test]
    fn accepts_only_hyphenated_uuids_of_any_case() {
        assert_eq!(V4.to_uppercase().parse::<KeyId>().unwrap().to_string(), V4);
        for wrong in [format!("{{{V4}}}"), format!("urn:uuid:{V4}"), V4.replace('-', "")] {
            assert!(wrong.parse::<InstanceId>().is_err(), "{wrong} has no hyphenated form");
        }
    }

    #[test]
    fn limits_are_inclusive() {
        assert!("ab".parse::<KeyRing>().is_ok() && "a".repeat(100).parse::<KeyRing>().is_ok());
        assert!("a".parse::<KeyRing>().is_err() && "a".repeat(101).parse::<KeyRing>().is_err());
        assert!("x".repeat(90).parse::<Alias>().is_ok());
        assert!("c".repeat(128).parse::<CorrelationId>().is_ok());
        assert!("c".repeat(129).parse::<CorrelationId>().is_err());
    }

    #[test]
    fn rejects_separators_of_headers_and_ids() {
        for wrong in ["a,b", "a b", "a\r\nb", "", "é"] {
            assert!(wrong.parse::<CorrelationId>().is_err(), "{wrong:?}");
        }
        for wrong in ["cloud.object", "cloud_object", "cloud:object"] {
            assert!(wrong.parse::<ServiceName>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn key_name_is_shown_as_it_was_given() {
        for name in ["02fd6835-6001-4482-a892-13bd2085f75d", "payments"] {
            assert_eq!(name.parse::<KeyName>().unwrap().to_string(), name);
        }
    }
}
