//! The services over HTTP: callbacks in, resources out.
//!
//! ```text
//! POST /{service}/callbacks          a notification
//! PUT  /{service}/resources/{name}   makes a bucket or deployment under a key
//! GET  /{service}/resources/{name}   opens it: 200, or 403 by the key's state
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
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures_util::{StreamExt, stream};
use keysync::{Clock, domain::EpochMillis};
use keysync_receiver::Verifier;
use serde::Deserialize;
use serde_json::json;

use keysync_emulator_support::server::cut;

use super::{AssociatedService, Behaviour, Received, Verdict};

/// What the services share.
#[derive(Clone)]
struct Services {
    by_name: Arc<BTreeMap<String, AssociatedService>>,
    verifier: Verifier,
    clock: Clock,
}

/// The routes of all `services`, which believe callbacks that `verifier` verifies.
pub fn router(services: &[AssociatedService], verifier: Verifier, clock: Clock) -> Router {
    let by_name = services.iter().map(|service| (service.name().to_owned(), service.clone())).collect();
    Router::new()
        .route("/{service}/callbacks", post(callback))
        .route("/{service}/resources/{name}", get(open).put(protect))
        .with_state(Services { by_name: Arc::new(by_name), verifier, clock })
}

async fn callback(
    State(services): State<Services>,
    Path(service): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(service) = services.by_name.get(&service) else { return unknown("service", &service) };
    let behaviour = service.next_behaviour();
    let (verdict, answer) = match &behaviour {
        Behaviour::Act
        | Behaviour::Delay { .. }
        | Behaviour::TruncateBody
        | Behaviour::ActThenReset
        | Behaviour::Flaky { .. } => {
            match services.verifier.verify(&headers, &body, instant(services.clock.now())) {
                Ok(told) => (service.act(told), acted(&behaviour)),
                Err(why) => {
                    (Verdict::Rejected(why.to_string()), (why.status(), why.to_string()).into_response())
                }
            }
        }
        Behaviour::AckWithoutActing | Behaviour::Hang => {
            (Verdict::Ignored, StatusCode::NO_CONTENT.into_response())
        }
        Behaviour::Reset => (Verdict::Ignored, cut()),
        Behaviour::Redirect { to } => (
            Verdict::Ignored,
            (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to.clone())]).into_response(),
        ),
        Behaviour::Respond { status, retry_after } => (Verdict::Ignored, own_answer(*status, *retry_after)),
    };
    service.remember(Received {
        at: services.clock.now(),
        headers: readable(&headers),
        body: String::from_utf8_lossy(&body).into_owned(),
        verdict,
    });
    match behaviour.delay() {
        Some(delay) => tokio::time::sleep(delay).await,
        None => std::future::pending().await,
    }
    answer
}

fn instant(at: EpochMillis) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(at.get())
}

/// The answer of a service that has acted.
fn acted(behaviour: &Behaviour) -> Response {
    match behaviour {
        Behaviour::ActThenReset => cut(),
        Behaviour::TruncateBody => {
            // The first half has to be on its way before the connection breaks.
            let broken = async {
                tokio::time::sleep(Duration::from_millis(50)).await;
                Err(std::io::Error::other("cut on purpose"))
            };
            let half = stream::once(async { Ok("{\"half\":") }).chain(stream::once(broken));
            ([(header::CONTENT_LENGTH, "64")], Body::from_stream(half)).into_response()
        }
        _ => StatusCode::NO_CONTENT.into_response(),
    }
}

fn own_answer(status: u16, retry_after: Option<u64>) -> Response {
    let mut answer =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR).into_response();
    if let Some(seconds) = retry_after {
        answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    answer
}

fn readable(headers: &HeaderMap) -> BTreeMap<String, String> {
    headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect()
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
    let Some(service) = services.by_name.get(&service) else { return unknown("service", &service) };
    service.protect(&name, &crn, &key_id);
    StatusCode::CREATED.into_response()
}

async fn open(State(services): State<Services>, Path((service, name)): Path<(String, String)>) -> Response {
    let Some(service) = services.by_name.get(&service) else { return unknown("service", &service) };
    match service.opens(&name) {
        None => unknown("resource", &name),
        Some(Ok(resource)) => Json(json!({"name": name, "crn": resource.crn, "opens": true})).into_response(),
        Some(Err(told)) => (
            StatusCode::FORBIDDEN,
            Json(json!({"name": name, "opens": false, "keyState": told.key_state,
                        "reason": "the root key that protects this resource is not active"})),
        )
            .into_response(),
    }
}

fn unknown(what: &str, name: &str) -> Response {
    (StatusCode::NOT_FOUND, Json(json!({"error": format!("there is no {what} `{name}` here")})))
        .into_response()
}
