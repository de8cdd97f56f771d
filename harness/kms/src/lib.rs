//! The key-management endpoint, emulated over the table that the functions use (contract section 4).
//!
//! What it does to keys and registrations it publishes as events, which the function `lifecycle` takes, as
//! in production; it answers when the function has taken them. `actions/sync` is the function's and is
//! handed on as it came. An instance is named by the host (`<instance>.api.<region>.hs-crypto.…`) or, on a
//! shared host, by the `bluemix-instance` header alone.

#![forbid(unsafe_code)]
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod actions;
mod address;
mod aliases;
mod body;
mod correlation;
mod crypto;
mod error;
mod forward;
mod history;
mod import_tokens;
mod keys;
mod media;
mod notifications;
mod policies;
mod prefer;
mod query;
mod registrations;
mod representation;
mod rings;
mod rules;
mod store;

use std::{collections::HashMap, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    routing::{any, delete, get, post},
};
use keysync::{domain::KeyId, ledger::Ledger};
use tokio::sync::{Mutex, OwnedMutexGuard};

pub use error::ApiError;
pub use store::{Description, Registration, Store, StoredKey};

use keysync_emulator_support::clock::HarnessClock;
use keysync_iam_emulator::Iam;
use keysync_lambda_emulator::events::{Delivery, EventBus};

/// How long a request waits for `lifecycle` to take its event: that tells the services meanwhile.
const TAKEN_WITHIN: Duration = Duration::from_secs(30);

/// The endpoint; clones are the same one.
#[derive(Clone)]
pub struct Endpoint(Arc<Inner>);

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
    /// Held while something of an instance is changed: its policies or its import token.
    changing_policies: Mutex<()>,
}

impl Endpoint {
    /// An endpoint over `store` that lets in whom `iam` lets in, publishes what it does over `events`, and
    /// hands syncs to the function at `function_url`. It resolves aliases with the functions' own `ledger`.
    pub fn new(
        store: Store,
        iam: Iam,
        ledger: Ledger,
        events: EventBus,
        function_url: String,
        clock: HarnessClock,
    ) -> Result<Self, reqwest::Error> {
        let http =
            reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()?;
        let (changes, changing_policies) = (Mutex::default(), Mutex::default());
        let inner =
            Inner { store, iam, ledger, events, function_url, http, clock, changes, changing_policies };
        Ok(Self(Arc::new(inner)))
    }

    /// Its routes.
    pub fn router(&self) -> Router {
        Router::new()
            .merge(routes_of_instances())
            .merge(routes_of_keys())
            .merge(routes_of_actions())
            // Any method, here and for a sync: what is wrong with it is the function's to say.
            .route(keysync::api::JWKS_PATH, any(forward::public_keys))
            .method_not_allowed_fallback(error::unknown_method)
            .fallback(error::unknown_path)
            .layer(DefaultBodyLimit::max(6 * 1024 * 1024))
            .layer(middleware::from_fn(error::say_what))
            .layer(middleware::from_fn(media::as_named))
            .layer(middleware::from_fn(correlation::echo))
            .with_state(self.clone())
    }

    /// Waits until an event was taken, so that the next request sees what it did.
    async fn taken(&self, event: Delivery) -> Result<(), ApiError> {
        if event.taken_within(TAKEN_WITHIN).await {
            return Ok(());
        }
        Err(ApiError::table("the event is in the queue, and the function `lifecycle` does not take it"))
    }

    /// One change of a key at a time.
    async fn changing(&self, key: KeyId) -> OwnedMutexGuard<()> {
        let changing = self.0.changes.lock().await.entry(key).or_default().clone();
        changing.lock_owned().await
    }

    /// Keys, registrations and aliases, past the API.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.0.store
    }
}

fn routes_of_instances() -> Router<Endpoint> {
    Router::new()
        .route("/api/v2/instance/policies", get(policies::list_of_instance).put(policies::set_of_instance))
        .route("/api/v2/import_token", get(import_tokens::get).post(import_tokens::create))
        .route("/api/v2/key_rings", get(rings::list))
        .route("/api/v2/key_rings/{id}", post(rings::create).delete(rings::delete))
        .route("/api/v2/event_ack", post(notifications::acknowledge))
}

fn routes_of_keys() -> Router<Endpoint> {
    let registration = post(registrations::create)
        .patch(registrations::merge)
        .put(registrations::replace)
        .delete(registrations::delete);
    let key = get(keys::get).post(actions::act).patch(keys::patch).delete(actions::delete);
    Router::new()
        .route("/api/v2/keys", get(keys::list).head(keys::total).post(keys::create))
        .route("/api/v2/keys_with_policy_overrides", post(keys::create_with_policies))
        .route("/api/v2/keys/registrations", get(registrations::list_all))
        .route("/api/v2/keys/{id}", key)
        .route("/api/v2/keys/{id}/metadata", get(keys::metadata))
        .route("/api/v2/keys/{id}/versions", get(keys::versions))
        .route("/api/v2/keys/{id}/aliases/{alias}", post(aliases::create).delete(aliases::delete))
        .route("/api/v2/keys/{id}/policies", get(policies::list_of_key).put(policies::set_of_key))
        .route("/api/v2/keys/{id}/registrations", get(registrations::list))
        .route("/api/v2/keys/{id}/registrations/{crn}", registration)
        .route("/api/v2/keys/{id}/notifications", get(notifications::list))
        .route("/api/v2/keys/{id}/events", get(history::list))
}

fn routes_of_actions() -> Router<Endpoint> {
    let action = |name: &str| format!("/api/v2/keys/{{id}}/actions/{name}");
    Router::new()
        .route("/api/v2/keys/{id}/restore", post(actions::restore))
        .route("/api/v2/keys/{id}/purge", delete(actions::purge))
        .route(&action("restore"), post(actions::restore))
        .route(&action("rotate"), post(actions::rotate))
        .route(&action("enable"), post(actions::enable))
        .route(&action("disable"), post(actions::disable))
        .route(&action("setKeyForDeletion"), post(actions::set_for_deletion))
        .route(&action("unsetKeyForDeletion"), post(actions::unset_for_deletion))
        .route(&action("wrap"), post(actions::wrap))
        .route(&action("unwrap"), post(actions::unwrap))
        .route(&action("rewrap"), post(actions::rewrap))
        .route(&action("sync"), any(forward::sync))
}
