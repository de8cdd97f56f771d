//! Every answer says which request it is of: the header `correlation-id`.

use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};

/// The header.
pub(super) const CORRELATION_ID: HeaderName = HeaderName::from_static("correlation-id");

/// Puts the request's id, or a new one, into the answer, unless it has one: that of the function.
pub(super) async fn echo(request: Request, next: Next) -> Response {
    let id = keysync::http::correlation_id(request.headers()).to_string();
    let mut response = next.run(request).await;
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().entry(CORRELATION_ID).or_insert(id);
    }
    response
}
