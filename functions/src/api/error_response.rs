//! The one place that turns errors into error responses: reason codes, statuses, messages.
//!
//! [`ErrorResponse`] holds what a caller may know. Details for operators stay in the errors, which
//! `handlers/sync.rs` logs. The codes are listed in `docs/reference/sync-api.md`, "Reason codes".

use std::time::Duration;

use http::StatusCode;

use super::BadRequest;
use crate::{
    iam::IamError,
    ledger::{ClaimError, LedgerError},
    rate_limit::RateLimited,
    usecases::{status::StatusError, sync::SyncError},
};

/// The `retry-after` of a failure that the caller did not cause: unavailable or throttled
/// dependencies (docs/reference/limits.md#retry-after-fault).
const FAULT_RETRY_AFTER: Duration = Duration::from_secs(5);

/// The reason code: `reasons[].code` of the error document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReasonCode {
    /// 400: no subject can be read from the bearer token.
    BearerSubExtraction,
    /// 400: a field is malformed or missing.
    InvalidField,
    /// 400: the key is a standard key.
    KeyRootReq,
    /// 401: the token is missing or invalid, or its subject lacks the role.
    Unauthorized,
    /// 404: the key does not exist in this instance or key ring.
    KeyNotFound,
    /// 404: unknown path.
    NotFound,
    /// 405: known path, other method.
    MethodNotAllowed,
    /// 409: the window is closed.
    ReqTooEarly,
    /// 413: the body is too large.
    PayloadTooLarge,
    /// 429: the caller exceeded the rate limit, or DynamoDB throttles.
    TooManyRequests,
    /// 503: DynamoDB or IAM is unavailable.
    ServiceUnavailable,
    /// 500: a defect.
    Internal,
}

impl ReasonCode {
    /// Every reason code, in the order of statuses.
    pub const ALL: [Self; 12] = [
        Self::BearerSubExtraction,
        Self::InvalidField,
        Self::KeyRootReq,
        Self::Unauthorized,
        Self::KeyNotFound,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::ReqTooEarly,
        Self::PayloadTooLarge,
        Self::TooManyRequests,
        Self::Internal,
        Self::ServiceUnavailable,
    ];

    /// The cause, as the `OpenAPI` document describes it.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::BearerSubExtraction => "no subject can be read from the bearer token",
            Self::InvalidField => "a header or the key id is invalid, missing or given twice",
            Self::KeyRootReq => "the key is a standard key; only root keys have associated resources",
            Self::Unauthorized => "the token is missing or invalid, or its subject lacks the role",
            Self::KeyNotFound => "the key does not exist in this instance or key ring",
            Self::NotFound => "unknown path",
            Self::MethodNotAllowed => "the path does not support the method",
            Self::ReqTooEarly => "the key's services were notified within the past hour",
            Self::PayloadTooLarge => "the body has more than 10,240 bytes",
            Self::TooManyRequests => "the caller exceeded the rate limit, or DynamoDB throttles",
            Self::ServiceUnavailable => "DynamoDB or IAM is unavailable",
            Self::Internal => "a defect",
        }
    }

    /// Whether the response says when to retry: it has `retry-after`.
    #[must_use]
    pub const fn is_temporary(self) -> bool {
        matches!(self, Self::ReqTooEarly | Self::TooManyRequests | Self::ServiceUnavailable)
    }

    /// The code as the error document has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BearerSubExtraction => "BEARER_SUB_EXTRACTION_ERR",
            Self::InvalidField => "INVALID_FIELD_ERR",
            Self::KeyRootReq => "KEY_ROOT_REQ_ERR",
            Self::Unauthorized => "UNAUTHORIZED_ERR",
            Self::KeyNotFound => "KEY_NOT_FOUND_ERR",
            Self::NotFound => "NOT_FOUND_ERR",
            Self::MethodNotAllowed => "METHOD_NOT_ALLOWED_ERR",
            Self::ReqTooEarly => "REQ_TOO_EARLY_ERR",
            Self::PayloadTooLarge => "PAYLOAD_TOO_LARGE_ERR",
            Self::TooManyRequests => "TOO_MANY_REQUESTS_ERR",
            Self::ServiceUnavailable => "SERVICE_UNAVAILABLE_ERR",
            Self::Internal => "INTERNAL_ERR",
        }
    }

    /// The HTTP status of the response.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::BearerSubExtraction | Self::InvalidField | Self::KeyRootReq => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::KeyNotFound | Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::ReqTooEarly => StatusCode::CONFLICT,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::ServiceUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// A response other than 204.
#[derive(Debug, PartialEq, Eq)]
pub struct ErrorResponse {
    /// The cause, for programs.
    pub code: ReasonCode,
    /// The cause and the remedy, for people. Discloses nothing internal.
    pub message: String,
    /// The value of `retry-after`, which is rounded up to whole seconds.
    pub retry_after: Option<Duration>,
}

impl ErrorResponse {
    fn new(code: ReasonCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry_after: None }
    }

    /// The response to an error of IAM. `unauthorized` names the role that is needed.
    fn iam(error: &IamError, unauthorized: &str) -> Self {
        match error {
            IamError::Unauthorized(_) => Self::new(ReasonCode::Unauthorized, unauthorized),
            IamError::Unavailable(_) => Self::unavailable(),
        }
    }

    fn unavailable() -> Self {
        Self::new(
            ReasonCode::ServiceUnavailable,
            "The service is temporarily unavailable: Please retry with the same correlation-id",
        )
        .with_retry_after(FAULT_RETRY_AFTER)
    }

    fn with_retry_after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..self }
    }
}

impl From<BadRequest> for ErrorResponse {
    fn from(error: BadRequest) -> Self {
        let code = match error {
            BadRequest::UnknownPath => ReasonCode::NotFound,
            BadRequest::MethodNotAllowed(_) => ReasonCode::MethodNotAllowed,
            BadRequest::BodyTooLarge { .. } => ReasonCode::PayloadTooLarge,
            BadRequest::NoToken => ReasonCode::Unauthorized,
            BadRequest::NoSubject(_) => ReasonCode::BearerSubExtraction,
            BadRequest::Field { .. } => ReasonCode::InvalidField,
        };
        let mut message = error.to_string();
        if let BadRequest::Field { got: Some(got), .. } = error {
            message = format!("{message}: got {got}");
        }
        Self::new(code, message)
    }
}

impl From<&SyncError> for ErrorResponse {
    fn from(error: &SyncError) -> Self {
        match error {
            SyncError::Iam(error) => Self::iam(
                error,
                "The token is not valid, or its subject may not synchronize keys of this instance: \
                 the role Writer or Manager is needed",
            ),
            SyncError::RateLimited(error) => error.into(),
            SyncError::Ledger(error) => error.into(),
            SyncError::Claim(error) => error.into(),
        }
    }
}

impl From<&StatusError> for ErrorResponse {
    fn from(error: &StatusError) -> Self {
        match error {
            StatusError::Iam(error) => Self::iam(
                error,
                "The token is not valid, or its subject may not read keys of this instance: \
                 the role Reader, ReaderPlus, Writer or Manager is needed",
            ),
            StatusError::RateLimited(error) => error.into(),
            StatusError::Ledger(error) => error.into(),
            StatusError::NotFound => (&ClaimError::NotFound).into(),
        }
    }
}

impl From<&RateLimited> for ErrorResponse {
    fn from(RateLimited { wait, .. }: &RateLimited) -> Self {
        Self::new(
            ReasonCode::TooManyRequests,
            "You have made too many requests: \
             Please wait and try again with the same correlation-id",
        )
        .with_retry_after(*wait)
    }
}

impl From<&LedgerError> for ErrorResponse {
    fn from(error: &LedgerError) -> Self {
        match error {
            LedgerError::Unavailable(_) => Self::unavailable(),
            LedgerError::Throttled => Self::new(
                ReasonCode::TooManyRequests,
                "Too many requests at the moment: \
                 Please wait and try again with the same correlation-id",
            )
            .with_retry_after(FAULT_RETRY_AFTER),
            LedgerError::Defect(_) => Self::new(
                ReasonCode::Internal,
                "An unexpected error occurred: Please report it with the correlation-id",
            ),
        }
    }
}

impl From<&ClaimError> for ErrorResponse {
    fn from(error: &ClaimError) -> Self {
        match error {
            ClaimError::NotFound => {
                Self::new(ReasonCode::KeyNotFound, "Key does not exist in this instance or key ring")
            }
            ClaimError::StandardKey => Self::new(
                ReasonCode::KeyRootReq,
                "The key is a standard key: only root keys have associated resources",
            ),
            ClaimError::TooEarly { opens_at, wait } => Self::new(
                ReasonCode::ReqTooEarly,
                format!(
                    "The key was updated recently: Please wait and try again: \
                     Sync cannot be performed until at least {}",
                    opens_at.whole_seconds()
                ),
            )
            .with_retry_after(*wait),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{api::Operation, domain::EpochMillis};

    fn response(error: impl Into<SyncError>) -> ErrorResponse {
        ErrorResponse::from(&error.into())
    }

    #[test]
    fn errors_map_to_codes_and_statuses() {
        let table: [(ErrorResponse, u16, &str); 15] = [
            (BadRequest::UnknownPath.into(), 404, "NOT_FOUND_ERR"),
            (BadRequest::MethodNotAllowed(Operation::Status).into(), 405, "METHOD_NOT_ALLOWED_ERR"),
            (BadRequest::BodyTooLarge { bytes: 1 }.into(), 413, "PAYLOAD_TOO_LARGE_ERR"),
            (BadRequest::NoToken.into(), 401, "UNAUTHORIZED_ERR"),
            (BadRequest::NoSubject(crate::iam::NoSubject).into(), 400, "BEARER_SUB_EXTRACTION_ERR"),
            (
                BadRequest::Field { field: "id", problem: String::new(), got: None }.into(),
                400,
                "INVALID_FIELD_ERR",
            ),
            (response(IamError::Unauthorized("x".into())), 401, "UNAUTHORIZED_ERR"),
            (response(IamError::Unavailable("x".into())), 503, "SERVICE_UNAVAILABLE_ERR"),
            (response(LedgerError::Unavailable("x".into())), 503, "SERVICE_UNAVAILABLE_ERR"),
            (response(LedgerError::Throttled), 429, "TOO_MANY_REQUESTS_ERR"),
            (response(LedgerError::Defect("x".into())), 500, "INTERNAL_ERR"),
            (response(ClaimError::NotFound), 404, "KEY_NOT_FOUND_ERR"),
            ((&StatusError::NotFound).into(), 404, "KEY_NOT_FOUND_ERR"),
            (response(ClaimError::StandardKey), 400, "KEY_ROOT_REQ_ERR"),
            (
                response(ClaimError::TooEarly { opens_at: EpochMillis::new(0), wait: Duration::ZERO }),
                409,
                "REQ_TOO_EARLY_ERR",
            ),
        ];
        for (response, status, code) in table {
            assert_eq!((response.code.status().as_u16(), response.code.as_str()), (status, code));
        }
    }

    #[test]
    fn messages_disclose_nothing_internal() {
        for error in [
            SyncError::from(LedgerError::Defect("arn:aws:dynamodb:secret".into())),
            LedgerError::Unavailable("10.0.0.7 refused".into()).into(),
            IamError::Unauthorized("expired at 7".into()).into(),
        ] {
            let message = ErrorResponse::from(&error).message;
            assert!(!message.contains("secret") && !message.contains("10.0") && !message.contains('7'));
        }
    }
}
