//! Requests: whatever comes through the function URL is a request to synchronize a key, or refused with 4xx.

use http::HeaderMap;
use keysync::{
    api::{self, BadRequest, ErrorResponse, FunctionUrlEvent, correlation_id, parse_sync_request},
    trace_context::TraceContext,
    usecases::sync::SyncRequest,
};
use lambda_http::{Request, RequestExt};
use serde_json::{Value, json};

const KEY: &str = "02fd6835-6001-4482-a892-13bd2085f75d";
const INSTANCE: &str = "5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11";
// {"alg":"RS256"} . {"sub":"a"} . signature
const BEARER: &str = "Bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln";

/// No answer has more than this, whatever was sent, in bytes.
const LONGEST_ANSWER: usize = 2048;

/// The headers that are read.
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

/// A request without fault.
fn good() -> Value {
    json!({
        "rawPath": format!("/api/v2/keys/{KEY}/actions/sync"),
        "headers": {"authorization": BEARER, "bluemix-instance": INSTANCE, "host": "localhost"},
        "requestContext": {"http": {"method": "POST"}},
    })
}

fn request(event: &Value) -> Request {
    serde_json::from_value::<FunctionUrlEvent>(event.clone()).expect("an event").into()
}

/// Each byte as the character of that number.
fn latin1(data: &[u8]) -> String {
    data.iter().copied().map(char::from).collect()
}

/// A path that is taken names the key that is asked for, and nothing else; `data` is UTF-8, as far as it is.
pub fn path(data: &[u8]) {
    let path = String::from_utf8_lossy(data);
    let mut event = good();
    event["rawPath"] = json!(path);
    if let Some(taken) = taken(&request(&event)) {
        let expected = format!("/api/v2/keys/{}/actions/sync", taken.key);
        assert!(path.eq_ignore_ascii_case(&expected), "{path:?} is not {expected:?}");
    }
}

/// Headers that are taken say what they say: lines of a digit, which of the seven, and a value.
pub fn headers(data: &[u8]) {
    let mut event = good();
    for line in data.split(|byte| *byte == b'\n') {
        let Some((which, value)) = line.split_first() else { continue };
        event["headers"][HEADERS[usize::from(*which) % HEADERS.len()]] = json!(latin1(value));
    }
    let said = |name: &str| {
        let parts = event["headers"][name].as_str().into_iter().flat_map(|value| value.split(','));
        parts.map(|part| part.trim().to_ascii_lowercase()).collect::<Vec<_>>()
    };
    if let Some(taken) = taken(&request(&event)) {
        let instance = taken.instance.to_string().replace('-', "");
        assert!(said("bluemix-instance").iter().all(|said| said.replace('-', "") == instance));
        let ring = taken.ring.map(|ring| ring.to_string().to_ascii_lowercase());
        assert!(said("x-kms-key-ring").into_iter().all(|said| Some(said) == ring), "a ring is passed over");
    }
}

/// Any JSON, or none, as the whole event.
pub fn event(data: &[u8]) {
    if let Ok(event) = serde_json::from_slice::<FunctionUrlEvent>(data) {
        taken(&event.into());
    }
}

/// The request, if it is one. Whatever it is, what is said about it and what goes on to services is well-formed.
fn taken(request: &Request) -> Option<SyncRequest> {
    traced(request.headers());
    let id = correlation_id(request.headers());
    assert_eq!(id.to_string().parse().as_ref(), Ok(&id));
    match parse_sync_request(request, &id) {
        Ok(taken) => {
            assert!(request.raw_http_path().starts_with("/api/v2/keys/") && request.method() == "POST");
            assert_eq!(taken.correlation_id, id);
            Some(taken)
        }
        Err(error) => {
            let logged = error.to_string();
            assert!(
                logged.len() < LONGEST_ANSWER && !logged.contains(|c: char| c.is_control()),
                "{logged:?}"
            );
            answered(error, &id);
            None
        }
    }
}

fn answered(error: BadRequest, id: &keysync::domain::CorrelationId) {
    let refusal = ErrorResponse::from(error);
    let answer = api::error(&refusal, id);
    assert!(answer.status().is_client_error());
    assert!(answer.body().len() < LONGEST_ANSWER, "{} bytes", answer.body().len());
    let document: Value = serde_json::from_slice(answer.body()).expect("a document");
    assert_eq!(document["resources"][0]["reasons"][0]["code"], refusal.code.as_str());
}

/// `traceparent` and `tracestate` for a callback, as W3C Trace Context has them.
fn traced(headers: &HeaderMap) {
    let trace = TraceContext::from_headers(headers, None);
    let parent = trace.parent();
    let fields: Vec<&str> = parent.split('-').collect();
    assert_eq!(fields.iter().map(|field| field.len()).collect::<Vec<_>>(), [2, 32, 16, 2], "{parent}");
    assert!(fields.concat().bytes().all(|c| c.is_ascii_hexdigit()), "{parent}");
    let state = trace.state().unwrap_or("a=b");
    assert!(state.len() <= 512 && !state.contains(|c: char| c.is_control() && c != '\t'), "{state:?}");
}
