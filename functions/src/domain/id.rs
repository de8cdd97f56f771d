//! The names things go by: keys, instances, rings, services, requests. Each is checked once, where it
//! enters, so that nothing inside has to ask again whether a string is well formed.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Why a value is not the name it was given as. Says what would be, for an answer to a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be {expected}")]
pub struct Malformed {
    /// What a well-formed value looks like.
    pub expected: &'static str,
}

pub(super) const fn malformed(expected: &'static str) -> Malformed {
    Malformed { expected }
}

/// The identifier of a key: a version 4 UUID (contract section 1).
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

/// Another name for a key: 2–90 letters, digits, `_` or `-`, and not a UUID.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Alias(String);

impl FromStr for Alias {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let fits = within(text, 2, 90, |c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-'));
        if fits && Uuid::try_parse(text).is_err() {
            Ok(Self(text.to_owned()))
        } else {
            Err(malformed("an alias: 2 to 90 letters, digits, `_` or `-`, and not a UUID"))
        }
    }
}

/// A key, as a request names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyName {
    /// By its identifier.
    Id(KeyId),
    /// By one of its aliases.
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
    /// The instance whose identifier is `uuid`.
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

/// The key ring a key is in: 2–100 letters, digits or `-`.
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
        if within(text, 2, 100, |c| c.is_ascii_alphanumeric() || c == b'-') {
            Ok(Self(text.to_owned()))
        } else {
            Err(malformed("a key ring: 2 to 100 letters, digits or `-`"))
        }
    }
}

/// What ties together all that one request caused: 1–128 visible ASCII characters but the comma, which
/// separates header values.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CorrelationId(String);

impl CorrelationId {
    /// A new one, for a request that brought none: a version 4 UUID.
    #[must_use]
    pub fn random() -> Self {
        Self(Uuid::new_v4().to_string())
    }
}

impl FromStr for CorrelationId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        if within(text, 1, 128, |c| c.is_ascii_graphic() && c != b',') {
            Ok(Self(text.to_owned()))
        } else {
            Err(malformed("1 to 128 visible ASCII characters without a comma, such as a UUID"))
        }
    }
}

/// An associated cloud service by its CRN service name, such as `cloud-object-storage`. No dots: a
/// callback's id ends in it, and Standard Webhooks forbids dots there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceName(String);

impl FromStr for ServiceName {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        if within(text, 1, 64, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-') {
            Ok(Self(text.to_owned()))
        } else {
            Err(malformed("a service name: 1 to 64 lower-case letters, digits or `-`"))
        }
    }
}

/// Only the usual form, 36 characters with hyphens: braces, `urn:uuid:` and bare hex name nothing here.
pub(super) fn hyphenated_uuid(text: &str) -> Option<Uuid> {
    (text.len() == 36).then(|| Uuid::try_parse(text).ok()).flatten()
}

fn within(text: &str, least: usize, most: usize, allowed: impl Fn(u8) -> bool) -> bool {
    (least..=most).contains(&text.len()) && text.bytes().all(allowed)
}

/// Written as it was read, in DynamoDB, logs and JSON alike.
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
    fn a_key_is_named_by_a_version_4_uuid_or_an_alias() {
        assert_eq!(V4.parse(), Ok(KeyName::Id(V4.parse().unwrap())));
        assert_eq!("prod_key-1".parse(), Ok(KeyName::Alias("prod_key-1".parse().unwrap())));
        for wrong in ["", "x", V1, "with space", "dot.ted", "ключ", "a%2Fb", &"x".repeat(91)] {
            assert!(wrong.parse::<KeyName>().is_err(), "{wrong:?} names no key");
        }
    }

    #[test]
    fn a_uuid_counts_only_in_its_usual_form_and_in_any_case() {
        assert_eq!(V4.to_uppercase().parse::<KeyId>().unwrap().to_string(), V4);
        for wrong in [format!("{{{V4}}}"), format!("urn:uuid:{V4}"), V4.replace('-', "")] {
            assert!(wrong.parse::<InstanceId>().is_err(), "{wrong} is not the usual form");
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
    fn what_could_split_a_header_or_an_id_is_refused() {
        for wrong in ["a,b", "a b", "a\r\nb", "", "é"] {
            assert!(wrong.parse::<CorrelationId>().is_err(), "{wrong:?}");
        }
        assert!("cloud.object".parse::<ServiceName>().is_err());
    }
}
