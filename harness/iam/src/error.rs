//! IAM's error document. Every error response has one, because the public clients parse nothing
//! else.

use axum::{
    Json,
    body::to_bytes,
    extract::Request,
    http::{StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::json;
use uuid::Uuid;

/// Maximum length of a message that is copied from another error response, in bytes.
const MAX_MESSAGE_BYTES: usize = 4_096;

/// Builds an error response with IAM's error code.
pub(super) fn error_response(status: StatusCode, code: &str, message: &str) -> Response {
    let document = json!({
        "errorCode": code,
        "errorMessage": message,
        "context": {"requestId": Uuid::new_v4().to_string(), "requestType": "incoming"},
    });
    (status, Json(document)).into_response()
}

/// Replaces error responses that are not JSON, such as those for an unknown path or a malformed
/// body.
pub(super) async fn json_errors(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let status = response.status();
    let is_json = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    if is_json || status.is_success() {
        return response;
    }
    let status = match status {
        // IAM does not distinguish these from other malformed requests.
        StatusCode::UNSUPPORTED_MEDIA_TYPE | StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
        other => other,
    };
    let (code, default) = match status {
        StatusCode::NOT_FOUND => ("BXNIM0404E", "Requested path is unknown."),
        StatusCode::METHOD_NOT_ALLOWED => ("BXNIM0405E", "Requested method is not supported."),
        status if status.is_server_error() => ("BXNIM0503E", "The service is unavailable. Try again later."),
        _ => ("BXNIM0400E", "The request is malformed."),
    };
    let (parts, body) = response.into_parts();
    let text = to_bytes(body, MAX_MESSAGE_BYTES).await.unwrap_or_default();
    let message = Some(String::from_utf8_lossy(&text)).filter(|text| !text.is_empty());
    let mut replacement = error_response(status, code, message.as_deref().unwrap_or(default));
    if let Some(allowed) = parts.headers.get(header::ALLOW) {
        replacement.headers_mut().insert(header::ALLOW, allowed.clone());
    }
    replacement
}
