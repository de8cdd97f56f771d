//! A callback that a service received, and its verdict.

use std::borrow::Cow;

use axum::body::Bytes;
use http::HeaderMap;
use keysync::domain::EpochMillis;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::KeyEvent;
use keysync_emulator_support::headers;

/// A callback that the service received.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Received {
    /// Its place among all steps that the journal has numbered.
    #[serde(skip)]
    pub number: u64,
    /// Time of receipt, in milliseconds since the Unix epoch.
    #[cfg_attr(feature = "openapi", schema(value_type = u64))]
    pub at: EpochMillis,
    /// Headers as received. In JSON, the values of a repeated header are joined with `, `.
    #[serde(with = "headers")]
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, String>))]
    pub headers: HeaderMap,
    /// Body as received. In JSON, a string, in which U+FFFD replaces bytes that are not UTF-8.
    #[serde(serialize_with = "serialize_text", deserialize_with = "deserialize_text")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub body: Bytes,
    /// Result of processing the callback.
    pub verdict: Verdict,
}

impl Received {
    /// The event in the body, if the body is one.
    #[must_use]
    pub fn event(&self) -> Option<KeyEvent> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The body as JSON, such as fields that [`KeyEvent`] has not; null if it is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The body as text, in which U+FFFD replaces bytes that are not UTF-8.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// The first value of a header; empty if the header is missing or the value is not ASCII.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

fn serialize_text<S: Serializer>(body: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&String::from_utf8_lossy(body))
}

fn deserialize_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
    String::deserialize(deserializer).map(Bytes::from)
}

/// Result of processing a callback.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Verdict {
    /// The service acted on the event.
    Acted,
    /// The service had acted on the same event before.
    Repeated,
    /// The service has acted on a later event of the key.
    Stale,
    /// The service did not act, because of its behaviour.
    Ignored,
    /// Verification failed, with this error.
    Rejected(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn received_callback_keeps_repeated_headers_and_bytes() {
        let mut headers = HeaderMap::new();
        for value in ["v1a,one", "v1a,two"] {
            headers.append("webhook-signature", value.parse().unwrap());
        }
        let body = Bytes::from_static(b"{\"subject\":\"k\"}\xff");
        let received =
            Received { number: 0, at: EpochMillis::new(7), headers, body, verdict: Verdict::Ignored };
        assert_eq!(received.headers.get_all("webhook-signature").iter().count(), 2);
        assert_eq!((received.header("webhook-signature"), received.header("webhook-id")), ("v1a,one", ""));
        assert_eq!(
            (received.body.last(), received.event(), received.json()),
            (Some(&0xff), None, Value::Null)
        );
        let json = serde_json::to_value(&received).unwrap();
        assert_eq!(json["headers"]["webhook-signature"], "v1a,one, v1a,two");
        assert_eq!(json["body"], "{\"subject\":\"k\"}\u{fffd}");
    }
}
