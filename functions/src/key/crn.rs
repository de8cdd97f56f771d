//! Cloud Resource Names, of instances and of keys.
//!
//! `crn:v1:bluemix:public:<service>:<region>:a/<account>:<instance>::` names an instance,
//! `…:<instance>:key:<key>` a key in it.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{InstanceId, KeyId, Malformed};

/// The CRN of a service instance.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct InstanceCrn {
    /// `hs-crypto` or `kms`.
    pub service: String,
    /// The region's abbreviation, such as `us-south`.
    pub region: String,
    /// The account that owns the instance.
    pub account: String,
    /// The instance.
    pub instance: InstanceId,
}

impl InstanceCrn {
    /// The CRN of a key in this instance.
    #[must_use]
    pub fn key(self, key: KeyId) -> KeyCrn {
        KeyCrn { instance: self, key }
    }

    fn write_scope(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, region, account, instance } = self;
        write!(f, "crn:v1:bluemix:public:{service}:{region}:a/{account}:{instance}:")
    }
}

impl fmt::Display for InstanceCrn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_scope(f)?;
        f.write_str(":")
    }
}

/// The CRN of a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyCrn {
    /// The instance that holds the key.
    pub instance: InstanceCrn,
    /// The key.
    pub key: KeyId,
}

impl fmt::Display for KeyCrn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.instance.write_scope(f)?;
        write!(f, "key:{}", self.key)
    }
}

impl FromStr for KeyCrn {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let expected = Malformed {
            expected: "a key's CRN: crn:v1:bluemix:public:<service>:<region>:a/<account>:<instance>:key:<key>",
        };
        let parts: Vec<&str> = text.split(':').collect();
        let ["crn", "v1", "bluemix", "public", service, region, scope, instance, "key", key] = parts[..]
        else {
            return Err(expected);
        };
        let account = scope.strip_prefix("a/").ok_or(expected)?;
        Ok(InstanceCrn {
            service: service.to_owned(),
            region: region.to_owned(),
            account: account.to_owned(),
            instance: instance.parse().map_err(|_| expected)?,
        }
        .key(key.parse().map_err(|_| expected)?))
    }
}

impl Serialize for KeyCrn {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for KeyCrn {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "crn:v1:bluemix:public:hs-crypto:us-south:a/abc123:5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11:key:02fd6835-6001-4482-a892-13bd2085f75d";

    #[test]
    fn a_key_crn_is_written_as_it_was_read() {
        let crn: KeyCrn = KEY.parse().unwrap();
        assert_eq!(crn.to_string(), KEY);
        assert_eq!(
            crn.instance.to_string(),
            "crn:v1:bluemix:public:hs-crypto:us-south:a/abc123:5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11::"
        );
    }

    #[test]
    fn anything_else_is_no_key_crn() {
        for wrong in
            ["", "crn:v1", &KEY.replace(":key:", ":keyring:"), &KEY.replace("a/", ""), &format!("{KEY}:x")]
        {
            assert!(wrong.parse::<KeyCrn>().is_err(), "{wrong}");
        }
    }
}
