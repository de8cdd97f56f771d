//! What SQS takes as a message, and how it says that it does not: the rules of `SendMessage`.
//!
//! A message has 1 to 1,048,576 bytes, names, types and values of its attributes included (a queue may be made for less),
//! of the characters that XML 1.0 allows, and 10 attributes at most.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The most that a message may weigh, in bytes, where its queue says no other.
pub(super) const LARGEST: usize = 1024 * 1024;
const MOST_ATTRIBUTES: usize = 10;
const LONGEST_NAME: usize = 256;

/// An attribute of a message, as `SendMessage` has it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Attribute {
    #[serde(default)]
    data_type: String,
    #[serde(default)]
    string_value: Option<String>,
    /// In Base64.
    #[serde(default)]
    binary_value: Option<String>,
}

/// Attributes by name.
pub(super) type Attributes = BTreeMap<String, Attribute>;

/// Why a message is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rejected {
    /// The error's name, such as `InvalidMessageContents`.
    pub(super) kind: &'static str,
    /// What is wrong.
    pub(super) message: String,
}

impl Attribute {
    /// The text of one that is a text.
    pub(super) fn text(&self) -> Option<&str> {
        self.string_value.as_deref()
    }

    fn size(&self) -> usize {
        let binary = self.binary_value.as_deref().unwrap_or_default().trim_end_matches('=');
        self.data_type.len() + self.string_value.as_ref().map_or(0, String::len) + binary.len() * 3 / 4
    }
}

/// Whether SQS takes such a message into a queue for messages of `largest` bytes.
pub(super) fn check(body: &str, attributes: &Attributes, largest: usize) -> Result<(), Rejected> {
    if body.is_empty() {
        return reject("MissingParameter", "The request must contain the parameter MessageBody.");
    }
    if let Some(c) = body.chars().find(|c| !is_allowed(*c)) {
        let message =
            format!("Invalid binary character '#x{:X}' was found in the message body", u32::from(c));
        return reject("InvalidMessageContents", message);
    }
    if attributes.len() > MOST_ATTRIBUTES {
        let count = attributes.len();
        return reject(
            "InvalidParameterValue",
            format!("{count} message attributes, and {MOST_ATTRIBUTES} are allowed"),
        );
    }
    for (name, attribute) in attributes {
        check_attribute(name, attribute)?;
    }
    let of_attributes =
        attributes.iter().map(|(name, attribute)| name.len() + attribute.size()).sum::<usize>();
    if body.len() + of_attributes > largest {
        let message = format!(
            "One or more parameters are invalid. Reason: Message must be shorter than {largest} bytes."
        );
        return reject("InvalidParameterValue", message);
    }
    Ok(())
}

fn check_attribute(name: &str, attribute: &Attribute) -> Result<(), Rejected> {
    let of = |what: &str| reject("InvalidParameterValue", format!("The message attribute '{name}' {what}"));
    let is_named = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-' | b'.');
    let is_reserved = ["aws.", "amazon."].iter().any(|prefix| name.to_ascii_lowercase().starts_with(prefix));
    let has_stray_dot = name.starts_with('.') || name.ends_with('.') || name.contains("..");
    if !(1..=LONGEST_NAME).contains(&name.len())
        || !name.bytes().all(is_named)
        || is_reserved
        || has_stray_dot
    {
        return of("has a name that is not allowed");
    }
    let kind = attribute.data_type.split('.').next().unwrap_or_default();
    let value = match kind {
        "String" | "Number" => &attribute.string_value,
        "Binary" => &attribute.binary_value,
        _ => return of("has a type that is not supported"),
    };
    let Some(value) = value.as_deref().filter(|value| !value.is_empty()) else {
        return of("must contain a non-empty value of its type");
    };
    if kind == "Number" && value.parse::<f64>().is_err() {
        return of("is no number");
    }
    if !value.chars().all(is_allowed) {
        return of("has a character that is not allowed");
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

    fn kind(body: &str, attributes: &[(&str, Attribute)], largest: usize) -> &'static str {
        let attributes = attributes.iter().map(|(name, attribute)| ((*name).to_owned(), attribute.clone()));
        check(body, &attributes.collect(), largest).map_or_else(|rejected| rejected.kind, |()| "taken")
    }

    #[test]
    fn counts_name_type_and_value_of_attributes() {
        let reason = [("reason", text("why"))];
        assert_eq!(kind(&"x".repeat(LARGEST - 15), &reason, LARGEST), "taken");
        assert_eq!(kind(&"x".repeat(LARGEST - 14), &reason, LARGEST), "InvalidParameterValue");
        assert_eq!(kind(&"é".repeat(LARGEST / 2), &[], LARGEST), "taken", "bytes, not characters");
        assert_eq!(kind(&"x".repeat(LARGEST + 1), &[], LARGEST), "InvalidParameterValue");
        let binary = Attribute {
            data_type: "Binary".to_owned(),
            string_value: None,
            binary_value: Some("AAAAAA==".to_owned()), // four bytes
        };
        assert_eq!(kind("x", &[("b", binary.clone())], 12), "taken");
        assert_eq!(kind("x", &[("b", binary)], 11), "InvalidParameterValue");
    }

    #[test]
    fn rejects_characters_outside_its_set() {
        for allowed in ["\t\n\r ~", "\u{7f}\u{85}", "\u{d7ff}\u{e000}\u{fffd}", "\u{10000}\u{10ffff}"] {
            assert_eq!(kind(allowed, &[("a", text(allowed))], LARGEST), "taken", "{allowed:?}");
        }
        for c in ["\0", "\u{8}", "\u{b}", "\u{c}", "\u{1f}", "\u{fffe}", "\u{ffff}"] {
            assert_eq!(kind(c, &[], LARGEST), "InvalidMessageContents", "{c:?}");
            assert_eq!(kind("x", &[("a", text(c))], LARGEST), "InvalidParameterValue", "{c:?}");
        }
    }

    #[test]
    fn rejects_messages_and_attributes_of_wrong_form() {
        assert_eq!(kind("", &[], LARGEST), "MissingParameter");
        for name in ["", ".a", "a.", "a..b", "a b", "é", "AWS.a", "amazon.a", &"n".repeat(257)] {
            assert_eq!(kind("x", &[(name, text("v"))], LARGEST), "InvalidParameterValue", "{name}");
        }
        assert_eq!(kind("x", &[(&"n".repeat(256), text("v"))], LARGEST), "taken");
        assert_eq!(kind("x", &[("a", text(""))], LARGEST), "InvalidParameterValue");
        for (data_type, value, taken) in [
            ("String.x", "v", true),
            ("Number", "1.5", true),
            ("Number", "v", false),
            ("Text", "v", false),
            ("", "v", false),
        ] {
            let attribute = Attribute { data_type: data_type.to_owned(), ..text(value) };
            assert_eq!(kind("x", &[("a", attribute)], LARGEST) == "taken", taken, "{data_type}");
        }
        let names: Vec<String> = (0..11).map(|n| format!("a{n}")).collect();
        let attributes: Vec<_> = names.iter().map(|name| (name.as_str(), text("v"))).collect();
        assert_eq!(kind("x", &attributes[..10], LARGEST), "taken");
        assert_eq!(kind("x", &attributes, LARGEST), "InvalidParameterValue");
    }
}
