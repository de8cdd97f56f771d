//! The HTTP service: callbacks and the states of keys.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use axum::{
    Json, Router,
    body::{Body, Bytes, HttpBody},
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use keysync_receiver::{KeyState, Latest, MAX_BODY, Notification, Order, Rejected, ReplayGuard, Seen};
use tokio::time::timeout;

use super::keys::Keys;

/// The service. A real one keeps the states in its database, each with its sequence.
#[derive(Clone)]
struct Service {
    keys: Keys,
    state: Arc<Mutex<Received>>,
    limit: Duration,
}

struct Received {
    guard: ReplayGuard,
    states: Latest<KeyState>,
    acted_on: u64,
}

/// The routes of the service. `limit` is the timeout for a request body.
pub(crate) fn routes(keys: Keys, tolerance: Duration, limit: Duration) -> Router {
    let guard = ReplayGuard::for_tolerance(tolerance);
    let state = Arc::new(Mutex::new(Received { guard, states: Latest::new(), acted_on: 0 }));
    Router::new()
        .route("/callbacks", post(callback))
        .route("/keys/{id}", get(key))
        .route("/effects", get(effects))
        .with_state(Service { keys, state, limit })
}

/// Handles a callback. The signature covers the bytes of the body, so it must not be extracted with
/// `Json`.
async fn callback(State(service): State<Service>, headers: HeaderMap, body: Body) -> Response {
    let body = match timeout(service.limit, read(&headers, body)).await {
        Ok(Ok(body)) => body,
        Ok(Err((status, message))) => {
            return (status, [(header::CONNECTION, "close")], message).into_response();
        }
        Err(_) => return (StatusCode::REQUEST_TIMEOUT, [(header::CONNECTION, "close")]).into_response(),
    };
    let now = now();
    let notification = match verified(&service.keys, &headers, &body, now).await {
        Ok(notification) => notification,
        Err(rejected) => {
            print_line(&format!("rejected: {rejected}"));
            return (rejected.status(), rejected.to_string()).into_response();
        }
    };
    let Notification { key_id, key_state, sequence, event_id, .. } = notification;
    let mut state = service.state.lock().unwrap_or_else(PoisonError::into_inner);
    let verdict = match state.guard.see(&event_id, now) {
        Seen::Repeated => "repeated",
        // Here a real service opens or closes its resources. If that fails, it calls `guard.forget`
        // and returns 503.
        Seen::New => match state.states.offer(&key_id, sequence, key_state) {
            Order::Newer => {
                state.acted_on += 1;
                "acted"
            }
            Order::Repeated => "repeated",
            Order::Stale => "stale",
        },
    };
    print_line(&format!("{verdict}: key {key_id} state {key_state:?} sequence {sequence}"));
    StatusCode::NO_CONTENT.into_response()
}

/// Verifies a callback, with newer keys if the known ones do not fit.
async fn verified(
    keys: &Keys,
    headers: &HeaderMap,
    body: &[u8],
    now: SystemTime,
) -> Result<Notification, Rejected> {
    match keys.verifier().await.verify(headers, body, now) {
        Err(Rejected::Signature) => match keys.newer().await {
            Some(verifier) => verifier.verify(headers, body, now),
            None => Err(Rejected::Signature),
        },
        result => result,
    }
}

/// Reads a body with a declared length, up to the maximum size of a callback.
async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, (StatusCode, String)> {
    if !headers.contains_key(header::CONTENT_LENGTH) && !headers.contains_key(header::TRANSFER_ENCODING) {
        return Err((
            StatusCode::LENGTH_REQUIRED,
            "a callback must have a `content-length` or be chunked".to_owned(),
        ));
    }
    let too_large = || (StatusCode::PAYLOAD_TOO_LARGE, format!("a callback has at most {MAX_BODY} bytes"));
    // Rejects a declared length that is too large before the body is sent (see `expect:
    // 100-continue`).
    if body.size_hint().lower() > MAX_BODY as u64 {
        return Err(too_large());
    }
    match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(_) => {
            Err((StatusCode::BAD_REQUEST, "the body was cut off, or its chunks are malformed".to_owned()))
        }
    }
}

/// Returns the state of a key.
async fn key(State(service): State<Service>, Path(id): Path<String>) -> Response {
    let state = service.state.lock().unwrap_or_else(PoisonError::into_inner);
    match state.states.get(&id) {
        Some(key_state) => Json(key_state.number()).into_response(),
        None => (StatusCode::NOT_FOUND, "no notification about that key was received").into_response(),
    }
}

/// Returns the number of callbacks that the service acted on, for `harness verify-receiver`.
async fn effects(State(service): State<Service>) -> Json<u64> {
    Json(service.state.lock().unwrap_or_else(PoisonError::into_inner).acted_on)
}

#[expect(clippy::disallowed_methods, reason = "the crate takes the time as an argument; this is its source")]
fn now() -> SystemTime {
    SystemTime::now()
}

/// Prints a line. A closed standard output is not an error.
pub(crate) fn print_line(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}
