//! The error responses of the control API.

use axum::{
    Json,
    http::{Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{HarnessError, lambda::InvocationFailed};
use keysync_kms_emulator::ApiError;

/// An error response.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Problem {
    #[serde(skip)]
    status: StatusCode,
    /// The problem, and how to fix it.
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
            HarnessError::Snapshot(_) | HarnessError::Recording(_) => StatusCode::BAD_REQUEST,
            HarnessError::Unexpected { status, .. } => request_status(*status),
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
        Self { status: request_status(error.status), error: error.to_string() }
    }
}

/// The endpoint's status if it is about the request, and 503 otherwise. The control API sends its
/// own credentials: if the endpoint rejects those, a test has injected a fault into IAM or
/// DynamoDB.
fn request_status(status: StatusCode) -> StatusCode {
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
    Problem::not_found(format!("no such path: {path}; GET /_harness/openapi.json lists all operations"))
}

pub(super) async fn unknown_method(method: Method, uri: Uri) -> Problem {
    let error =
        format!("{} does not support {method}; GET /_harness/openapi.json lists all operations", uri.path());
    Problem { status: StatusCode::METHOD_NOT_ALLOWED, error }
}
