//! Lifecycle actions: check the rules, record the new state, tell the services.

use std::time::Duration;

use axum::{
    Json,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use keysync::{
    deadline::Budget,
    key::{ClaimId, KeyId, KeyVersion, LifecycleAction, LifecycleEvent},
    ledger::{LifecycleChange, Notification, Recorded},
};
use serde::Deserialize;
use uuid::Uuid;

use super::{ApiError, Endpoint, NOTIFY_WITHIN, address::Caller, representation, rules, store::StoredKey};

#[derive(Deserialize)]
pub(super) struct Deletion {
    #[serde(default)]
    force: bool,
}

pub(super) async fn delete(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    name: Path<String>,
    Query(Deletion { force }): Query<Deletion>,
) -> Result<StatusCode, ApiError> {
    let id = caller.key(&endpoint, "kms.secrets.delete", name).await?;
    take(&endpoint, &caller, id, LifecycleAction::Delete, force).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn restore(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    name: Path<String>,
) -> Result<Response, ApiError> {
    let id = caller.key(&endpoint, "kms.secrets.restore", name).await?;
    take(&endpoint, &caller, id, LifecycleAction::Restore, false).await?;
    let key = endpoint.0.store.get(caller.instance, id).await?;
    let body: Json<_> = representation::collection("key", &[representation::key(&key)]);
    Ok((StatusCode::CREATED, body).into_response())
}

pub(super) async fn rotate(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    name: Path<String>,
) -> Result<StatusCode, ApiError> {
    let id = caller.key(&endpoint, "kms.secrets.rotate", name).await?;
    take(&endpoint, &caller, id, LifecycleAction::Rotate, false).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn enable(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    name: Path<String>,
) -> Result<StatusCode, ApiError> {
    let id = caller.key(&endpoint, "kms.secrets.enable", name).await?;
    take(&endpoint, &caller, id, LifecycleAction::Enable, false).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn disable(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    name: Path<String>,
) -> Result<StatusCode, ApiError> {
    let id = caller.key(&endpoint, "kms.secrets.disable", name).await?;
    take(&endpoint, &caller, id, LifecycleAction::Disable, false).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn purge(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    name: Path<String>,
) -> Result<StatusCode, ApiError> {
    let id = caller.key(&endpoint, "kms.secrets.purge", name).await?;
    let _changing = endpoint.0.changes.lock().await;
    let key = endpoint.0.store.get(caller.instance, id).await?;
    let now = endpoint.0.clock.now();
    rules::may_purge(&key, now)?;
    endpoint.0.store.purge(&key.crn, now).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn take(
    endpoint: &Endpoint,
    caller: &Caller,
    id: KeyId,
    action: LifecycleAction,
    force: bool,
) -> Result<(), ApiError> {
    let budget = Budget::new(None, NOTIFY_WITHIN);
    let notification = {
        let _changing = endpoint.0.changes.lock().await;
        let key = endpoint.0.store.get(caller.instance, id).await?;
        if action == LifecycleAction::Delete {
            rules::may_delete(&endpoint.0.store.registrations(&key.crn).await?, force)?;
        }
        record(endpoint, &key, action, budget).await?
    };
    endpoint.0.outbox.empty(&notification, budget).await;
    Ok(())
}

async fn record(
    endpoint: &Endpoint,
    key: &StoredKey,
    action: LifecycleAction,
    budget: Budget,
) -> Result<Box<Notification>, ApiError> {
    let now = endpoint.0.clock.now();
    let state = rules::next_state(key, action, now)?;
    let version = if action == LifecycleAction::Rotate {
        KeyVersion { id: Uuid::new_v4().to_string(), created_at: now }
    } else {
        key.version.clone()
    };
    let change = LifecycleChange {
        instance: key.crn.instance.instance,
        key: key.crn.key,
        // Two actions in one millisecond are still two, one after the other.
        event: LifecycleEvent { action, at: now.max(key.event.at.plus(Duration::from_millis(1))) },
        state,
        version,
        claim: ClaimId::unique(),
        now,
        lease: budget.lease(),
    };
    match endpoint.0.outbox.ledger.record(&change).await.map_err(ApiError::table)? {
        Recorded::News(notification) => Ok(notification),
        Recorded::Stale => Err(ApiError::conflict(
            "KEY_ACTION_INVALID_STATE_ERR",
            "Another action was taken on the key at the same time",
        )),
    }
}
