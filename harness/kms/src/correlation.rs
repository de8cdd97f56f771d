//! Every response says which request it is of: the header `correlation-id`. Requests bear the same one or, as the
//! Python client does, `x-correlation-id`.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};
use keysync::domain::CorrelationId;

use super::{ApiError, address::parse};

/// The header of responses, and of requests.
const CORRELATION_ID: HeaderName = HeaderName::from_static("correlation-id");

/// The header of requests that takes its place where it is absent.
const X_CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");

/// Passes if the request names itself well, or not at all.
pub(super) fn check(headers: &HeaderMap) -> Result<(), ApiError> {
    let given =
        [CORRELATION_ID, X_CORRELATION_ID].into_iter().find_map(|name| Some((headers.get(&name)?, name)));
    given.map_or(Ok(()), |(id, name)| parse::<CorrelationId>(name.as_str(), id.as_bytes()).map(drop))
}

/// Puts the request's id, or a new one, into the answer, unless it has one: that of the function.
pub(super) async fn echo(request: Request, next: Next) -> Response {
    let id = keysync::api::correlation_id(request.headers()).to_string();
    let mut response = next.run(request).await;
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().entry(CORRELATION_ID).or_insert(id);
    }
    response
}
