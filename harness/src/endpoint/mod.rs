//! The key-management endpoint, emulated over the table that the functions use (contract section 4).
//!
//! What it does to keys and registrations it publishes as events, which the function `lifecycle` takes, as
//! in production; it answers when the function has taken them. `actions/sync` is the function's and is
//! handed on as it came. An instance is named by the host (`<instance>.api.<region>.hs-crypto.…`) or, on a
//! shared host, by the `bluemix-instance` header alone.

mod address;
mod error;
mod forward;
mod keys;
mod lifecycle;
mod notifications;
mod registrations;
mod representation;
mod rules;
mod store;

use std::{collections::HashMap, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{delete, get, post},
};
use keysync::{key::KeyId, ledger::Ledger};
use tokio::sync::{Mutex, OwnedMutexGuard};

pub use error::ApiError;
pub use store::{Description, Registration, Store, StoredKey};

use crate::{
    clock::HarnessClock,
    events::{Delivery, EventBus},
    iam::Iam,
};

/// How long a request waits for `lifecycle` to take its event: that tells the services meanwhile.
const TAKEN_WITHIN: Duration = Duration::from_secs(30);

/// The endpoint; clones are the same one.
#[derive(Clone)]
pub(crate) struct Endpoint(Arc<Inner>);

struct Inner {
    store: Store,
    iam: Iam,
    ledger: Ledger,
    events: EventBus,
    function_url: String,
    http: reqwest::Client,
    clock: HarnessClock,
    /// One for each key, held from reading its state to the next one: the rules look at both.
    changes: Mutex<HashMap<KeyId, Arc<Mutex<()>>>>,
}

impl Endpoint {
    /// An endpoint over `store` that lets in whom `iam` lets in, publishes what it does over `events`, and
    /// hands syncs to the function at `function_url`. It resolves aliases with the functions' own `ledger`.
    pub(crate) fn new(
        store: Store,
        iam: Iam,
        ledger: Ledger,
        events: EventBus,
        function_url: String,
        clock: HarnessClock,
    ) -> Result<Self, reqwest::Error> {
        let http =
            reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()?;
        let changes = Mutex::default();
        Ok(Self(Arc::new(Inner { store, iam, ledger, events, function_url, http, clock, changes })))
    }

    /// Its routes.
    pub(crate) fn router(&self) -> Router {
        Router::new()
            .route("/api/v2/keys", get(keys::list).post(keys::create))
            .route("/api/v2/keys/registrations", get(registrations::list_all))
            .route("/api/v2/keys/{id}", get(keys::get).delete(lifecycle::delete))
            .route("/api/v2/keys/{id}/metadata", get(keys::get))
            .route("/api/v2/keys/{id}/restore", post(lifecycle::restore))
            .route("/api/v2/keys/{id}/purge", delete(lifecycle::purge))
            .route("/api/v2/keys/{id}/aliases/{alias}", post(keys::create_alias))
            .route("/api/v2/keys/{id}/registrations", get(registrations::list))
            .route("/api/v2/keys/{id}/notifications", get(notifications::list))
            .route(
                "/api/v2/keys/{id}/registrations/{crn}",
                post(registrations::create).delete(registrations::delete),
            )
            .route("/api/v2/event_ack", post(notifications::acknowledge))
            .route("/api/v2/keys/{id}/actions/rotate", post(lifecycle::rotate))
            .route("/api/v2/keys/{id}/actions/enable", post(lifecycle::enable))
            .route("/api/v2/keys/{id}/actions/disable", post(lifecycle::disable))
            // Any method: what is wrong with it is the function's to say.
            .route("/api/v2/keys/{id}/actions/sync", axum::routing::any(forward::sync))
            .layer(DefaultBodyLimit::max(6 * 1024 * 1024))
            .fallback(error::unknown_path)
            .with_state(self.clone())
    }

    /// Waits until an event was taken, so that the next request sees what it did.
    async fn taken(&self, event: Delivery) -> Result<(), ApiError> {
        tokio::time::timeout(TAKEN_WITHIN, event.taken()).await.map_err(|_| {
            ApiError::table("the event is in the queue, and the function `lifecycle` does not take it")
        })
    }

    /// One change of a key at a time.
    async fn changing(&self, key: KeyId) -> OwnedMutexGuard<()> {
        let changing = self.0.changes.lock().await.entry(key).or_default().clone();
        changing.lock_owned().await
    }

    /// Keys, registrations and aliases, past the API.
    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }
}
