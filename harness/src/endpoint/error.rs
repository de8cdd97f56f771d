//! The endpoint's error document, written from contract section 1 and not shared with the function's.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

/// An answer other than success.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{status} {code}: {message}")]
pub(crate) struct ApiError {
    /// The HTTP status.
    pub(crate) status: StatusCode,
    /// `reasons[].code`.
    pub(crate) code: &'static str,
    /// `reasons[].message`.
    pub(crate) message: String,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    pub(super) fn field(name: &str, problem: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "INVALID_FIELD_ERR", format!("`{name}` {problem}"))
    }

    pub(super) fn key_not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "KEY_NOT_FOUND_ERR", "Key does not exist")
    }

    pub(super) fn root_key_required() -> Self {
        let message = "Requested action can only be completed with a root key";
        Self::new(StatusCode::BAD_REQUEST, "KEY_ROOT_REQ_ERR", message)
    }

    pub(super) fn key_deleted() -> Self {
        let message = "Key has already been deleted: Please delete references to this key";
        Self::new(StatusCode::GONE, "KEY_DELETED_ERR", message)
    }

    pub(super) fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, message)
    }

    /// The table did not do its part.
    pub(super) fn table(error: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE_ERR", error.to_string())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let title = self.status.canonical_reason().unwrap_or("Error");
        let document = json!({
            "metadata": {"collectionType": "application/vnd.ibm.kms.error+json", "collectionTotal": 1},
            "resources": [{
                "errorMsg": format!("{title}: Action could not be performed: Please see `reasons` for more details ({})", self.code),
                "reasons": [{"code": self.code, "message": self.message, "status": self.status.as_u16(),
                             "moreInfo": "https://cloud.ibm.com/apidocs/key-protect"}],
            }],
        });
        let mut response = (self.status, Json(document)).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

pub(super) async fn unknown_path(uri: axum::http::Uri) -> ApiError {
    let message = format!("there is nothing at {}: this endpoint does not emulate it", uri.path());
    ApiError::new(StatusCode::NOT_FOUND, "NOT_FOUND_ERR", message)
}

pub(super) async fn unknown_method(method: axum::http::Method, uri: axum::http::Uri) -> ApiError {
    let message = format!("{} does not answer {method}", uri.path());
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED_ERR", message)
}
