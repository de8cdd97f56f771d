//! What the service does with callbacks, and what it says of keys.

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
use keysync_receiver::{KeyState, Latest, MAX_BODY, Order, ReplayGuard, Seen, Verifier};
use tokio::time::timeout;

/// What the service knows. A real one keeps the states in its database, each with its sequence.
#[derive(Clone)]
struct Service {
    verifier: Verifier,
    known: Arc<Mutex<Known>>,
    within: Duration,
}

struct Known {
    guard: ReplayGuard,
    states: Latest<KeyState>,
}

/// The routes of a service that believes what `verifier` verifies. A client has the time `within` for a body.
pub(crate) fn routes(verifier: Verifier, within: Duration) -> Router {
    let guard = ReplayGuard::for_tolerance(verifier.tolerance());
    let known = Arc::new(Mutex::new(Known { guard, states: Latest::new() }));
    Router::new().route("/callbacks", post(callback)).route("/keys/{id}", get(key)).with_state(Service {
        verifier,
        known,
        within,
    })
}

/// Takes a callback. The body is bytes: `Json` would parse it, and the signature is over the bytes.
async fn callback(State(service): State<Service>, headers: HeaderMap, body: Body) -> Response {
    let body = match timeout(service.within, read(&headers, body)).await {
        Ok(Ok(body)) => body,
        Ok(Err((status, why))) => return (status, [(header::CONNECTION, "close")], why).into_response(),
        Err(_) => return (StatusCode::REQUEST_TIMEOUT, [(header::CONNECTION, "close")]).into_response(),
    };
    let now = now();
    let told = match service.verifier.verify(&headers, &body, now) {
        Ok(told) => told,
        Err(why) => {
            say(&format!("rejected: {why}"));
            return (why.status(), why.to_string()).into_response();
        }
    };
    let what = format!("key {} state {:?} sequence {}", told.key_id, told.key_state, told.sequence);
    let mut known = service.known.lock().unwrap_or_else(PoisonError::into_inner);
    let verdict = match known.guard.see(&told.event_id, now) {
        Seen::Repeated => "repeated",
        // Here a real service closes or opens its resources by the state. Should that fail: `guard.forget`, and 503.
        Seen::New => match known.states.offer(&told.key_id, told.sequence, told.key_state) {
            Order::Newer => "acted",
            Order::Repeated => "repeated",
            Order::Stale => "stale",
        },
    };
    say(&format!("{verdict}: {what}"));
    StatusCode::NO_CONTENT.into_response()
}

/// Reads a body that says where it ends, and no more of it than a callback has.
async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, (StatusCode, String)> {
    if !headers.contains_key(header::CONTENT_LENGTH) && !headers.contains_key(header::TRANSFER_ENCODING) {
        return Err((StatusCode::LENGTH_REQUIRED, "a callback says its `content-length`".to_owned()));
    }
    let too_large = || (StatusCode::PAYLOAD_TOO_LARGE, format!("a callback has at most {MAX_BODY} bytes"));
    // What says that it is too large is not even asked for: see `expect: 100-continue`.
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

/// What is known of a key.
async fn key(State(service): State<Service>, Path(id): Path<String>) -> Response {
    let known = service.known.lock().unwrap_or_else(PoisonError::into_inner);
    match known.states.get(&id) {
        Some(state) => Json(state.number()).into_response(),
        None => (StatusCode::NOT_FOUND, "nothing was told of that key").into_response(),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the crate takes the time as a value; this is where it comes from"
)]
fn now() -> SystemTime {
    SystemTime::now()
}

/// Prints a line. A reader that has gone away is no reason to stop.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}
