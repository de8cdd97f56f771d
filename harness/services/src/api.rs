//! HTTP API of the services: callbacks and resources.
//!
//! ```text
//! POST /{service}/callbacks          receives a notification
//! OPTIONS /{service}/callbacks       allows the sender, as in the webhook handshake of CloudEvents
//! PUT  /{service}/resources/{name}   creates a bucket or deployment that a key protects
//! GET  /{service}/resources/{name}   reads it: 200, or 403 by the state of its key
//! ```

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures_util::{StreamExt, stream};
use keysync::{Clock, domain::EpochMillis};
use keysync_receiver::{Notification, Verifier};
use parking_lot::RwLock;
use serde::Deserialize;
use serde_json::json;

use keysync_emulator_support::server::cut;

use super::{Access, Acknowledgement, AssociatedService, Behaviour, Received, Verdict};

/// The allowed rate in a handshake: no limit.
const ANY_RATE: HeaderValue = HeaderValue::from_static("*");

/// Shared state of the handlers.
#[derive(Clone)]
struct Services {
    by_name: Arc<BTreeMap<String, AssociatedService>>,
    keys: CallbackKeys,
    clock: Clock,
}

/// The public keys `whpk_…` with one of which a callback must be signed. Clones share them.
#[derive(Clone, Debug)]
pub struct CallbackKeys(Arc<RwLock<Vec<String>>>);

impl CallbackKeys {
    /// Accepts callbacks that are signed with this key.
    #[must_use]
    pub fn new(public_key: String) -> Self {
        Self(Arc::new(RwLock::new(vec![public_key])))
    }

    /// The keys, newest last.
    #[must_use]
    pub fn all(&self) -> Vec<String> {
        self.0.read().clone()
    }

    /// Accepts callbacks that are signed with one of these keys from now on.
    pub fn set(&self, public_keys: Vec<String>) {
        *self.0.write() = public_keys;
    }
}

/// The router of all `services`. Each accepts the callbacks for it that are signed with one of
/// `keys`.
pub fn router(services: &[AssociatedService], keys: CallbackKeys, clock: Clock) -> Router {
    let by_name = services.iter().map(|service| (service.name().to_owned(), service.clone()));
    Router::new()
        .route("/{service}/callbacks", post(callback).options(handshake))
        .route("/{service}/resources/{name}", get(read).put(protect))
        .with_state(Services { by_name: Arc::new(by_name.collect()), keys, clock })
}

/// Allows any sender any rate (HTTP 1.1 Web Hooks for Event Delivery, section 4.2). A request
/// without an origin is no handshake.
async fn handshake(
    State(services): State<Services>,
    Path(service): Path<String>,
    headers: HeaderMap,
) -> Response {
    if !services.by_name.contains_key(&service) {
        return unknown("service", &service);
    }
    match headers.get("webhook-request-origin") {
        Some(origin) => {
            let allowed = [("webhook-allowed-origin", origin.clone()), ("webhook-allowed-rate", ANY_RATE)];
            (StatusCode::NO_CONTENT, allowed).into_response()
        }
        None => (StatusCode::BAD_REQUEST, "webhook-request-origin is missing").into_response(),
    }
}

async fn callback(
    State(services): State<Services>,
    Path(service): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(service) = services.by_name.get(&service) else {
        return unknown("service", &service);
    };
    // Null if it is not JSON: then only a condition without a field selects it.
    let event = serde_json::from_slice(&body).unwrap_or_default();
    let behaviour = service.next_behaviour(&event);
    let (verdict, response) = match &behaviour {
        Behaviour::Act
        | Behaviour::Delay { .. }
        | Behaviour::TruncateBody
        | Behaviour::ActThenReset
        | Behaviour::Flaky { .. } => match services.verify(service, &headers, &body) {
            Ok(notification) => {
                let acknowledgement = Acknowledgement::of(&notification, services.clock.now());
                let verdict = service.act(notification);
                if matches!(verdict, Verdict::Acted | Verdict::Repeated) {
                    service.acknowledge(&acknowledgement);
                }
                (verdict, acted(&behaviour))
            }
            Err((status, message)) => (Verdict::Rejected(message.clone()), (status, message).into_response()),
        },
        Behaviour::AckWithoutActing | Behaviour::Hang => {
            (Verdict::Ignored, StatusCode::NO_CONTENT.into_response())
        }
        Behaviour::Reset => (Verdict::Ignored, cut()),
        Behaviour::Redirect { to } => (
            Verdict::Ignored,
            (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to.clone())]).into_response(),
        ),
        Behaviour::Respond { status, retry_after } => {
            (Verdict::Ignored, response_with(*status, *retry_after))
        }
    };
    service.record(Received { number: 0, at: services.clock.now(), headers, body, verdict });
    match behaviour.delay() {
        Some(delay) => tokio::time::sleep(delay).await,
        None => std::future::pending().await,
    }
    response
}

impl Services {
    /// Verifies a callback for `service`. The error is the status of its response, and the reason.
    fn verify(
        &self,
        service: &AssociatedService,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Notification, (StatusCode, String)> {
        // The harness generates the keys, so that they are valid.
        let verifier = Verifier::new(service.name(), self.keys.all())
            .map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
        let result = verifier.verify(headers, body, instant(self.clock.now()));
        result.map_err(|error| (error.status(), error.to_string()))
    }
}

fn instant(at: EpochMillis) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(at.get())
}

/// Response of a service that has acted.
fn acted(behaviour: &Behaviour) -> Response {
    match behaviour {
        Behaviour::ActThenReset => cut(),
        Behaviour::TruncateBody => {
            // The first half must be sent before the connection is reset.
            let broken = async {
                tokio::time::sleep(Duration::from_millis(50)).await;
                Err(std::io::Error::other("injected fault: connection reset"))
            };
            let half = stream::once(async { Ok("{\"half\":") }).chain(stream::once(broken));
            ([(header::CONTENT_LENGTH, "64")], Body::from_stream(half)).into_response()
        }
        _ => StatusCode::NO_CONTENT.into_response(),
    }
}

fn response_with(status: u16, retry_after: Option<u64>) -> Response {
    let mut response =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR).into_response();
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

#[derive(Deserialize)]
struct NewResource {
    crn: String,
    key_id: String,
}

async fn protect(
    State(services): State<Services>,
    Path((service, name)): Path<(String, String)>,
    Json(NewResource { crn, key_id }): Json<NewResource>,
) -> Response {
    let Some(service) = services.by_name.get(&service) else {
        return unknown("service", &service);
    };
    service.protect(&name, &crn, &key_id);
    StatusCode::CREATED.into_response()
}

async fn read(State(services): State<Services>, Path((service, name)): Path<(String, String)>) -> Response {
    let Some(service) = services.by_name.get(&service) else {
        return unknown("service", &service);
    };
    match service.access(&name) {
        None => unknown("resource", &name),
        Some(Access::Allowed(resource)) => {
            Json(json!({"name": name, "crn": resource.crn, "accessible": true})).into_response()
        }
        Some(Access::Denied(last_state)) => (
            StatusCode::FORBIDDEN,
            Json(json!({"name": name, "accessible": false, "keyState": last_state.key_state,
                        "reason": "the root key that protects this resource is not active"})),
        )
            .into_response(),
    }
}

fn unknown(kind: &str, name: &str) -> Response {
    (StatusCode::NOT_FOUND, Json(json!({"error": format!("unknown {kind} `{name}`")}))).into_response()
}
