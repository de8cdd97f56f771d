//! What the control API says when it cannot do what it was asked: one form, whatever the reason.

use axum::{
    Json,
    http::{Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{HarnessError, lambda::InvocationFailed};
use keysync_kms_emulator::ApiError;

/// Why a request was not done.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Problem {
    #[serde(skip)]
    status: StatusCode,
    /// What is wrong, and how to mend it.
    error: String,
}

impl Problem {
    pub(super) fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self { status, error: error.into() }
    }

    pub(super) fn bad(error: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, error: error.into() }
    }

    pub(super) fn not_found(error: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, error: error.into() }
    }

    pub(super) fn ending() -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, error: "the harness is ending".to_owned() }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.status, Json(self)).into_response()
    }
}

impl From<HarnessError> for Problem {
    fn from(error: HarnessError) -> Self {
        let cause = if let HarnessError::Incomplete { error, .. } = &error { error } else { &error };
        let status = match cause {
            HarnessError::NoService(_) => StatusCode::NOT_FOUND,
            HarnessError::Unexpected { status, .. } => of_the_request(*status),
            HarnessError::Call(_) | HarnessError::Table(_) | HarnessError::Endpoint(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self { status, error: error.to_string() }
    }
}

impl From<ApiError> for Problem {
    fn from(error: ApiError) -> Self {
        Self { status: of_the_request(error.status), error: error.to_string() }
    }
}

/// The endpoint's status, where it says something about the request. The control API sends its own credentials: where
/// the endpoint rejects those, IAM or DynamoDB is out of order, as a test has wanted it.
fn of_the_request(status: StatusCode) -> StatusCode {
    match status {
        StatusCode::BAD_REQUEST
        | StatusCode::NOT_FOUND
        | StatusCode::CONFLICT
        | StatusCode::UNPROCESSABLE_ENTITY => status,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

impl From<InvocationFailed> for Problem {
    fn from(error: InvocationFailed) -> Self {
        Self { status: StatusCode::BAD_GATEWAY, error: error.to_string() }
    }
}

pub(super) async fn unknown_path(uri: Uri) -> Problem {
    let path = uri.path();
    Problem::not_found(format!("there is nothing at {path}; GET /_harness/openapi.json tells what there is"))
}

pub(super) async fn unknown_method(method: Method, uri: Uri) -> Problem {
    let error = format!("{} takes no {method}; GET /_harness/openapi.json tells what it takes", uri.path());
    Problem { status: StatusCode::METHOD_NOT_ALLOWED, error }
}
