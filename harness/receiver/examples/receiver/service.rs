//! The HTTP service: callbacks and the states of keys.

use std::{
    collections::VecDeque,
    error::Error,
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
use jiff::Timestamp;
use keysync_receiver::{
    Acknowledgement, KeySetVerifier, KeyState, Latest, MAX_BODY, Notification, Order, Rejected, ReplayGuard,
    Seen, Verifier,
};
use reqwest::{Client, Url};
use serde_json::json;
use tokio::time::timeout;

use crate::fetch::Fetch;

/// The service. A real one keeps the states in its database, each with its sequence.
struct Service {
    verifier: AnyVerifier,
    acknowledger: Option<Acknowledger>,
    state: Mutex<Received>,
    limit: Duration,
}

struct Received {
    guard: ReplayGuard,
    states: Latest<KeyState>,
    /// The ids of the newest events acted on, oldest first.
    effects: VecDeque<String>,
}

/// Maximum number of ids in `effects`.
const MAX_EFFECTS: usize = 10_000;

/// A verifier with configured keys, or with the published key set.
pub(crate) enum AnyVerifier {
    /// Configured keys.
    Keys(Verifier),
    /// The published key set.
    KeySet(KeySetVerifier<Fetch>),
}

impl AnyVerifier {
    fn tolerance(&self) -> Duration {
        match self {
            Self::Keys(verifier) => verifier.tolerance(),
            Self::KeySet(verifier) => verifier.tolerance(),
        }
    }

    /// Verifies a callback.
    pub(crate) async fn verify(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: SystemTime,
    ) -> Result<Notification, Rejected> {
        match self {
            Self::Keys(verifier) => verifier.verify(headers, body, now),
            Self::KeySet(verifier) => verifier.verify(headers, body, now).await,
        }
    }
}

/// Sends acknowledgements to the key-management endpoint.
#[derive(Clone)]
pub(crate) struct Acknowledger {
    /// The endpoint.
    pub(crate) endpoint: Url,
    /// An IAM access token.
    pub(crate) token: String,
    /// The client that sends them.
    pub(crate) client: Client,
}

impl Acknowledger {
    async fn send(self, notification: Notification, at: SystemTime) {
        if let Err(error) = self.try_send(&notification, at).await {
            print_line(&format!("not acknowledged: {error}"));
        }
    }

    async fn try_send(
        &self,
        notification: &Notification,
        at: SystemTime,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        let state = if notification.key_state.allows_reading() { "DEK_ENABLED" } else { "DEK_DISABLED" };
        let at = Timestamp::try_from(at)?.to_string();
        let request =
            Acknowledgement::new(notification, state, at).request(self.endpoint.as_str(), &self.token)?;
        let status = self.client.execute(request.try_into()?).await?.status();
        if status == StatusCode::NO_CONTENT {
            Ok(())
        } else {
            Err(format!("status {status}, not 204").into())
        }
    }
}

/// The routes of the service. `limit` is the timeout for a request body.
pub(crate) fn routes(verifier: AnyVerifier, acknowledger: Option<Acknowledger>, limit: Duration) -> Router {
    let guard = ReplayGuard::for_tolerance(verifier.tolerance());
    let state = Mutex::new(Received { guard, states: Latest::new(), effects: VecDeque::new() });
    Router::new()
        .route("/callbacks", post(callback))
        .route("/effects", get(effects))
        .route("/keys/{id}", get(key))
        .with_state(Arc::new(Service { verifier, acknowledger, state, limit }))
}

/// Handles a callback. The signature covers the bytes of the body, so it must not be extracted with
/// `Json`.
async fn callback(State(service): State<Arc<Service>>, headers: HeaderMap, body: Body) -> Response {
    let body = match timeout(service.limit, read(&headers, body)).await {
        Ok(Ok(body)) => body,
        Ok(Err((status, message))) => {
            return (status, [(header::CONNECTION, "close")], message).into_response();
        }
        Err(_) => return (StatusCode::REQUEST_TIMEOUT, [(header::CONNECTION, "close")]).into_response(),
    };
    let now = now();
    let notification = match service.verifier.verify(&headers, &body, now).await {
        Ok(notification) => notification,
        Err(rejected) => {
            print_line(&format!("rejected: {rejected}"));
            return (rejected.status(), rejected.to_string()).into_response();
        }
    };
    let order = service.state.lock().unwrap_or_else(PoisonError::into_inner).receive(&notification, now);
    let Notification { key_id, key_state, sequence, .. } = &notification;
    print_line(&format!("{order:?}: key {key_id} state {key_state:?} sequence {sequence}"));
    if let (Order::Newer, Some(acknowledger)) = (order, &service.acknowledger) {
        tokio::spawn(acknowledger.clone().send(notification, now));
    }
    StatusCode::NO_CONTENT.into_response()
}

impl Received {
    fn receive(&mut self, notification: &Notification, now: SystemTime) -> Order {
        let Notification { key_id, key_state, sequence, event_id, .. } = notification;
        if self.guard.see(event_id, now) == Seen::Repeated {
            return Order::Repeated;
        }
        let order = self.states.offer(key_id, *sequence, *key_state);
        if order.is_newer() {
            // Here a real service opens or closes its resources. If that fails, it calls
            // `guard.forget` and returns 503.
            self.effects.push_back(event_id.clone());
            if self.effects.len() > MAX_EFFECTS {
                self.effects.pop_front();
            }
        }
        order
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

/// Returns the ids of the events acted on.
async fn effects(State(service): State<Arc<Service>>) -> Response {
    Json(&service.state.lock().unwrap_or_else(PoisonError::into_inner).effects).into_response()
}

/// Returns the state of a key.
async fn key(State(service): State<Arc<Service>>, Path(id): Path<String>) -> Response {
    let state = service.state.lock().unwrap_or_else(PoisonError::into_inner);
    match (state.states.get(&id), state.states.sequence(&id)) {
        (Some(key_state), Some(sequence)) => {
            Json(json!({"keyState": key_state.number(), "sequence": sequence.0})).into_response()
        }
        _ => (StatusCode::NOT_FOUND, "no notification about that key was received").into_response(),
    }
}

#[expect(clippy::disallowed_methods, reason = "the crate takes the time as an argument; this is its source")]
fn now() -> SystemTime {
    SystemTime::now()
}

/// Prints a line. A closed standard output is not an error.
pub(crate) fn print_line(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}
