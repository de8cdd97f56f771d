//! Error document of the emulated KMS. It shares no code with the error document of the sync
//! function, so that a mistake on one side fails a test on the other.

use axum::{
    Json,
    extract::{MatchedPath, Request},
    http::{HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

/// An error response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{status} {code}: {message}")]
pub struct ApiError {
    /// HTTP status.
    pub status: StatusCode,
    /// `reasons[].code`.
    pub code: &'static str,
    /// `reasons[].message`.
    pub message: String,
    /// `reasons[].target`: the invalid field, if the error is about one.
    pub target: Option<String>,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), target: None }
    }

    pub(super) fn field(name: &str, problem: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "INVALID_FIELD_ERR", format!("`{name}` {problem}")).about(name)
    }

    /// Sets the invalid field of the request.
    pub(super) fn about(self, field: &str) -> Self {
        Self { target: Some(field.to_owned()), ..self }
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

    /// A 503 for a failure of the table or of another part of the system.
    pub(super) fn table(error: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE_ERR", error.to_string())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.document("Action could not be performed")).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        // `describe_failure` knows the request and completes the document.
        response.extensions_mut().insert(self);
        response
    }
}

impl ApiError {
    fn document(&self, failure: &str) -> Json<Value> {
        let title = self.status.canonical_reason().unwrap_or("Error");
        let mut reason = json!({"code": self.code, "message": self.message, "status": self.status.as_u16(),
                                "moreInfo": "https://cloud.ibm.com/apidocs/key-protect"});
        if let Some(field) = &self.target {
            reason["target"] = json!({"type": "field", "name": field});
        }
        Json(json!({
            "metadata": {"collectionType": "application/vnd.ibm.kms.error+json", "collectionTotal": 1},
            "resources": [{
                "errorMsg": format!("{title}: {failure}: Please see `reasons` for more details ({})", self.code),
                "reasons": [reason],
            }],
        }))
    }
}

/// Adds the failed action to an error document.
pub(super) async fn describe_failure(path: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let failure = path.map(|path| failed_action(request.method(), path.as_str()));
    let mut response = next.run(request).await;
    match (failure, response.extensions_mut().remove::<ApiError>()) {
        (Some(failure), Some(error)) => {
            *response.body_mut() = error.document(failure).into_response().into_body();
            response.headers_mut().remove(header::CONTENT_LENGTH);
            response
        }
        _ => response,
    }
}

/// The documented text for a failed action, or a general one.
fn failed_action(method: &Method, path: &str) -> &'static str {
    let call = path.strip_prefix("/api/v2/").unwrap_or(path);
    match (method.as_str(), call) {
        ("POST", "keys" | "keys_with_policy_overrides") => "Key could not be created",
        ("DELETE", "keys/{id}") => "Key could not be deleted",
        ("DELETE", "keys/{id}/purge") => "Key could not be purged",
        (_, "keys/{id}/restore" | "keys/{id}/actions/restore") => "Key could not be restored",
        (_, "keys/{id}/actions/enable") => "Key could not be enabled",
        (_, "keys/{id}/actions/disable") => "Key could not be disabled",
        (_, "keys/{id}/actions/wrap") => "Wrap with key could not be performed",
        (_, "keys/{id}/actions/unwrap") => "Unwrap with key could not be performed",
        (_, "keys/{id}/actions/rewrap") => "Rewrap with key could not be performed",
        ("PUT", "instance/policies") => "Instance policy could not be created",
        ("POST", "import_token") => "Import Token could not be created",
        ("GET", "import_token") => "Import Token could not be retrieved",
        (_, call) if call.contains("/actions/") => "Action could not be performed on key",
        _ => "Action could not be performed",
    }
}

pub(super) async fn unknown_path(uri: axum::http::Uri) -> ApiError {
    let message = format!("unknown path {}: the emulated KMS does not emulate it", uri.path());
    ApiError::new(StatusCode::NOT_FOUND, "NOT_FOUND_ERR", message)
}

pub(super) async fn unknown_method(method: axum::http::Method, uri: axum::http::Uri) -> ApiError {
    let message = format!("{} does not support the method {method}", uri.path());
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED_ERR", message)
}
