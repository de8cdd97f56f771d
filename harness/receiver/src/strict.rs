//! Strict JSON (RFC 8259): valid UTF-8, JSON objects only where objects are specified, bounded
//! nesting.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, MapAccess, Visitor, value::MapAccessDeserializer},
};

/// Maximum depth of arrays and objects; an event has three levels. A fixed limit makes receivers in
/// all languages agree, because their parsers have different ones.
const MAX_DEPTH: usize = 32;

/// A `T` in the form of a JSON object. Code derived by serde would also accept an array of the
/// fields' values.
pub(crate) struct Object<T>(pub(crate) T);

/// Parses a document that consists of exactly one JSON object.
pub(crate) fn object<T: DeserializeOwned>(document: &[u8]) -> Result<T, String> {
    // serde_json does not validate the UTF-8 of ignored fields.
    let text = std::str::from_utf8(document).map_err(|error| error.to_string())?;
    if is_too_deep(document) {
        return Err(format!("JSON is nested more than {MAX_DEPTH} levels deep"));
    }
    serde_json::from_str(text).map(|Object(value)| value).map_err(|error| error.to_string())
}

fn is_too_deep(document: &[u8]) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in document {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return true;
        }
    }
    false
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields(PhantomData)).map(Self)
    }
}

struct Fields<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(fields))
    }
}

/// Parses an unsigned integer of 1 to `most` ASCII digits. `parse` alone would also accept a sign.
pub(crate) fn digits(text: &str, most: usize) -> Option<u64> {
    let is_valid = text.len() <= most && text.bytes().all(|byte| byte.is_ascii_digit());
    is_valid.then(|| text.parse().ok())?
}

/// The start of a value, escaped to one line of ASCII, for messages.
pub(crate) fn short(text: &str) -> String {
    const MAX_CHARS: usize = 64;
    let start: String = text.chars().take(MAX_CHARS).collect();
    let rest = if start.len() < text.len() { "..." } else { "" };
    format!("{}{rest}", start.escape_default())
}
