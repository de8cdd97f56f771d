//! A key, as an operator names it.

use std::{fmt, str::FromStr};

use keysync::domain::{InstanceId, KeyCrn, KeyId};
use serde::{Serialize, Serializer};

/// An instance and a key in it. Written `<instance>/<key>`; a CRN is accepted, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct KeyRef {
    pub(crate) instance: InstanceId,
    pub(crate) key: KeyId,
}

impl FromStr for KeyRef {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(KeyCrn { instance, key }) = text.parse() {
            return Ok(Self { instance: instance.instance, key });
        }
        let parts = text.split_once(['/', '#']);
        let parsed = parts.and_then(|(instance, key)| {
            Some(Self { instance: instance.parse().ok()?, key: key.parse().ok()? })
        });
        parsed.ok_or_else(|| "must be the CRN of a key, or `<instance>/<key>`".to_owned())
    }
}

impl fmt::Display for KeyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.instance, self.key)
    }
}

impl Serialize for KeyRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_crn_and_short_form() {
        const SHORT: &str = "5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11/02fd6835-6001-4482-a892-13bd2085f75d";
        let crn = format!("crn:v1:bluemix:public:kms:us-south:a/abc:{}", SHORT.replace('/', ":key:"));
        assert_eq!(SHORT.parse::<KeyRef>().unwrap().to_string(), SHORT);
        assert_eq!(crn.parse::<KeyRef>(), SHORT.parse());
        for wrong in ["", "02fd6835-6001-4482-a892-13bd2085f75d", "a/b"] {
            assert!(wrong.parse::<KeyRef>().is_err(), "{wrong}");
        }
    }
}
