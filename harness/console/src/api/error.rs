//! What can go wrong with a call.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use serde_json::Value;

use super::CORRELATION_ID;

/// Why a call brought nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// It was answered with a refusal.
    #[error("{} {}: {}", .0.status, .0.code, .0.message)]
    Refused(ErrorResponse),
    /// Nobody answered, or not to the end.
    #[error("no answer: {0}")]
    Unreachable(String),
    /// It was answered with something else than the API's documents.
    #[error("an answer that cannot be read: {0}")]
    Unreadable(serde_json::Error),
}

/// A refusal.
#[derive(Clone, Debug)]
pub(crate) struct ErrorResponse {
    pub(crate) status: StatusCode,
    /// The API's `reasons[].code`, or IAM's `errorCode`.
    pub(crate) code: String,
    /// What the API says of it.
    pub(crate) message: String,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) correlation_id: Option<String>,
}

impl ApiError {
    /// Without the address, which reqwest's own text holds.
    pub(super) fn unreachable(error: reqwest::Error) -> Self {
        let reason =
            if error.is_timeout() { "it took too long".to_owned() } else { reason(&error.without_url()) };
        Self::Unreachable(reason)
    }

    pub(super) fn refused(status: StatusCode, headers: &HeaderMap, document: &Value) -> Self {
        let reason = &document["resources"][0]["reasons"][0];
        let either = |one: &Value, other: &Value| {
            one.as_str().or(other.as_str()).unwrap_or_default().chars().take(500).collect()
        };
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        Self::Refused(ErrorResponse {
            status,
            code: either(&reason["code"], &document["errorCode"]),
            message: either(&reason["message"], &document["errorMessage"]),
            retry_after: header(header::RETRY_AFTER)
                .and_then(|value| value.parse().ok())
                .map(Duration::from_secs),
            correlation_id: header(CORRELATION_ID).map(str::to_owned),
        })
    }

    pub(super) fn unreadable(why: &str) -> Self {
        Self::Unreadable(serde::de::Error::custom(why))
    }

    /// Whether the same call may fare better.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Refused(refusal) => {
                refusal.status.is_server_error() || refusal.status == StatusCode::TOO_MANY_REQUESTS
            }
            Self::Unreachable(_) => true,
            Self::Unreadable(_) => false,
        }
    }
}

impl ErrorResponse {
    /// The instant that a 409 `REQ_TOO_EARLY_ERR` names at the end of its message.
    pub(crate) fn not_before(&self) -> Option<Timestamp> {
        self.message.rsplit(' ').next()?.parse().ok()
    }
}

/// The innermost cause, which says most.
fn reason(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(document: &Value) -> ErrorResponse {
        let headers = HeaderMap::from_iter([(header::RETRY_AFTER, "17".parse().unwrap())]);
        match ApiError::refused(StatusCode::CONFLICT, &headers, document) {
            ApiError::Refused(refusal) => refusal,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn the_apis_document_and_iams_are_read() {
        let message = "Please wait: Sync cannot be performed until at least 2021-09-29T21:38:43Z";
        let document =
            json!({"resources": [{"reasons": [{"code": "REQ_TOO_EARLY_ERR", "message": message}]}]});
        let refused = refusal(&document);
        assert_eq!((refused.code.as_str(), refused.message.as_str()), ("REQ_TOO_EARLY_ERR", message));
        assert_eq!(refused.retry_after, Some(Duration::from_secs(17)));
        assert_eq!(refused.not_before(), Some("2021-09-29T21:38:43Z".parse().unwrap()));
        let refused = refusal(&json!({"errorCode": "BXNIM0415E", "errorMessage": "not found"}));
        assert_eq!((refused.code.as_str(), refused.not_before()), ("BXNIM0415E", None));
    }

    #[test]
    fn anything_else_is_a_refusal_without_words() {
        for document in [json!(null), json!([]), json!({"resources": "no"})] {
            assert_eq!(refusal(&document).code, "");
        }
    }
}
