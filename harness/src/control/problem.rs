//! What the control API says when it cannot do what it was asked, and how it reads what it is asked.

use axum::{
    Json,
    extract::{FromRequest, Request, rejection::JsonRejection},
    http::{Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use serde::{Serialize, de::DeserializeOwned};
use utoipa::ToSchema;

use crate::{HarnessError, endpoint::ApiError, function::InvocationFailed};

/// Why a request was not done.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Problem {
    #[serde(skip)]
    status: StatusCode,
    /// What is wrong, and how to mend it.
    error: String,
}

impl Problem {
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
        let status = match &error {
            HarnessError::NoService(_) => StatusCode::NOT_FOUND,
            HarnessError::Unexpected { status, .. } => *status,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self { status, error: error.to_string() }
    }
}

impl From<ApiError> for Problem {
    fn from(error: ApiError) -> Self {
        Self { status: error.status, error: error.to_string() }
    }
}

impl From<InvocationFailed> for Problem {
    fn from(error: InvocationFailed) -> Self {
        Self { status: StatusCode::BAD_GATEWAY, error: error.to_string() }
    }
}

/// A JSON body, whatever its content type; what is wrong with it is a [`Problem`].
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (mut head, body) = request.into_parts();
        // curl -d does not say that it is JSON.
        head.headers.insert("content-type", http::HeaderValue::from_static("application/json"));
        match Json::from_request(Request::from_parts(head, body), state).await {
            Ok(Json(value)) => Ok(Self(value)),
            Err(JsonRejection::JsonDataError(error)) => Err(Problem::bad(error.body_text())),
            Err(error) => Err(Problem::bad(format!("the body must be JSON: {}", error.body_text()))),
        }
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
