//! The public keys that verify callbacks, for whoever receives them: no token is asked for.

use http::{HeaderValue, Method, Response, StatusCode, header};
use lambda_http::Body;

use super::{
    ErrorResponse, ReasonCode,
    response::{self, respond},
};
use crate::domain::CorrelationId;

/// Where they are published (a well-known address, RFC 8615).
pub const JWKS_PATH: &str = "/.well-known/jwks.json";

/// How long receivers may keep them, in seconds. A new key signs beside the old one for much longer.
const CACHE_CONTROL: HeaderValue = HeaderValue::from_static("max-age=300");

/// The answer at [`JWKS_PATH`]: the key set `jwks` to GET, and its headers to HEAD.
#[must_use]
pub fn jwks_response(method: &Method, jwks: &str, correlation_id: &CorrelationId) -> Response<Body> {
    let body = match *method {
        Method::GET => Body::Text(jwks.to_owned()),
        Method::HEAD => Body::Empty,
        _ => return method_not_allowed(correlation_id),
    };
    let mut response = respond(StatusCode::OK, body, correlation_id);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/jwk-set+json"));
    headers.insert(header::CACHE_CONTROL, CACHE_CONTROL);
    response
}

fn method_not_allowed(correlation_id: &CorrelationId) -> Response<Body> {
    let message = "this path answers GET and HEAD only".to_owned();
    let refusal = ErrorResponse { code: ReasonCode::MethodNotAllowed, message, retry_after: None };
    let mut response = response::error(&refusal, correlation_id);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(method: &Method) -> Response<Body> {
        jwks_response(method, r#"{"keys":[]}"#, &"c-1".parse().unwrap())
    }

    #[test]
    fn get_has_the_set_and_head_what_is_said_about_it() {
        for (method, body) in [(Method::GET, &br#"{"keys":[]}"#[..]), (Method::HEAD, b"")] {
            let answer = answer(&method);
            assert_eq!((answer.status().as_u16(), answer.body().as_ref()), (200, body));
            assert_eq!(answer.headers()["content-type"], "application/jwk-set+json");
            assert_eq!(answer.headers()["cache-control"], "max-age=300");
            assert_eq!(answer.headers()["correlation-id"], "c-1");
        }
    }

    #[test]
    fn any_other_method_is_told_which_would_do() {
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
            let answer = answer(&method);
            assert_eq!(
                (answer.status().as_u16(), &answer.headers()["allow"]),
                (405, &"GET, HEAD".parse().unwrap())
            );
            assert_eq!(answer.headers().get("cache-control"), None);
        }
    }
}
