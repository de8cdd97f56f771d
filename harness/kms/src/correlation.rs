//! The header `correlation-id` of requests and responses. The Python client sends
//! `x-correlation-id` instead.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};
use keysync::domain::CorrelationId;

use super::{ApiError, address::parse};

/// Header of requests and responses.
const CORRELATION_ID: HeaderName = HeaderName::from_static("correlation-id");

/// Header of requests that is used if `correlation-id` is missing.
const X_CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");

/// Checks the correlation ID of a request, which is optional.
pub(super) fn check(headers: &HeaderMap) -> Result<(), ApiError> {
    let given =
        [CORRELATION_ID, X_CORRELATION_ID].into_iter().find_map(|name| Some((headers.get(&name)?, name)));
    given.map_or(Ok(()), |(id, name)| parse::<CorrelationId>(name.as_str(), id.as_bytes()).map(drop))
}

/// Adds the request's correlation ID, or a new one, to a response without one. Forwarded responses
/// already have the function's.
pub(super) async fn echo(request: Request, next: Next) -> Response {
    let id = keysync::api::correlation_id(request.headers()).to_string();
    let mut response = next.run(request).await;
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().entry(CORRELATION_ID).or_insert(id);
    }
    response
}
