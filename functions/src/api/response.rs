//! HTTP responses: the empty 204 and the error document (docs/reference/sync-api.md, "Responses").

use http::{HeaderValue, Response, StatusCode, header};
use lambda_http::Body;
use serde::Serialize;

use super::{ErrorResponse, Operation, ReasonCode};
use crate::domain::CorrelationId;

/// `moreInfo` of every reason: the documentation of the API.
pub(super) const MORE_INFO: &str = "https://cloud.ibm.com/apidocs/key-protect";

/// The response to an accepted sync: 204 without a body.
#[must_use]
pub fn no_content(correlation_id: &CorrelationId) -> Response<Body> {
    respond(StatusCode::NO_CONTENT, Body::Empty, correlation_id)
}

/// The response for an `error` of `operation`: its status, its headers and the error document.
#[must_use]
pub fn error(error: &ErrorResponse, operation: Operation, correlation_id: &CorrelationId) -> Response<Body> {
    let body = ErrorDocument::new(error, operation).to_json();
    let mut response = respond(error.code.status(), Body::Text(body), correlation_id);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(wait) = error.retry_after {
        // Rounded up to whole seconds: a caller that waits this long is not early.
        let seconds = u64::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u64::MAX).max(1);
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    match error.code {
        ReasonCode::Unauthorized => {
            drop(headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
        }
        ReasonCode::MethodNotAllowed => {
            drop(headers.insert(header::ALLOW, HeaderValue::from_static(operation.methods())));
        }
        _ => {}
    }
    response
}

/// A response with the header `correlation-id`, which every response has.
pub(super) fn respond(status: StatusCode, body: Body, correlation_id: &CorrelationId) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let value = HeaderValue::from_str(&correlation_id.to_string())
        .expect("a correlation id is visible ASCII, which is a valid header value");
    response.headers_mut().insert("correlation-id", value);
    response
}

/// The error document of an `error` of `operation`, for examples.
pub(super) fn error_document(error: &ErrorResponse, operation: Operation) -> serde_json::Value {
    serde_json::json!(ErrorDocument::new(error, operation))
}

/// The error document, with the fields that the public clients parse.
#[derive(Serialize)]
struct ErrorDocument<'a> {
    metadata: Metadata,
    resources: [ErrorResource<'a>; 1],
}

/// What every collection of the API says of itself.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata {
    pub(super) collection_type: &'static str,
    pub(super) collection_total: usize,
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
    fn new(error: &'a ErrorResponse, operation: Operation) -> Self {
        let (code, status) = (error.code.as_str(), error.code.status());
        let title = status.canonical_reason().expect("every status of a reason code is registered");
        Self {
            metadata: Metadata { collection_type: "application/vnd.ibm.kms.error+json", collection_total: 1 },
            resources: [ErrorResource {
                error_msg: format!(
                    "{title}: {}: Please see `reasons` for more details ({code})",
                    operation.failure()
                ),
                reasons: [Reason {
                    code,
                    message: &error.message,
                    status: status.as_u16(),
                    more_info: MORE_INFO,
                }],
            }],
        }
    }

    fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a struct of strings and integers always serializes")
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
    fn error_document_matches_documentation() {
        let response = error(&too_early(), Operation::Sync, &"c-1".parse().unwrap());
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
    fn accepted_sync_is_204_without_body() {
        let response = no_content(&"c-1".parse().unwrap());
        assert_eq!(response.status(), 204);
        assert!(response.body().is_empty());
        assert_eq!(response.headers().get("content-type"), None);
    }
}
