//! Headers as a JSON object: the values of a repeated header are joined with `, `.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Deserializer, Serializer, de::Error};

/// The values of a header, in which U+FFFD replaces bytes that are not UTF-8.
#[must_use]
pub fn joined(headers: &HeaderMap, name: &HeaderName) -> String {
    let values = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
    values.collect::<Vec<_>>().join(", ")
}

/// Serializes headers as an object, for `serde(serialize_with)`.
pub fn serialize<S: Serializer>(headers: &HeaderMap, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(headers.keys().map(|name| (name.as_str(), joined(headers, name))))
}

/// Deserializes headers from such an object, for `serde(deserialize_with)`.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HeaderMap, D::Error> {
    parse(&BTreeMap::deserialize(deserializer)?).map_err(D::Error::custom)
}

/// Headers by name and value.
pub(crate) fn parse(headers: &BTreeMap<String, String>) -> Result<HeaderMap, String> {
    let parse = |(name, value): (&String, &String)| {
        let invalid = || {
            let start: String = name.chars().take(80).collect();
            format!("the name or the value of the header `{start}` is invalid")
        };
        let parsed: HeaderName = name.parse().map_err(|_| invalid())?;
        Ok((parsed, HeaderValue::from_bytes(value.as_bytes()).map_err(|_| invalid())?))
    };
    headers.iter().map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_as_they_were_written() {
        let mut headers = HeaderMap::new();
        for value in ["v1a,one", "v1a,two"] {
            headers.append("webhook-signature", value.parse().unwrap());
        }
        let written = serialize(&headers, serde_json::value::Serializer).unwrap();
        assert_eq!(written["webhook-signature"], "v1a,one, v1a,two");
        let read = deserialize(&written).unwrap();
        assert_eq!(serialize(&read, serde_json::value::Serializer).unwrap(), written);
    }

    #[test]
    fn invalid_header_is_rejected() {
        for (name, value) in [("a b", "value"), ("name", "two\nlines")] {
            let headers = BTreeMap::from([(name.to_owned(), value.to_owned())]);
            assert!(parse(&headers).unwrap_err().contains(name));
        }
    }
}
