//! The error document of the key-management API.

use std::fmt;

use jiff::Timestamp;
use serde::Deserialize;

/// The maximum length of a message that is shown, in characters.
const MAX_CHARS: usize = 300;

/// The first reason of an error document; empty if the response has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ErrorDocument {
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
}

#[derive(Deserialize)]
struct Document {
    resources: Vec<Resource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resource {
    error_msg: Option<String>,
    #[serde(default)]
    reasons: Vec<Reason>,
}

#[derive(Deserialize)]
struct Reason {
    code: Option<String>,
    message: Option<String>,
}

impl ErrorDocument {
    /// Parses the body of an error response.
    pub(crate) fn read(body: &[u8]) -> Self {
        let Ok(Document { resources }) = serde_json::from_slice(body) else { return Self::default() };
        let Some(resource) = resources.into_iter().next() else { return Self::default() };
        let cut = |text: String| text.chars().take(MAX_CHARS).collect();
        match resource.reasons.into_iter().next() {
            Some(Reason { code, message }) => {
                Self { code: code.map(cut), message: message.or(resource.error_msg).map(cut) }
            }
            None => Self { code: None, message: resource.error_msg.map(cut) },
        }
    }

    /// The instant that the message names, as that of a 409 does.
    pub(crate) fn instant(&self) -> Option<Timestamp> {
        let words =
            self.message.as_deref()?.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '('));
        words.map(|word| word.trim_end_matches(['.', ')'])).find_map(|word| word.parse().ok())
    }
}

impl fmt::Display for ErrorDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(code) = &self.code {
            write!(f, " {code}")?;
        }
        if let Some(message) = &self.message {
            write!(f, ": {message}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_first_reason_and_its_instant() {
        let body = br#"{"metadata":{},"resources":[{"errorMsg":"Conflict","reasons":[{"code":"REQ_TOO_EARLY_ERR",
            "message":"Please wait: Sync cannot be performed until at least 2021-09-29T21:38:43Z","status":409}]}]}"#;
        let document = ErrorDocument::read(body);
        assert_eq!(document.code.as_deref(), Some("REQ_TOO_EARLY_ERR"));
        assert_eq!(document.instant().unwrap().to_string(), "2021-09-29T21:38:43Z");
        for other in
            [&b""[..], b"<html>", b"{}", br#"{"resources":[]}"#, br#"{"resources":[{"reasons":[{}]}]}"#]
        {
            assert_eq!(ErrorDocument::read(other), ErrorDocument::default());
        }
    }
}
