//! Errors of API calls.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use serde_json::Value;

use super::CORRELATION_ID;

/// Failure of a call.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// An error response.
    #[error("{} {}: {}", .0.status, .0.code, .0.message)]
    Rejected(ErrorResponse),
    /// No response, or an incomplete one.
    #[error("no response: {0}")]
    Unreachable(String),
    /// A response that is not a document of the API.
    #[error("invalid response: {0}")]
    Unreadable(serde_json::Error),
}

/// An error response of the API or of IAM.
#[derive(Clone, Debug)]
pub(crate) struct ErrorResponse {
    pub(crate) status: StatusCode,
    /// The API's `reasons[].code`, or IAM's `errorCode`.
    pub(crate) code: String,
    /// The message of the API.
    pub(crate) message: String,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) correlation_id: Option<String>,
}

impl ApiError {
    /// Whether a later request may succeed: the system was out of order, or is throttled.
    pub(crate) fn is_temporary(&self) -> bool {
        match self {
            Self::Rejected(error) => {
                error.status.is_server_error() || error.status == StatusCode::TOO_MANY_REQUESTS
            }
            Self::Unreachable(_) => true,
            Self::Unreadable(_) => false,
        }
    }

    /// From an error of reqwest, without the URL that its message contains.
    pub(super) fn unreachable(error: reqwest::Error) -> Self {
        let reason = if error.is_timeout() { "timeout".to_owned() } else { reason(&error.without_url()) };
        Self::Unreachable(reason)
    }

    pub(super) fn rejected(status: StatusCode, headers: &HeaderMap, document: &Value) -> Self {
        let reason = &document["resources"][0]["reasons"][0];
        let either = |one: &Value, other: &Value| {
            one.as_str().or(other.as_str()).unwrap_or_default().chars().take(500).collect()
        };
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        Self::Rejected(ErrorResponse {
            status,
            code: either(&reason["code"], &document["errorCode"]),
            message: match &document["error"] {
                // The control API of the harness.
                Value::String(error) => error.chars().take(500).collect(),
                _ => either(&reason["message"], &document["errorMessage"]),
            },
            retry_after: header(header::RETRY_AFTER)
                .and_then(|value| value.parse().ok())
                .map(Duration::from_secs),
            correlation_id: header(CORRELATION_ID).map(str::to_owned),
        })
    }

    pub(super) fn unreadable(why: &str) -> Self {
        Self::Unreadable(serde::de::Error::custom(why))
    }

    /// Whether the user lacks the role.
    pub(crate) fn is_denial(&self) -> bool {
        let codes = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN];
        matches!(self, Self::Rejected(response) if codes.contains(&response.status))
    }

    /// Whether the call may succeed if retried.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Rejected(response) => {
                response.status.is_server_error() || response.status == StatusCode::TOO_MANY_REQUESTS
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

/// The innermost cause, which is the most specific.
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

    fn response(document: &Value) -> ErrorResponse {
        let headers = HeaderMap::from_iter([(header::RETRY_AFTER, "17".parse().unwrap())]);
        match ApiError::rejected(StatusCode::CONFLICT, &headers, document) {
            ApiError::Rejected(response) => response,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn parses_errors_of_api_and_iam() {
        let message = "Please wait: Sync cannot be performed until at least 2021-09-29T21:38:43Z";
        let document =
            json!({"resources": [{"reasons": [{"code": "REQ_TOO_EARLY_ERR", "message": message}]}]});
        let rejected = response(&document);
        assert_eq!((rejected.code.as_str(), rejected.message.as_str()), ("REQ_TOO_EARLY_ERR", message));
        assert_eq!(rejected.retry_after, Some(Duration::from_secs(17)));
        assert_eq!(rejected.not_before(), Some("2021-09-29T21:38:43Z".parse().unwrap()));
        let rejected = response(&json!({"errorCode": "BXNIM0415E", "errorMessage": "not found"}));
        assert_eq!((rejected.code.as_str(), rejected.not_before()), ("BXNIM0415E", None));
    }

    #[test]
    fn other_documents_have_no_code() {
        for document in [json!(null), json!([]), json!({"resources": "no"})] {
            assert_eq!(response(&document).code, "");
        }
    }
}
