//! Callers, identified by IAM id.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::Malformed;

/// The maximum length of an IAM id, in bytes (docs/reference/limits.md#iam-id).
const MAX_BYTES: usize = 256;

/// The IAM id of a caller. Parsing accepts 1 to 256 printable ASCII characters without spaces, so
/// that the id has the same form in logs, audit events, items and requests to IAM.
///
/// Deserialization of an item does not validate: the item may have been stored under another rule,
/// and an item that cannot be parsed would lose its notification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Caller(String);

impl Caller {
    /// The IAM id as a string.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Caller {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        if (1..=MAX_BYTES).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Malformed { expected: "an IAM id: 1 to 256 printable ASCII characters without spaces" })
        }
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_printable_ascii_without_spaces() {
        for good in ["IBMid-270005X1SW", "iam-ServiceId-1a2b", "a", "x@y.example/z:{}\"", &"a".repeat(256)] {
            assert_eq!(good.parse::<Caller>().unwrap().to_string(), good);
        }
        for bad in
            ["", " ", "a b", "a\u{a0}b", "IBM\u{619};id-1", "\u{202e}a", "a\n", "a\u{7f}", &"a".repeat(257)]
        {
            assert!(bad.parse::<Caller>().is_err(), "{bad:?}");
        }
    }
}
