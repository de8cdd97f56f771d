//! A key-management endpoint with any number of keys, which it makes up when they are listed. Each
//! key has one registration.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, process::Command, task::AbortHandle};

use crate::{
    support::{API_KEY, Folder},
    throttled_sync::{INSTANCE, crn},
};

/// The endpoint. Dropping it ends it.
pub(crate) struct SyntheticEndpoint {
    url: String,
    shared: Arc<Mutex<Shared>>,
    server: AbortHandle,
}

pub(crate) struct Shared {
    /// The numbers of the keys, in the order in which they are listed.
    pub(crate) keys: Vec<usize>,
    /// The offsets of the pages of keys that were requested.
    pub(crate) offsets: Vec<usize>,
    /// The time before each page.
    pub(crate) delay: Duration,
    /// The number of pages that are throttled before they are listed.
    pub(crate) throttled: usize,
    /// Keys that are removed when the page with this offset has been listed.
    pub(crate) removed_after: HashMap<usize, Vec<usize>>,
}

pub(crate) fn key_id(n: usize) -> String {
    format!("{n:08x}-0000-4000-8000-{n:012x}")
}

impl SyntheticEndpoint {
    pub(crate) async fn start(keys: usize) -> Self {
        let shared = Arc::new(Mutex::new(Shared {
            keys: (0..keys).collect(),
            offsets: Vec::new(),
            delay: Duration::ZERO,
            throttled: 0,
            removed_after: HashMap::new(),
        }));
        let router = Router::new()
            .route(
                "/identity/token",
                post(async || Json(json!({"access_token": "token", "expires_in": 3600}))),
            )
            .route("/api/v2/keys", get(list_keys))
            .route("/api/v2/keys/registrations", get(list_registrations))
            .with_state(shared.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }).abort_handle();
        Self { url, shared, server }
    }

    pub(crate) fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap()
    }

    /// The command with these arguments, for this endpoint.
    pub(crate) fn command(&self, folder: &Folder, arguments: &[&str]) -> Command {
        let mut command = folder.command(arguments);
        command.envs([
            ("KEYSYNCCTL_ENDPOINT", &*self.url),
            ("KEYSYNCCTL_IAM_URL", &self.url),
            ("KEYSYNCCTL_INSTANCE", INSTANCE),
            ("IBMCLOUD_API_KEY", API_KEY),
        ]);
        command
    }
}

impl Drop for SyntheticEndpoint {
    fn drop(&mut self) {
        self.server.abort();
    }
}

type Parameters = Query<HashMap<String, String>>;

async fn list_keys(State(shared): State<Arc<Mutex<Shared>>>, parameters: Parameters) -> Response {
    let delay = shared.lock().unwrap().delay;
    tokio::time::sleep(delay).await;
    let mut shared = shared.lock().unwrap();
    if shared.throttled > 0 {
        shared.throttled -= 1;
        return (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "0")]).into_response();
    }
    let (offset, page) = page(&shared, &parameters);
    shared.offsets.push(offset);
    let removed = shared.removed_after.remove(&offset).unwrap_or_default();
    shared.keys.retain(|key| !removed.contains(key));
    let rows = page.into_iter().map(|n| {
        json!({
            "type": "application/vnd.ibm.kms.key+json", "id": key_id(n), "crn": crn(&key_id(n)),
            "name": format!("key-{n}"), "state": 1, "extractable": false, "keyRingID": "default",
            "creationDate": "2026-01-01T00:00:00Z", "lastUpdateDate": "2026-01-01T00:00:00Z",
            "keyVersion": {"id": key_id(n), "creationDate": "2026-01-01T00:00:00Z"},
        })
    });
    collection(&rows.collect::<Vec<_>>())
}

async fn list_registrations(State(shared): State<Arc<Mutex<Shared>>>, parameters: Parameters) -> Response {
    let (_, page) = page(&shared.lock().unwrap(), &parameters);
    let rows = page.into_iter().map(|n| {
        let resource = format!("crn:v1:bluemix:public:cloud-object-storage:global:a/abc123:x:bucket:b{n}");
        json!({"keyId": key_id(n), "resourceCrn": resource, "creationDate": "2026-01-02T00:00:00Z"})
    });
    collection(&rows.collect::<Vec<_>>())
}

fn page(shared: &Shared, Query(parameters): &Parameters) -> (usize, Vec<usize>) {
    let number = |name: &str| parameters[name].parse::<usize>().unwrap();
    let (offset, limit) = (number("offset"), number("limit"));
    (offset, shared.keys.iter().skip(offset).take(limit).copied().collect())
}

fn collection(rows: &[Value]) -> Response {
    let metadata =
        json!({"collectionType": "application/vnd.ibm.kms.key+json", "collectionTotal": rows.len()});
    Json(json!({"metadata": metadata, "resources": rows})).into_response()
}
