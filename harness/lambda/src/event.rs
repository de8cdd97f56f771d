//! Function URL events, payload format 2.0: converts an HTTP request to an event, and a function's
//! result to an HTTP response. Pure functions.

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header, request::Parts};
use jiff::Timestamp;
use keysync::Clock;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// The event for a request.
///
/// The path stays encoded, as in Lambda. Repeated headers are joined with commas; cookies are a
/// separate field.
pub fn from_http(parts: &Parts, body: &[u8]) -> Value {
    let header =
        |name: HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let host = header(header::HOST);
    let now = Clock::system().now();
    let encoded = !is_text(header(header::CONTENT_TYPE));
    let mut event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": parts.uri.path(),
        "rawQueryString": parts.uri.query().unwrap_or_default(),
        "headers": joined(&parts.headers),
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "harness",
            "domainName": host,
            "domainPrefix": host.split('.').next(),
            "http": {
                "method": parts.method.as_str(),
                "path": parts.uri.path(),
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": header(header::USER_AGENT),
            },
            "requestId": Uuid::new_v4().to_string(),
            "routeKey": "$default",
            "stage": "$default",
            "time": time(now.get()),
            "timeEpoch": now.get(),
        },
        "isBase64Encoded": encoded && !body.is_empty(),
    });
    let cookies: Vec<&str> = header(header::COOKIE).split("; ").filter(|cookie| !cookie.is_empty()).collect();
    if !cookies.is_empty() {
        event["cookies"] = json!(cookies);
    }
    if !body.is_empty() {
        event["body"] =
            if encoded { json!(BASE64_STANDARD.encode(body)) } else { json!(String::from_utf8_lossy(body)) };
    }
    event
}

fn joined(headers: &HeaderMap) -> Map<String, Value> {
    let mut joined = Map::new();
    for name in headers.keys().filter(|name| **name != header::COOKIE) {
        let values: Vec<_> =
            headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        joined.insert(name.to_string(), json!(values.join(",")));
    }
    joined
}

/// Whether Lambda passes a body of this content type as a string. It encodes any other body, and
/// one without a content type, in Base64.
fn is_text(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.starts_with("text/")
        || matches!(essence, "application/json" | "application/xml" | "application/javascript")
}

/// An instant in the format `24/Nov/2026:05:00:00 +0000`.
fn time(epoch_ms: u64) -> String {
    let millis = i64::try_from(epoch_ms).unwrap_or_default();
    Timestamp::from_millisecond(millis).unwrap_or_default().strftime("%d/%b/%Y:%H:%M:%S +0000").to_string()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FunctionResponse {
    status_code: u16,
    #[serde(default)]
    headers: Map<String, Value>,
    #[serde(default)]
    multi_value_headers: Map<String, Value>,
    #[serde(default)]
    cookies: Vec<String>,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

/// The HTTP response for a function's result; `None` if the result is invalid, for which Lambda
/// responds with 502.
pub(super) fn to_http(result: &[u8]) -> Option<Response<Vec<u8>>> {
    let result: FunctionResponse = serde_json::from_slice(result).ok()?;
    let body = result.body.unwrap_or_default();
    let body = if result.is_base64_encoded { BASE64_STANDARD.decode(body).ok()? } else { body.into_bytes() };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(result.status_code).ok()?;
    let headers = response.headers_mut();
    for (name, value) in &result.headers {
        headers.insert(HeaderName::try_from(name).ok()?, HeaderValue::try_from(value.as_str()?).ok()?);
    }
    for (name, values) in &result.multi_value_headers {
        let name = HeaderName::try_from(name).ok()?;
        headers.remove(&name);
        for value in values.as_array()? {
            headers.append(&name, HeaderValue::try_from(value.as_str()?).ok()?);
        }
    }
    for cookie in &result.cookies {
        headers.append(header::SET_COOKIE, HeaderValue::try_from(cookie).ok()?);
    }
    Some(response)
}

#[cfg(test)]
mod tests {
    use http::Request;
    use lambda_http::RequestExt;

    use super::*;

    fn event(request: http::request::Builder, body: &[u8]) -> Value {
        from_http(&request.body(()).unwrap().into_parts().0, body)
    }

    #[test]
    fn event_has_payload_format_2() {
        let request = Request::post("/api/v2/keys/a%2Fb/actions/sync?x=1&y=")
            .header("host", "abc.lambda-url.us-east-1.on.aws")
            .header("x-twice", "1")
            .header("x-twice", "2")
            .header("cookie", "a=1; b=2");
        let event = event(request, b"");
        assert_eq!(event["rawPath"], "/api/v2/keys/a%2Fb/actions/sync");
        assert_eq!(event["rawQueryString"], "x=1&y=");
        assert_eq!(event["headers"]["x-twice"], "1,2");
        assert_eq!(event["headers"].get("cookie"), None);
        assert_eq!(event["cookies"], json!(["a=1", "b=2"]));
        assert_eq!(event["requestContext"]["http"]["method"], "POST");
        assert_eq!(event["requestContext"]["domainPrefix"], "abc");
        assert_eq!((event.get("body"), &event["isBase64Encoded"]), (None, &json!(false)));
    }

    #[test]
    fn content_type_decides_body_encoding() {
        for (content_type, body) in [
            ("application/json; charset=utf-8", "{}"),
            ("text/plain", "{}"),
            ("application/cloudevents+json", "e30="),
            ("", "e30="),
        ] {
            let event = event(Request::post("/").header("content-type", content_type), b"{}");
            assert_eq!(event["body"], body, "{content_type}");
        }
    }

    #[test]
    fn lambda_http_parses_the_event() {
        let event = event(Request::post("/a?b=c").header("host", "localhost"), b"\xff");
        let event = serde_json::from_value::<keysync::api::FunctionUrlEvent>(event).unwrap();
        let request = lambda_http::Request::from(event);
        assert_eq!(
            (request.raw_http_path(), &request.headers()["host"]),
            ("/a", &"localhost".parse().unwrap())
        );
        assert_eq!(request.body().to_vec(), b"\xff");
    }

    #[test]
    fn converts_valid_results_only() {
        let result = json!({"statusCode": 409, "headers": {"retry-after": "7"}, "cookies": ["a=1"],
                            "multiValueHeaders": {}, "body": "e30=", "isBase64Encoded": true});
        let response = to_http(result.to_string().as_bytes()).unwrap();
        assert_eq!((response.status().as_u16(), &response.body()[..]), (409, &b"{}"[..]));
        assert_eq!(
            (&response.headers()["retry-after"], &response.headers()["set-cookie"]),
            (&"7".parse().unwrap(), &"a=1".parse().unwrap())
        );
        for invalid in ["", "{}", "{\"statusCode\": 9}", "{\"statusCode\": 200, \"headers\": {\"a\": 1}}"] {
            assert!(to_http(invalid.as_bytes()).is_none(), "{invalid}");
        }
    }
}
