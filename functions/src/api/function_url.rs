//! What a function URL hands on of a request (payload format 2.0), and what it wants back.
//!
//! `lambda_http` reads all of it, and panics where one part is not as it should be: a `<` in the query, or a
//! host with a space in it, would be answered 502. So this takes what the API looks at, and nothing of that
//! can fail: what is malformed stays malformed, for [`SyncRequest`](crate::usecases::sync::SyncRequest) to refuse it.

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

/// The headers that are read; the others are for others.
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

/// Stands for a value that no header may have. It does not read, as that does not.
const UNREADABLE: &[u8] = b"\xff";

/// An event of a function URL. It holds a token, and so does not print itself.
pub struct FunctionUrlEvent(Fields);

/// What is read of it. Its texts may be no Unicode, and what may be absent may be `null`.
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
        // What is no method is one that no path answers to.
        *request.method_mut() = Method::from_bytes(&request_context.http.method).unwrap_or(Method::CONNECT);
        *request.headers_mut() = read(headers.unwrap_or_default());
        request.with_raw_http_path(String::from_utf8_lossy(&raw_path))
    }
}

fn read(given: BTreeMap<ByteBuf, Option<ByteBuf>>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let Some(name) = HEADERS.into_iter().find(|header| header.as_bytes().eq_ignore_ascii_case(&name))
        else {
            continue;
        };
        // A header without a value is there, too, and must not count as absent.
        let value = value.as_deref().map_or(UNREADABLE, Vec::as_slice);
        let value = HeaderValue::from_bytes(value).or_else(|_| HeaderValue::from_bytes(UNREADABLE));
        if let Ok(value) = value {
            headers.append(HeaderName::from_static(name), value);
        }
    }
    headers
}

/// An answer as a function URL takes it.
#[must_use]
pub fn to_lambda_response(response: Response<Body>) -> ApiGatewayV2httpResponse {
    let (parts, body) = response.into_parts();
    let mut answer = ApiGatewayV2httpResponse::default();
    answer.status_code = parts.status.as_u16().into();
    answer.headers = parts.headers;
    answer.body = (!body.is_empty()).then_some(body);
    answer
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
    fn the_least_that_is_an_event() {
        let request = request(&event());
        assert_eq!((request.raw_http_path(), request.method().as_str()), ("/a%2Fb", "PUT"));
        assert!(request.headers().is_empty() && request.body().is_empty());
    }

    #[test]
    fn headers_that_are_ours_are_there_whatever_they_say() {
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
    fn a_body_is_decoded_where_it_can_be() {
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
    fn half_a_surrogate_pair_is_a_text() {
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
        assert!(ring.to_str().is_err(), "it does not count as absent");
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
            // As `lambda_runtime` reads it.
            let mut json = serde_json::Deserializer::from_str(&event);
            let request =
                Request::from(serde_path_to_error::deserialize::<_, FunctionUrlEvent>(&mut json).unwrap());
            assert!(request.method() == Method::PUT && request.headers().is_empty(), "{unknown}");
        }
    }

    #[test]
    fn what_is_no_event_of_a_function_url_is_an_error() {
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
    fn an_answer_has_its_status_headers_and_body() {
        let response =
            Response::builder().status(409).header("retry-after", "7").body(Body::from("{}")).unwrap();
        let told = serde_json::to_value(to_lambda_response(response)).unwrap();
        assert_eq!((&told["statusCode"], &told["headers"]["retry-after"]), (&json!(409), &json!("7")));
        assert_eq!((&told["body"], &told["isBase64Encoded"]), (&json!("{}"), &json!(false)));
        let empty = serde_json::to_value(to_lambda_response(Response::new(Body::Empty))).unwrap();
        assert_eq!(empty.get("body"), None);
    }
}
