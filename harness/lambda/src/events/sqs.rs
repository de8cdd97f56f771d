//! The validation of `SendMessage` in SQS, with its error codes.
//!
//! A message has 1 to 1,048,576 bytes, including names, types and values of its attributes (a queue
//! can have a lower limit), of the characters that XML 1.0 allows, and at most 10 attributes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The largest message of a queue without a lower limit, in bytes.
pub(super) const MAX_MESSAGE_BYTES: usize = 1024 * 1024;
const MAX_ATTRIBUTES: usize = 10;
const MAX_NAME_BYTES: usize = 256;

/// A message attribute of `SendMessage`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Attribute {
    #[serde(default)]
    data_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    string_value: Option<String>,
    /// Base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    binary_value: Option<String>,
}

/// Attributes by name.
pub(super) type Attributes = BTreeMap<String, Attribute>;

/// The reason why a message is rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rejected {
    /// The error code, such as `InvalidMessageContents`.
    pub kind: &'static str,
    /// The error message.
    pub message: String,
}

impl Attribute {
    /// The value of a string attribute.
    pub(super) fn text(&self) -> Option<&str> {
        self.string_value.as_deref()
    }

    fn size(&self) -> usize {
        let binary = self.binary_value.as_deref().unwrap_or_default().trim_end_matches('=');
        self.data_type.len() + self.string_value.as_ref().map_or(0, String::len) + binary.len() * 3 / 4
    }
}

/// Validates a message for a queue whose limit is `max_bytes`.
pub(super) fn check(body: &str, attributes: &Attributes, max_bytes: usize) -> Result<(), Rejected> {
    if body.is_empty() {
        return reject("MissingParameter", "The request must contain the parameter MessageBody.");
    }
    if let Some(c) = body.chars().find(|c| !is_allowed(*c)) {
        let message =
            format!("Invalid binary character '#x{:X}' was found in the message body", u32::from(c));
        return reject("InvalidMessageContents", message);
    }
    if attributes.len() > MAX_ATTRIBUTES {
        let count = attributes.len();
        return reject(
            "InvalidParameterValue",
            format!("{count} message attributes; at most {MAX_ATTRIBUTES} are allowed"),
        );
    }
    for (name, attribute) in attributes {
        check_attribute(name, attribute)?;
    }
    let attribute_bytes =
        attributes.iter().map(|(name, attribute)| name.len() + attribute.size()).sum::<usize>();
    if body.len() + attribute_bytes > max_bytes {
        let message = format!(
            "One or more parameters are invalid. Reason: Message must be shorter than {max_bytes} bytes."
        );
        return reject("InvalidParameterValue", message);
    }
    Ok(())
}

fn check_attribute(name: &str, attribute: &Attribute) -> Result<(), Rejected> {
    let invalid =
        |problem: &str| reject("InvalidParameterValue", format!("The message attribute '{name}' {problem}"));
    let is_name_byte = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-' | b'.');
    let is_reserved = ["aws.", "amazon."].iter().any(|prefix| name.to_ascii_lowercase().starts_with(prefix));
    let has_stray_dot = name.starts_with('.') || name.ends_with('.') || name.contains("..");
    if !(1..=MAX_NAME_BYTES).contains(&name.len())
        || !name.bytes().all(is_name_byte)
        || is_reserved
        || has_stray_dot
    {
        return invalid("has an invalid name");
    }
    let kind = attribute.data_type.split('.').next().unwrap_or_default();
    let value = match kind {
        "String" | "Number" => &attribute.string_value,
        "Binary" => &attribute.binary_value,
        _ => return invalid("has an unsupported type"),
    };
    let Some(value) = value.as_deref().filter(|value| !value.is_empty()) else {
        return invalid("must contain a non-empty value of its type");
    };
    if kind == "Number" && value.parse::<f64>().is_err() {
        return invalid("is not a number");
    }
    if !value.chars().all(is_allowed) {
        return invalid("has an invalid character");
    }
    Ok(())
}

/// `#x9 | #xA | #xD | #x20-#xD7FF | #xE000-#xFFFD | #x10000-#x10FFFF`
fn is_allowed(c: char) -> bool {
    let code = u32::from(c);
    [0x9, 0xA, 0xD].contains(&code)
        || (0x20..=0xD7FF).contains(&code)
        || (0xE000..=0xFFFD).contains(&code)
        || code >= 0x1_0000
}

fn reject(kind: &'static str, message: impl Into<String>) -> Result<(), Rejected> {
    Err(Rejected { kind, message: message.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Attribute {
        Attribute { data_type: "String".to_owned(), string_value: Some(value.to_owned()), binary_value: None }
    }

    fn kind(body: &str, attributes: &[(&str, Attribute)], max_bytes: usize) -> &'static str {
        let attributes = attributes.iter().map(|(name, attribute)| ((*name).to_owned(), attribute.clone()));
        check(body, &attributes.collect(), max_bytes).map_or_else(|rejected| rejected.kind, |()| "accepted")
    }

    #[test]
    fn counts_name_type_and_value_of_attributes() {
        let reason = [("reason", text("why"))];
        assert_eq!(kind(&"x".repeat(MAX_MESSAGE_BYTES - 15), &reason, MAX_MESSAGE_BYTES), "accepted");
        assert_eq!(
            kind(&"x".repeat(MAX_MESSAGE_BYTES - 14), &reason, MAX_MESSAGE_BYTES),
            "InvalidParameterValue"
        );
        assert_eq!(
            kind(&"é".repeat(MAX_MESSAGE_BYTES / 2), &[], MAX_MESSAGE_BYTES),
            "accepted",
            "bytes, not characters"
        );
        assert_eq!(kind(&"x".repeat(MAX_MESSAGE_BYTES + 1), &[], MAX_MESSAGE_BYTES), "InvalidParameterValue");
        let binary = Attribute {
            data_type: "Binary".to_owned(),
            string_value: None,
            binary_value: Some("AAAAAA==".to_owned()), // four bytes
        };
        assert_eq!(kind("x", &[("b", binary.clone())], 12), "accepted");
        assert_eq!(kind("x", &[("b", binary)], 11), "InvalidParameterValue");
    }

    #[test]
    fn rejects_characters_outside_xml() {
        for allowed in ["\t\n\r ~", "\u{7f}\u{85}", "\u{d7ff}\u{e000}\u{fffd}", "\u{10000}\u{10ffff}"] {
            assert_eq!(kind(allowed, &[("a", text(allowed))], MAX_MESSAGE_BYTES), "accepted", "{allowed:?}");
        }
        for c in ["\0", "\u{8}", "\u{b}", "\u{c}", "\u{1f}", "\u{fffe}", "\u{ffff}"] {
            assert_eq!(kind(c, &[], MAX_MESSAGE_BYTES), "InvalidMessageContents", "{c:?}");
            assert_eq!(kind("x", &[("a", text(c))], MAX_MESSAGE_BYTES), "InvalidParameterValue", "{c:?}");
        }
    }

    #[test]
    fn rejects_malformed_messages_and_attributes() {
        assert_eq!(kind("", &[], MAX_MESSAGE_BYTES), "MissingParameter");
        for name in ["", ".a", "a.", "a..b", "a b", "é", "AWS.a", "amazon.a", &"n".repeat(257)] {
            assert_eq!(kind("x", &[(name, text("v"))], MAX_MESSAGE_BYTES), "InvalidParameterValue", "{name}");
        }
        assert_eq!(kind("x", &[(&"n".repeat(256), text("v"))], MAX_MESSAGE_BYTES), "accepted");
        assert_eq!(kind("x", &[("a", text(""))], MAX_MESSAGE_BYTES), "InvalidParameterValue");
        for (data_type, value, accepted) in [
            ("String.x", "v", true),
            ("Number", "1.5", true),
            ("Number", "v", false),
            ("Text", "v", false),
            ("", "v", false),
        ] {
            let attribute = Attribute { data_type: data_type.to_owned(), ..text(value) };
            assert_eq!(
                kind("x", &[("a", attribute)], MAX_MESSAGE_BYTES) == "accepted",
                accepted,
                "{data_type}"
            );
        }
        let names: Vec<String> = (0..11).map(|n| format!("a{n}")).collect();
        let attributes: Vec<_> = names.iter().map(|name| (name.as_str(), text("v"))).collect();
        assert_eq!(kind("x", &attributes[..10], MAX_MESSAGE_BYTES), "accepted");
        assert_eq!(kind("x", &attributes, MAX_MESSAGE_BYTES), "InvalidParameterValue");
    }
}
