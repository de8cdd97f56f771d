//! The one place that turns errors into answers: reason codes, statuses, messages.
//!
//! What a caller may know is in [`ErrorResponse`]; what only the operator may know stays in the errors and
//! goes to the log (`app.rs`).

use std::time::Duration;

use http::StatusCode;

use super::BadRequest;
use crate::{
    iam::IamError,
    ledger::{ClaimError, LedgerError},
    rate_limit::RateLimited,
    usecases::sync::SyncError,
};

/// When a caller should try again after a fault that is not the caller's, in seconds.
const RETRY_FAULT_AFTER: Duration = Duration::from_secs(5);

/// `reasons[].code` of the error document (contract section 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReasonCode {
    /// No subject in the bearer token.
    BearerSubExtraction,
    /// A malformed field.
    InvalidField,
    /// The key is a standard key.
    KeyRootReq,
    /// Not authenticated, or without the role.
    Unauthorized,
    /// No such key here.
    KeyNotFound,
    /// No such path.
    NotFound,
    /// Another method than the path has.
    MethodNotAllowed,
    /// The window is closed.
    ReqTooEarly,
    /// The body is too large.
    PayloadTooLarge,
    /// Throttled.
    TooManyRequests,
    /// A dependency is out.
    ServiceUnavailable,
    /// A defect.
    Internal,
}

impl ReasonCode {
    /// As it stands in the document.
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

    /// The status that it is answered with.
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

/// An answer other than 204.
#[derive(Debug, PartialEq, Eq)]
pub struct ErrorResponse {
    /// Why, for programs.
    pub code: ReasonCode,
    /// Why, for people; nothing internal.
    pub message: String,
    /// When to try again, for `retry-after`.
    pub retry_after: Option<Duration>,
}

impl ErrorResponse {
    fn new(code: ReasonCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry_after: None }
    }

    fn try_again_after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..self }
    }
}

impl From<BadRequest> for ErrorResponse {
    fn from(error: BadRequest) -> Self {
        let code = match error {
            BadRequest::UnknownPath => ReasonCode::NotFound,
            BadRequest::MethodNotAllowed => ReasonCode::MethodNotAllowed,
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
            SyncError::Iam(IamError::Unauthorized(_)) => Self::new(
                ReasonCode::Unauthorized,
                "The token is not valid, or its subject may not synchronize keys of this instance: \
                 the role Writer or Manager is needed",
            ),
            SyncError::Iam(IamError::Unavailable(_)) | SyncError::Ledger(LedgerError::Unavailable(_)) => {
                Self::new(
                    ReasonCode::ServiceUnavailable,
                    "The service cannot decide at the moment: \
                     Please try again with the same correlation-id",
                )
                .try_again_after(RETRY_FAULT_AFTER)
            }
            SyncError::RateLimited(RateLimited { wait, .. }) => Self::new(
                ReasonCode::TooManyRequests,
                "You have made too many requests: \
                     Please wait and try again with the same correlation-id",
            )
            .try_again_after(*wait),
            SyncError::Ledger(LedgerError::Throttled) => Self::new(
                ReasonCode::TooManyRequests,
                "Too many requests at the moment: \
                     Please wait and try again with the same correlation-id",
            )
            .try_again_after(RETRY_FAULT_AFTER),
            SyncError::Ledger(LedgerError::Defect(_)) => Self::new(
                ReasonCode::Internal,
                "An unexpected error occurred: Please report it with the correlation-id",
            ),
            SyncError::Claim(refused) => refused.into(),
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
                     Sync cannot be performed until at least {opens_at}"
                ),
            )
            .try_again_after(*wait),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::EpochMillis;

    fn refusal(error: impl Into<SyncError>) -> ErrorResponse {
        ErrorResponse::from(&error.into())
    }

    #[test]
    fn every_error_has_its_code_and_status() {
        let table: [(ErrorResponse, u16, &str); 14] = [
            (BadRequest::UnknownPath.into(), 404, "NOT_FOUND_ERR"),
            (BadRequest::MethodNotAllowed.into(), 405, "METHOD_NOT_ALLOWED_ERR"),
            (BadRequest::BodyTooLarge { bytes: 1 }.into(), 413, "PAYLOAD_TOO_LARGE_ERR"),
            (BadRequest::NoToken.into(), 401, "UNAUTHORIZED_ERR"),
            (BadRequest::NoSubject(crate::iam::NoSubject).into(), 400, "BEARER_SUB_EXTRACTION_ERR"),
            (
                BadRequest::Field { field: "id", problem: String::new(), got: None }.into(),
                400,
                "INVALID_FIELD_ERR",
            ),
            (refusal(IamError::Unauthorized("x".into())), 401, "UNAUTHORIZED_ERR"),
            (refusal(IamError::Unavailable("x".into())), 503, "SERVICE_UNAVAILABLE_ERR"),
            (refusal(LedgerError::Unavailable("x".into())), 503, "SERVICE_UNAVAILABLE_ERR"),
            (refusal(LedgerError::Throttled), 429, "TOO_MANY_REQUESTS_ERR"),
            (refusal(LedgerError::Defect("x".into())), 500, "INTERNAL_ERR"),
            (refusal(ClaimError::NotFound), 404, "KEY_NOT_FOUND_ERR"),
            (refusal(ClaimError::StandardKey), 400, "KEY_ROOT_REQ_ERR"),
            (
                refusal(ClaimError::TooEarly { opens_at: EpochMillis::new(0), wait: Duration::ZERO }),
                409,
                "REQ_TOO_EARLY_ERR",
            ),
        ];
        for (refusal, status, code) in table {
            assert_eq!((refusal.code.status().as_u16(), refusal.code.as_str()), (status, code));
        }
    }

    #[test]
    fn what_only_the_operator_may_know_stays_inside() {
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
