//! The key-management endpoint, emulated over the table that the functions use (contract section 4).
//!
//! What it owns, keys, registrations and aliases, are items of that table; lifecycle actions go through
//! keysync's own ledger and notifier, as in production; `actions/sync` is the function's and is handed
//! on as it came. An instance is named by the host (`<instance>.api.<region>.hs-crypto.…`) or, on a
//! shared host, by the `bluemix-instance` header alone.

mod address;
mod error;
mod forward;
mod keys;
mod lifecycle;
mod registrations;
mod representation;
mod rules;
mod store;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{delete, get, post},
};
use keysync::outbox::Outbox;
use tokio::sync::Mutex;

pub use error::ApiError;
pub use store::{NewKey, Store};

use crate::{clock::HarnessClock, iam::Iam};

/// How long a lifecycle action waits for the services to take its notification.
const NOTIFY_WITHIN: Duration = Duration::from_secs(10);

/// The endpoint; clones are the same one.
#[derive(Clone)]
pub struct Endpoint(Arc<Inner>);

struct Inner {
    store: Store,
    iam: Iam,
    outbox: Outbox,
    function_url: String,
    http: reqwest::Client,
    clock: HarnessClock,
    /// Held from reading a key's state to writing the next one: the rules look at both.
    changes: Mutex<()>,
}

impl Endpoint {
    /// An endpoint over `store` that lets in whom `iam` lets in and hands syncs to the function at
    /// `function_url`.
    pub fn new(
        store: Store,
        iam: Iam,
        outbox: Outbox,
        function_url: String,
        clock: HarnessClock,
    ) -> Result<Self, reqwest::Error> {
        let http =
            reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Self(Arc::new(Inner { store, iam, outbox, function_url, http, clock, changes: Mutex::default() })))
    }

    /// Its routes.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/api/v2/keys", get(keys::list).post(keys::create))
            .route("/api/v2/keys/registrations", get(registrations::list_all))
            .route("/api/v2/keys/{id}", get(keys::get).delete(lifecycle::delete))
            .route("/api/v2/keys/{id}/metadata", get(keys::get))
            .route("/api/v2/keys/{id}/restore", post(lifecycle::restore))
            .route("/api/v2/keys/{id}/purge", delete(lifecycle::purge))
            .route("/api/v2/keys/{id}/aliases/{alias}", post(keys::create_alias))
            .route("/api/v2/keys/{id}/registrations", get(registrations::list))
            .route("/api/v2/keys/{id}/registrations/{crn}", post(registrations::create))
            .route("/api/v2/keys/{id}/actions/rotate", post(lifecycle::rotate))
            .route("/api/v2/keys/{id}/actions/enable", post(lifecycle::enable))
            .route("/api/v2/keys/{id}/actions/disable", post(lifecycle::disable))
            // Any method: what is wrong with it is the function's to say.
            .route("/api/v2/keys/{id}/actions/sync", axum::routing::any(forward::sync))
            .layer(DefaultBodyLimit::max(6 * 1024 * 1024))
            .fallback(error::unknown_path)
            .with_state(self.clone())
    }

    /// Keys, registrations and aliases, past the API.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.0.store
    }
}

/// The source of a resource's CRN that a registration is counted under: its service's name.
fn service_of(crn: &str) -> Option<keysync::key::ServiceName> {
    crn.strip_prefix("crn:v1:bluemix:public:")?.split(':').next()?.parse().ok()
}
