//! Cloud Resource Names (CRNs) of instances, keys and protected resources.
//!
//! An instance is `crn:v1:bluemix:public:<service>:<region>:a/<account>:<instance>::`, a key in it
//! `…:<instance>:key:<key>` (IBM Cloud, "Cloud Resource Names").

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{InstanceId, KeyId, Malformed, ServiceName};

/// The maximum length of a CRN, in bytes (docs/reference/limits.md#crn).
const MAX_BYTES: usize = 512;

/// Whether `part` is a valid segment of a CRN: letters, digits and `-`, so no separator or control
/// character.
pub(crate) fn is_word(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
}

/// The CRN of a service instance.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct InstanceCrn {
    /// `hs-crypto` or `kms`.
    pub service: String,
    /// The region, such as `us-south`.
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
            expected: "a key's CRN of at most 512 characters: crn:v1:bluemix:public:<service>:<region>:a/<account>:<instance>:key:<key>",
        };
        if text.len() > MAX_BYTES {
            return Err(expected);
        }
        let parts: Vec<&str> = text.split(':').collect();
        let ["crn", "v1", "bluemix", "public", service, region, scope, instance, "key", key] = parts[..]
        else {
            return Err(expected);
        };
        let account = scope.strip_prefix("a/").ok_or(expected)?;
        // The segments become part of notifications, so no separator or control character may pass.
        if ![service, region, account].into_iter().all(is_word) {
            return Err(expected);
        }
        Ok(InstanceCrn {
            service: service.to_owned(),
            region: region.to_owned(),
            account: account.to_owned(),
            instance: instance.parse().map_err(|_| expected)?,
        }
        .key(key.parse().map_err(|_| expected)?))
    }
}

/// The CRN of a resource that a key protects, such as a bucket: at most 512 visible ASCII
/// characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceCrn {
    text: String,
    service: ServiceName,
}

impl ResourceCrn {
    /// The service of the resource, which is notified about the key.
    #[must_use]
    pub fn service(&self) -> &ServiceName {
        &self.service
    }
}

impl fmt::Display for ResourceCrn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for ResourceCrn {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let expected = Malformed {
            expected: "a resource's CRN of at most 512 visible ASCII characters: crn:v1:<cloud>:<visibility>:<service>:<region>:<scope>:<instance>:<type>:<resource>",
        };
        let parts: Vec<&str> = text.splitn(10, ':').collect();
        let ["crn", "v1", _, _, service, _, _, _, _, _] = parts[..] else { return Err(expected) };
        if text.len() > MAX_BYTES || !text.bytes().all(|c| c.is_ascii_graphic()) {
            return Err(expected);
        }
        Ok(Self { text: text.to_owned(), service: service.parse().map_err(|_| expected)? })
    }
}

impl Serialize for ResourceCrn {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ResourceCrn {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
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
    fn key_crn_round_trips() {
        let crn: KeyCrn = KEY.parse().unwrap();
        assert_eq!(crn.to_string(), KEY);
        assert_eq!(
            crn.instance.to_string(),
            "crn:v1:bluemix:public:hs-crypto:us-south:a/abc123:5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11::"
        );
    }

    #[test]
    fn resource_crn_names_its_service() {
        let bucket = "crn:v1:bluemix:public:cloud-object-storage:global:a/abc123:8c2e:bucket:a:b";
        let crn: ResourceCrn = bucket.parse().unwrap();
        assert_eq!(
            (crn.to_string().as_str(), crn.service().to_string().as_str()),
            (bucket, "cloud-object-storage")
        );
        for wrong in [
            "",
            "crn:v1",
            &bucket.replace("cloud-object", "Cloud.Object"),
            &format!("{bucket} "),
            &bucket.repeat(9),
        ] {
            assert!(wrong.parse::<ResourceCrn>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn rejects_invalid_key_crns() {
        for wrong in [
            "",
            "crn:v1",
            &KEY.replace(":key:", ":keyring:"),
            &KEY.replace("a/", ""),
            &format!("{KEY}:x"),
            &KEY.replace("us-south", ""),
            &KEY.replace("abc123", "a\r\nb"),
        ] {
            assert!(wrong.parse::<KeyCrn>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn crn_of_maximum_length_is_accepted() {
        let key = |bytes: usize| KEY.replace("abc123", &"a".repeat(bytes - KEY.len() + "abc123".len()));
        assert!(key(512).parse::<KeyCrn>().is_ok() && key(513).parse::<KeyCrn>().is_err());
        let bucket = "crn:v1:bluemix:public:cloud-object-storage:global:a/abc123:8c2e:bucket:";
        let resource = |bytes: usize| format!("{bucket}{}", "a".repeat(bytes - bucket.len()));
        assert!(
            resource(512).parse::<ResourceCrn>().is_ok() && resource(513).parse::<ResourceCrn>().is_err()
        );
    }
}
