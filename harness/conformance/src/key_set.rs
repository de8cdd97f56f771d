//! The public key set of the run, which a receiver follows.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use axum::{
    Router,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};
use parking_lot::Mutex;
use serde_json::json;
use tokio::{net::TcpListener, task::AbortHandle};

use crate::vectors::Key;

const PATH: &str = "/.well-known/jwks.json";

/// A server of the key set; dropping it ends it.
pub(crate) struct KeySet {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: AbortHandle,
}

#[derive(Default)]
struct Shared {
    document: Mutex<String>,
    fetches: AtomicUsize,
}

impl KeySet {
    /// Serves the keys at `address`.
    pub(crate) async fn start(address: SocketAddr, keys: &[&Key]) -> io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let router = Router::new().route(PATH, get(document)).with_state(Arc::clone(&shared));
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(async move { axum::serve(listener, router).await }).abort_handle();
        let key_set = Self { address, shared, task };
        key_set.publish(keys);
        Ok(key_set)
    }

    /// Where the set is.
    pub(crate) fn url(&self) -> String {
        format!("http://{}{PATH}", self.address)
    }

    /// Replaces the keys.
    pub(crate) fn publish(&self, keys: &[&Key]) {
        let keys: Vec<_> = keys.iter().map(|key| key.jwk()).collect();
        *self.shared.document.lock() = json!({"keys": keys}).to_string();
    }

    /// How often the set was fetched.
    pub(crate) fn fetches(&self) -> usize {
        self.shared.fetches.load(Relaxed)
    }
}

impl Drop for KeySet {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn document(State(shared): State<Arc<Shared>>) -> Response {
    shared.fetches.fetch_add(1, Relaxed);
    let headers =
        [(header::CONTENT_TYPE, "application/jwk-set+json"), (header::CACHE_CONTROL, "max-age=300")];
    (headers, shared.document.lock().clone()).into_response()
}
