//! Outcomes as HTTP answers: the empty 204, and the error document.

use http::{HeaderValue, Response, StatusCode, header};
use lambda_http::Body;
use serde::Serialize;

use super::{ErrorResponse, ReasonCode};
use crate::domain::CorrelationId;

const MORE_INFO: &str = "https://cloud.ibm.com/apidocs/key-protect";

/// 204: the services are told, or will be.
#[must_use]
pub fn no_content(correlation_id: &CorrelationId) -> Response<Body> {
    respond(StatusCode::NO_CONTENT, Body::Empty, correlation_id)
}

/// The error document for `refusal`, with the headers that go with it.
#[must_use]
pub fn error(refusal: &ErrorResponse, correlation_id: &CorrelationId) -> Response<Body> {
    let body = serde_json::to_string(&ErrorDocument::new(refusal)).unwrap_or_default();
    let mut response = respond(refusal.code.status(), Body::Text(body), correlation_id);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(wait) = refusal.retry_after {
        // Whole seconds, rounded up: a caller that waits this long is not early.
        let seconds = u64::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u64::MAX).max(1);
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    match refusal.code {
        ReasonCode::Unauthorized => {
            drop(headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
        }
        ReasonCode::MethodNotAllowed => drop(headers.insert(header::ALLOW, HeaderValue::from_static("POST"))),
        _ => {}
    }
    response
}

pub(super) fn respond(status: StatusCode, body: Body, correlation_id: &CorrelationId) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    // A correlation id is visible ASCII, so it always fits a header.
    if let Ok(value) = HeaderValue::from_str(&correlation_id.to_string()) {
        response.headers_mut().insert("correlation-id", value);
    }
    response
}

/// The document, field by field as the public clients parse it.
#[derive(Serialize)]
struct ErrorDocument<'a> {
    metadata: Metadata,
    resources: [ErrorResource<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    collection_type: &'static str,
    collection_total: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ErrorResource<'a> {
    error_msg: String,
    reasons: [Reason<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reason<'a> {
    code: &'static str,
    message: &'a str,
    status: u16,
    more_info: &'static str,
}

impl<'a> ErrorDocument<'a> {
    fn new(refusal: &'a ErrorResponse) -> Self {
        let (code, status) = (refusal.code.as_str(), refusal.code.status());
        let title = status.canonical_reason().unwrap_or("Error");
        Self {
            metadata: Metadata { collection_type: "application/vnd.ibm.kms.error+json", collection_total: 1 },
            resources: [ErrorResource {
                error_msg: format!(
                    "{title}: Could not initiate sync requests to associated resources: \
                     Please see `reasons` for more details ({code})"
                ),
                reasons: [Reason {
                    code,
                    message: &refusal.message,
                    status: status.as_u16(),
                    more_info: MORE_INFO,
                }],
            }],
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;

    fn too_early() -> ErrorResponse {
        ErrorResponse {
            code: ReasonCode::ReqTooEarly,
            message: "The key was updated recently".to_owned(),
            retry_after: Some(Duration::from_millis(1001)),
        }
    }

    #[test]
    fn the_error_document_is_the_documented_one() {
        let response = error(&too_early(), &"c-1".parse().unwrap());
        let body: Value = serde_json::from_slice(response.body().as_ref()).unwrap();
        assert_eq!(
            body,
            json!({"metadata": {"collectionType": "application/vnd.ibm.kms.error+json", "collectionTotal": 1},
                "resources": [{
                    "errorMsg": "Conflict: Could not initiate sync requests to associated resources: \
                                 Please see `reasons` for more details (REQ_TOO_EARLY_ERR)",
                    "reasons": [{"code": "REQ_TOO_EARLY_ERR", "message": "The key was updated recently",
                                 "status": 409, "moreInfo": "https://cloud.ibm.com/apidocs/key-protect"}]}]})
        );
        assert_eq!(response.headers()["content-type"], "application/json");
        assert_eq!(response.headers()["retry-after"], "2", "rounded up to whole seconds");
        assert_eq!(response.headers()["correlation-id"], "c-1");
    }

    #[test]
    fn accepted_is_204_with_an_empty_body() {
        let response = no_content(&"c-1".parse().unwrap());
        assert_eq!(response.status(), 204);
        assert!(response.body().is_empty());
        assert_eq!(response.headers().get("content-type"), None);
    }
}
