//! JSON as RFC 8259 has it: UTF-8, objects where objects are specified, and not nested without bound.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, MapAccess, Visitor, value::MapAccessDeserializer},
};

/// Levels of arrays and objects: an event has three. Parsers in other languages give up at some depth, each at its own.
const MAX_DEPTH: usize = 32;

/// A `T` that is written as a JSON object: what serde derives would take an array of the fields' values, too.
pub(crate) struct Object<T>(pub(crate) T);

/// Reads a `T` from a document that holds it as an object, and nothing else.
pub(crate) fn object<T: DeserializeOwned>(document: &[u8]) -> Result<T, String> {
    // serde_json does not look at the bytes of what it passes over.
    let text = std::str::from_utf8(document).map_err(|error| error.to_string())?;
    if is_too_deep(document) {
        return Err(format!("it is nested more than {MAX_DEPTH} levels deep"));
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

/// An unsigned number as between one and `most` ASCII digits and nothing else: `parse` alone would take a sign, too.
pub(crate) fn digits(text: &str, most: usize) -> Option<u64> {
    let readable = text.len() <= most && text.bytes().all(|byte| byte.is_ascii_digit());
    readable.then(|| text.parse().ok())?
}

/// The start of a value, in one line and in ASCII, for a message.
pub(crate) fn short(text: &str) -> String {
    const MOST: usize = 64;
    let start: String = text.chars().take(MOST).collect();
    let rest = if start.len() < text.len() { "..." } else { "" };
    format!("{}{rest}", start.escape_default())
}
