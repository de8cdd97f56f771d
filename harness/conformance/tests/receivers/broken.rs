//! A receiver with one defect.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
    time::SystemTime,
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode},
    routing::{get, post},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use keysync_receiver::{MAX_BODY, Rejected, Verifier};
use serde_json::Value;
use tokio::net::TcpListener;
use tower::ServiceExt;

use crate::service::AnyVerifier;

/// What a receiver does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Defect {
    AcceptsBadSignature,
    IgnoresTimestamp,
    AcceptsAnotherService,
    RejectsRepeat,
    ActsOnRepeat,
    ActsOnOlderSequence,
    /// Waits for the sequences between two that it got.
    SkipsAfterGap,
    KeepsFirstKeySet,
    /// Adds new keys to those that it knows.
    KeepsOldKeys,
    /// Responds with 410 to callbacks for another service.
    SaysGone,
}

#[derive(Clone)]
pub(crate) struct Receiver {
    defect: Defect,
    keys: Arc<AnyVerifier>,
    first: Verifier,
    state: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    ids: HashSet<String>,
    sequences: HashMap<String, u64>,
    acted_on: u64,
}

impl Receiver {
    /// `first` has the keys of the first key set.
    pub(crate) fn new(defect: Defect, keys: AnyVerifier, first: Verifier) -> Self {
        Self { defect, keys: Arc::new(keys), first, state: Arc::default() }
    }

    pub(crate) fn routes(self) -> Router {
        let effects =
            |State(receiver): State<Self>| async move { Json(receiver.state.lock().unwrap().acted_on) };
        Router::new()
            .route("/callbacks", post(callback))
            .route("/effects", get(effects))
            .layer(DefaultBodyLimit::max(MAX_BODY))
            .with_state(self)
    }

    async fn verify(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), Rejected> {
        let now = now();
        let by = |verifier: &Verifier| verifier.verify(headers, body, now).map(|_| ());
        match by(&self.first) {
            Err(Rejected::Signature) if self.defect == Defect::KeepsFirstKeySet => Err(Rejected::Signature),
            Ok(()) if self.defect == Defect::KeepsOldKeys => Ok(()),
            _ => self.keys.verify(headers, body, now).await.map(|_| ()),
        }
    }

    /// Whether the defect makes the receiver accept what must be rejected for this reason.
    fn tolerates(&self, rejected: &Rejected) -> bool {
        matches!(
            (self.defect, rejected),
            (Defect::AcceptsBadSignature, Rejected::Signature)
                | (Defect::IgnoresTimestamp, Rejected::TooOld { .. } | Rejected::TooNew { .. })
                | (Defect::AcceptsAnotherService, Rejected::Service { .. })
        )
    }

    /// Acts on a callback with this id. The key of an event that serde does not parse is empty.
    fn act(&self, id: &str, event: &Value) -> StatusCode {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let key = text(&event["subject"]);
        let sequence = text(&event["sequence"]).parse().unwrap_or_default();
        let mut seen = self.state.lock().unwrap();
        let is_new = seen.ids.insert(id.to_owned());
        let known = seen.sequences.get(&key).copied();
        let is_newer = known.is_none_or(|known| sequence > known);
        let acts = match self.defect {
            Defect::RejectsRepeat if !is_new => return StatusCode::CONFLICT,
            Defect::ActsOnRepeat => is_newer || known == Some(sequence),
            Defect::ActsOnOlderSequence => is_new,
            Defect::SkipsAfterGap => is_newer && known.is_none_or(|known| sequence == known + 1),
            _ => is_newer,
        };
        if acts {
            seen.sequences.insert(key, sequence);
            seen.acted_on += 1;
        }
        StatusCode::NO_CONTENT
    }
}

async fn callback(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> StatusCode {
    match receiver.verify(&headers, &body).await {
        Err(Rejected::Service { .. }) if receiver.defect == Defect::SaysGone => StatusCode::GONE,
        Err(rejected) if !receiver.tolerates(&rejected) => rejected.status(),
        _ => {
            let id = headers.get("webhook-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
            receiver.act(id, &serde_json::from_slice(&body).unwrap_or_default())
        }
    }
}

/// Serves one connection after the other, without timeouts.
pub(crate) async fn serve_one_at_a_time(routes: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let routes = routes.clone();
            let service = service_fn(move |request: hyper::Request<Incoming>| {
                Box::pin(routes.clone().oneshot(request.map(axum::body::Body::new)))
            });
            drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
        }
    });
    format!("http://{address}")
}

#[expect(clippy::disallowed_methods, reason = "a receiver has the machine's clock")]
fn now() -> SystemTime {
    SystemTime::now()
}
