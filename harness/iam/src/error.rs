//! IAM's error document, which every response has that is not a success: the public clients parse nothing else.

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

/// The longest message that is taken from another error response, in bytes.
const LONGEST_MESSAGE: usize = 4_096;

/// An error response with IAM's `code` for it.
pub(super) fn refused(status: StatusCode, code: &str, message: &str) -> Response {
    let document = json!({
        "errorCode": code,
        "errorMessage": message,
        "context": {"requestId": Uuid::new_v4().to_string(), "requestType": "incoming"},
    });
    (status, Json(document)).into_response()
}

/// Replaces error responses that are not JSON, such as those for an unknown path or a malformed body.
pub(super) async fn documented(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let status = response.status();
    let is_json = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    if is_json || status.is_success() {
        return response;
    }
    let status = match status {
        // IAM does not tell these from other malformed requests.
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
    let text = to_bytes(body, LONGEST_MESSAGE).await.unwrap_or_default();
    let said = Some(String::from_utf8_lossy(&text)).filter(|text| !text.is_empty());
    let mut documented = refused(status, code, said.as_deref().unwrap_or(default));
    if let Some(allowed) = parts.headers.get(header::ALLOW) {
        documented.headers_mut().insert(header::ALLOW, allowed.clone());
    }
    documented
}
