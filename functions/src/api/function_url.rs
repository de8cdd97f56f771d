//! Events and responses of a Lambda function URL (payload format 2.0).
//!
//! `lambda_http` parses the whole event and panics on an invalid part: a `<` in the query, or a
//! space in `host`, would get a 502. This module therefore reads only the parts that the API uses,
//! and accepts invalid values in them; [`parse_key_request`](super::parse_key_request) rejects
//! those with an error response.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response};
use lambda_http::{Body, Request, RequestExt, aws_lambda_events::apigw::ApiGatewayV2httpResponse};
use serde::{Deserialize, Deserializer};
use serde_bytes::ByteBuf;

use crate::{
    strict_json::Strict,
    trace_context::{TRACEPARENT, TRACESTATE},
};

/// The headers that the API reads; all others are dropped.
const HEADERS: [&str; 8] = [
    "authorization",
    "bluemix-instance",
    "correlation-id",
    "host",
    "x-correlation-id",
    "x-kms-key-ring",
    TRACEPARENT,
    TRACESTATE,
];

/// Replaces a value that no header can have. It is not a string either, so it is rejected, too.
const INVALID_VALUE: &[u8] = b"\xff";

/// An event of a function URL. Has no `Debug`, because it contains an access token.
pub struct FunctionUrlEvent(Fields);

/// The fields that are read. Strings may be invalid Unicode, and optional fields may be `null`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    raw_path: ByteBuf,
    request_context: Context,
    headers: Option<BTreeMap<ByteBuf, Option<ByteBuf>>>,
    body: Option<ByteBuf>,
    is_base64_encoded: Option<bool>,
}

impl<'de> Deserialize<'de> for FunctionUrlEvent {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Fields::deserialize(Strict::new(from)).map(Self)
    }
}

#[derive(Deserialize)]
struct Context {
    http: Http,
}

#[derive(Deserialize)]
struct Http {
    method: ByteBuf,
}

impl From<FunctionUrlEvent> for Request {
    fn from(FunctionUrlEvent(fields): FunctionUrlEvent) -> Self {
        let Fields { raw_path, request_context, headers, body, is_base64_encoded } = fields;
        let body = body.unwrap_or_default().into_vec();
        let body = if is_base64_encoded == Some(true) {
            BASE64_STANDARD.decode(&body).unwrap_or(body)
        } else {
            body
        };
        let mut request = Self::new(Body::Binary(body));
        // An invalid method becomes one that no route accepts.
        *request.method_mut() = Method::from_bytes(&request_context.http.method).unwrap_or(Method::CONNECT);
        *request.headers_mut() = known_headers(headers.unwrap_or_default());
        request.with_raw_http_path(String::from_utf8_lossy(&raw_path))
    }
}

/// The headers among `given` that the API reads, with invalid values replaced.
fn known_headers(given: BTreeMap<ByteBuf, Option<ByteBuf>>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let Some(name) = HEADERS.into_iter().find(|header| header.as_bytes().eq_ignore_ascii_case(&name))
        else {
            continue;
        };
        // A header whose value is `null` is present, so it must not count as absent.
        let value = value.as_deref().map_or(INVALID_VALUE, Vec::as_slice);
        let value = HeaderValue::from_bytes(value).or_else(|_| HeaderValue::from_bytes(INVALID_VALUE));
        if let Ok(value) = value {
            headers.append(HeaderName::from_static(name), value);
        }
    }
    headers
}

/// Converts a response to the form that a function URL expects.
#[must_use]
pub fn to_lambda_response(response: Response<Body>) -> ApiGatewayV2httpResponse {
    let (parts, body) = response.into_parts();
    let mut converted = ApiGatewayV2httpResponse::default();
    converted.status_code = parts.status.as_u16().into();
    converted.headers = parts.headers;
    converted.body = (!body.is_empty()).then_some(body);
    converted
}

#[cfg(test)]
mod tests {
    use lambda_http::RequestExt;
    use serde_json::{Value, json};

    use super::*;

    fn request(event: &Value) -> Request {
        serde_json::from_slice::<FunctionUrlEvent>(event.to_string().as_bytes()).unwrap().into()
    }

    fn event() -> Value {
        json!({"rawPath": "/a%2Fb", "requestContext": {"http": {"method": "PUT"}}})
    }

    #[test]
    fn minimal_event_becomes_a_request() {
        let request = request(&event());
        assert_eq!((request.raw_http_path(), request.method().as_str()), ("/a%2Fb", "PUT"));
        assert!(request.headers().is_empty() && request.body().is_empty());
    }

    #[test]
    fn known_headers_are_kept_even_if_invalid() {
        let mut event = event();
        event["headers"] =
            json!({"x-other": "a", "Host": "b", "host": "c", "x-kms-key-ring": "a\n", "traceparent": "é"});
        let request = request(&event);
        let all = |name: &str| request.headers().get_all(name).iter().collect::<Vec<_>>();
        assert_eq!(all("host"), ["b", "c"]);
        assert_eq!(all("x-other").len(), 0);
        for name in ["x-kms-key-ring", "traceparent"] {
            assert!(all(name).iter().all(|value| value.to_str().is_err()) && all(name).len() == 1, "{name}");
        }
    }

    #[test]
    fn base64_body_is_decoded_if_valid() {
        for (body, is_encoded, bytes) in
            [("YWI=", true, &b"ab"[..]), ("YWI=", false, b"YWI="), ("?", true, b"?"), ("", true, b"")]
        {
            let mut event = event();
            event["body"] = json!(body);
            event["isBase64Encoded"] = json!(is_encoded);
            assert_eq!(request(&event).body().to_vec(), bytes, "{body}");
        }
    }

    #[test]
    fn tolerates_half_a_surrogate_pair_in_known_fields() {
        let event = r#"{"rawPath": "/\ud800", "requestContext": {"http": {"method": "\udfff"}},
                        "headers": {"host": "\ud83d"}, "body": "\ud800", "cookies": ["\ud800"]}"#;
        let request = Request::from(serde_json::from_str::<FunctionUrlEvent>(event).unwrap());
        assert!(request.raw_http_path().starts_with('/') && request.method() == Method::CONNECT);
    }

    #[test]
    fn tolerates_null_where_a_field_may_be_absent() {
        let mut event = event();
        for name in ["headers", "body", "isBase64Encoded", "cookies"] {
            event[name] = Value::Null;
        }
        assert!(request(&event).headers().is_empty() && request(&event).body().is_empty());
        event["headers"] = json!({"x-other": null, "x-kms-key-ring": null});
        let ring = request(&event).headers()["x-kms-key-ring"].clone();
        assert!(ring.to_str().is_err(), "`null` does not count as absent");
    }

    #[test]
    fn tolerates_half_a_surrogate_pair_in_unknown_fields() {
        for unknown in [
            r#""cookies": ["\ud800"]"#,
            r#""\ud800": 1"#,
            r#""queryStringParameters": {"\udfff": "\ud800"}"#,
            r#""headers": {"\ud800": "\ud800", "x-\udfff": ""}"#,
        ] {
            let event = format!(
                r#"{{"rawPath": "/", "requestContext": {{"http": {{"method": "PUT"}}}}, {unknown}}}"#
            );
            // As `lambda_runtime` deserializes it.
            let mut json = serde_json::Deserializer::from_str(&event);
            let request =
                Request::from(serde_path_to_error::deserialize::<_, FunctionUrlEvent>(&mut json).unwrap());
            assert!(request.method() == Method::PUT && request.headers().is_empty(), "{unknown}");
        }
    }

    #[test]
    fn rejects_other_json_than_function_url_events() {
        for event in [
            "null",
            "{}",
            "[]",
            r#"{"Records": []}"#,
            r#"{"rawPath": "/"}"#,
            r#"["/", [["PUT"]], null, null, null]"#,
            r#"{"rawPath": "/", "requestContext": [["PUT"]]}"#,
            r#"{"rawPath": "/", "rawPath": "/", "requestContext": {"http": {"method": "PUT"}}}"#,
            r#"{"rawPath": "/", "requestContext": {"http": {"method": "PUT"}}, "headers": {"host": "a", "host": "b"}}"#,
        ] {
            assert!(serde_json::from_str::<FunctionUrlEvent>(event).is_err(), "{event}");
        }
    }

    #[test]
    fn response_keeps_status_headers_and_body() {
        let response =
            Response::builder().status(409).header("retry-after", "7").body(Body::from("{}")).unwrap();
        let json = serde_json::to_value(to_lambda_response(response)).unwrap();
        assert_eq!((&json["statusCode"], &json["headers"]["retry-after"]), (&json!(409), &json!("7")));
        assert_eq!((&json["body"], &json["isBase64Encoded"]), (&json!("{}"), &json!(false)));
        let empty = serde_json::to_value(to_lambda_response(Response::new(Body::Empty))).unwrap();
        assert_eq!(empty.get("body"), None);
    }
}
