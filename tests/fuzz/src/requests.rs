//! Requests: any input to the function URL is a valid sync request or gets a 4xx error response.

use http::HeaderMap;
use keysync::{
    api::{self, BadRequest, ErrorResponse, FunctionUrlEvent, Operation, correlation_id, parse_key_request},
    trace_context::TraceContext,
    usecases::KeyRequest,
};
use lambda_http::{Request, RequestExt};
use serde_json::{Value, json};

const KEY: &str = "02fd6835-6001-4482-a892-13bd2085f75d";
const INSTANCE: &str = "5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11";
// {"alg":"RS256"} . {"sub":"a"} . signature
const BEARER: &str = "Bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln";

/// Maximum size of an error response or log message for any input, in bytes.
const MAX_RESPONSE_BYTES: usize = 2048;

/// The headers that the function reads.
const HEADERS: [&str; 8] = [
    "authorization",
    "bluemix-instance",
    "correlation-id",
    "host",
    "x-correlation-id",
    "x-kms-key-ring",
    "traceparent",
    "tracestate",
];

/// A valid request.
fn valid_request() -> Value {
    json!({
        "rawPath": format!("/api/v2/keys/{KEY}/actions/sync"),
        "headers": {"authorization": BEARER, "bluemix-instance": INSTANCE, "host": "localhost"},
        "requestContext": {"http": {"method": "POST"}},
    })
}

fn request(event: &Value) -> Request {
    serde_json::from_value::<FunctionUrlEvent>(event.clone()).expect("an event").into()
}

/// Decodes ISO-8859-1: each byte is the character with that code point.
fn latin1(data: &[u8]) -> String {
    data.iter().copied().map(char::from).collect()
}

/// An accepted path consists of exactly the key's id and the fixed parts. Invalid UTF-8 in `data`
/// is replaced.
pub fn path(data: &[u8]) {
    let path = String::from_utf8_lossy(data);
    let mut event = valid_request();
    event["rawPath"] = json!(path);
    if let Some(accepted) = parsed(&request(&event)) {
        let expected = format!("/api/v2/keys/{}/actions/sync", accepted.key);
        assert!(path.eq_ignore_ascii_case(&expected), "{path:?} is not {expected:?}");
    }
}

/// Accepted headers have the values that were sent. `data` has one header per line: a byte that
/// selects the name, and the value.
pub fn headers(data: &[u8]) {
    let mut event = valid_request();
    for line in data.split(|byte| *byte == b'\n') {
        let Some((which, value)) = line.split_first() else { continue };
        event["headers"][HEADERS[usize::from(*which) % HEADERS.len()]] = json!(latin1(value));
    }
    let values = |name: &str| {
        let parts = event["headers"][name].as_str().into_iter().flat_map(|value| value.split(','));
        parts.map(|part| part.trim().to_ascii_lowercase()).collect::<Vec<_>>()
    };
    if let Some(accepted) = parsed(&request(&event)) {
        let instance = accepted.instance.to_string().replace('-', "");
        assert!(values("bluemix-instance").iter().all(|value| value.replace('-', "") == instance));
        let ring = accepted.ring.map(|ring| ring.to_string().to_ascii_lowercase());
        assert!(
            values("x-kms-key-ring").into_iter().all(|value| Some(value) == ring),
            "a key ring was ignored"
        );
    }
}

/// Any bytes as the whole event; bytes that are not an event are ignored.
pub fn event(data: &[u8]) {
    if let Ok(event) = serde_json::from_slice::<FunctionUrlEvent>(data) {
        parsed(&event.into());
    }
}

/// Parses a request. Returns `None` if it is invalid. Log messages, error responses and trace
/// headers must be well-formed in either case.
fn parsed(request: &Request) -> Option<KeyRequest> {
    assert_trace_headers(request.headers());
    let id = correlation_id(request.headers());
    assert_eq!(id.to_string().parse().as_ref(), Ok(&id));
    let operation = Operation::at(request.raw_http_path()).unwrap_or(Operation::Sync);
    match parse_key_request(request, operation, &id) {
        Ok(accepted) => {
            assert!(
                request.raw_http_path().starts_with("/api/v2/keys/") && operation.supports(request.method())
            );
            assert_eq!(accepted.correlation_id, id);
            Some(accepted)
        }
        Err(error) => {
            let logged = error.to_string();
            assert!(
                logged.len() < MAX_RESPONSE_BYTES && !logged.contains(|c: char| c.is_control()),
                "{logged:?}"
            );
            assert_error_response(error, operation, &id);
            None
        }
    }
}

fn assert_error_response(error: BadRequest, operation: Operation, id: &keysync::domain::CorrelationId) {
    let error = ErrorResponse::from(error);
    let response = api::error(&error, operation, id);
    assert!(response.status().is_client_error());
    assert!(response.body().len() < MAX_RESPONSE_BYTES, "{} bytes", response.body().len());
    let document: Value = serde_json::from_slice(response.body()).expect("a document");
    assert_eq!(document["resources"][0]["reasons"][0]["code"], error.code.as_str());
}

/// Asserts that `traceparent` and `tracestate` for callbacks conform to W3C Trace Context.
fn assert_trace_headers(headers: &HeaderMap) {
    let trace = TraceContext::from_headers(headers, None);
    let parent = trace.parent();
    let fields: Vec<&str> = parent.split('-').collect();
    assert_eq!(fields.iter().map(|field| field.len()).collect::<Vec<_>>(), [2, 32, 16, 2], "{parent}");
    assert!(fields.concat().bytes().all(|c| c.is_ascii_hexdigit()), "{parent}");
    let state = trace.state().unwrap_or("a=b");
    assert!(state.len() <= 512 && !state.contains(|c: char| c.is_control() && c != '\t'), "{state:?}");
}
