//! `GET /.well-known/jwks.json`: the public keys that verify notifications. Requires no token.

use http::{HeaderValue, Method, Response, StatusCode, header};
use lambda_http::Body;

use super::{
    BadRequest, Operation,
    response::{self, respond},
};
use crate::domain::CorrelationId;

/// Receivers may cache the key set for 300 s. During a rotation both keys sign for much longer
/// (docs/reference/limits.md#jwks-max-age).
const CACHE_CONTROL: HeaderValue = HeaderValue::from_static("max-age=300");

/// The response of [`Operation::PublicKeys`]: GET gets `jwks`, HEAD its headers, any other method a
/// 405.
#[must_use]
pub fn jwks_response(method: &Method, jwks: &str, correlation_id: &CorrelationId) -> Response<Body> {
    let body = match *method {
        Method::GET => Body::Text(jwks.to_owned()),
        Method::HEAD => Body::Empty,
        _ => {
            let operation = Operation::PublicKeys;
            return response::error(
                &BadRequest::MethodNotAllowed(operation).into(),
                operation,
                correlation_id,
            );
        }
    };
    let mut response = respond(StatusCode::OK, body, correlation_id);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/jwk-set+json"));
    headers.insert(header::CACHE_CONTROL, CACHE_CONTROL);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response_to(method: &Method) -> Response<Body> {
        jwks_response(method, r#"{"keys":[]}"#, &"c-1".parse().unwrap())
    }

    #[test]
    fn get_returns_key_set_and_head_its_headers() {
        for (method, body) in [(Method::GET, &br#"{"keys":[]}"#[..]), (Method::HEAD, b"")] {
            let response = response_to(&method);
            assert_eq!((response.status().as_u16(), response.body().as_ref()), (200, body));
            assert_eq!(response.headers()["content-type"], "application/jwk-set+json");
            assert_eq!(response.headers()["cache-control"], "max-age=300");
            assert_eq!(response.headers()["correlation-id"], "c-1");
        }
    }

    #[test]
    fn other_methods_get_405_with_allow() {
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
            let response = response_to(&method);
            assert_eq!(
                (response.status().as_u16(), &response.headers()["allow"]),
                (405, &"GET, HEAD".parse().unwrap())
            );
            assert_eq!(response.headers().get("cache-control"), None);
        }
    }
}
