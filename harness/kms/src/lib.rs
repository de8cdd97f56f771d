//! Emulator of the IBM Key Protect API, on the table that the functions use.
//!
//! As in production, changes of keys and registrations are published as events, which the function
//! `lifecycle` processes. The response is sent after that. `actions/sync` and `notifications` are
//! forwarded to the sync function unchanged. The host (`<instance>.api.<region>.hs-crypto.…`) or,
//! on a shared host, the header `bluemix-instance` identifies the instance.

#![forbid(unsafe_code)]
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod acknowledgements;
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
mod policies;
mod prefer;
mod query;
mod registrations;
mod representation;
mod rings;
mod rules;
mod store;

use std::{collections::HashMap, sync::Arc};

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

/// The emulated KMS endpoint. Clones share its state.
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
    /// One lock for each key, held from the read of its state until the change is written.
    key_locks: Mutex<HashMap<KeyId, Arc<Mutex<()>>>>,
    /// Held during a change of an instance's policies or import token.
    instance_lock: Mutex<()>,
}

impl Endpoint {
    /// Creates an endpoint on `store`. Callers are authenticated and authorized by `iam`, changes
    /// are published on `events`, and syncs are forwarded to the function at `function_url`.
    /// Aliases are resolved by `ledger`, which belongs to the functions.
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
        let (key_locks, instance_lock) = (Mutex::default(), Mutex::default());
        let inner = Inner { store, iam, ledger, events, function_url, http, clock, key_locks, instance_lock };
        Ok(Self(Arc::new(inner)))
    }

    /// The router of the API.
    pub fn router(&self) -> Router {
        Router::new()
            .merge(instance_routes())
            .merge(key_routes())
            .merge(action_routes())
            // Any method, as for each forwarded path: the function rejects unsupported ones itself.
            .route(keysync::api::JWKS_PATH, any(forward::unchanged))
            .method_not_allowed_fallback(error::unknown_method)
            .fallback(error::unknown_path)
            .layer(DefaultBodyLimit::max(6 * 1024 * 1024))
            .layer(middleware::from_fn(error::describe_failure))
            .layer(middleware::from_fn(media::set_requested_type))
            .layer(middleware::from_fn(correlation::echo))
            .with_state(self.clone())
    }

    /// Waits until the function has processed an event, so that the next request sees its result.
    async fn wait_until_processed(&self, event: Delivery) -> Result<(), ApiError> {
        event.try_processed().await.map_err(|timeout| {
            let reason =
                "the event is still in the queue: the function `lifecycle` did not process it within";
            ApiError::table(format!("{reason} {timeout:?}"))
        })
    }

    /// Locks a key, so that its changes are serialized.
    async fn lock_key(&self, key: KeyId) -> OwnedMutexGuard<()> {
        let lock = self.0.key_locks.lock().await.entry(key).or_default().clone();
        lock.lock_owned().await
    }

    /// The store of keys, registrations and aliases, for access without the API.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.0.store
    }
}

fn instance_routes() -> Router<Endpoint> {
    Router::new()
        .route("/api/v2/instance/policies", get(policies::list_of_instance).put(policies::set_of_instance))
        .route("/api/v2/import_token", get(import_tokens::get).post(import_tokens::create))
        .route("/api/v2/key_rings", get(rings::list))
        .route("/api/v2/key_rings/{id}", post(rings::create).delete(rings::delete))
        .route("/api/v2/event_ack", post(acknowledgements::acknowledge))
}

fn key_routes() -> Router<Endpoint> {
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
        .route("/api/v2/keys/{id}/notifications", any(forward::unchanged))
        .route("/api/v2/keys/{id}/events", get(history::list))
}

fn action_routes() -> Router<Endpoint> {
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
