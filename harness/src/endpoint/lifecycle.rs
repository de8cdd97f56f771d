//! Lifecycle actions: check the rules, and publish what was done. The function `lifecycle` does the rest,
//! as in production.

use std::time::Duration;

use axum::{
    Json,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use keysync::key::{KeyId, KeyVersion, LifecycleAction};
use serde::Deserialize;
use uuid::Uuid;

use super::{ApiError, Endpoint, address::Caller, representation, rules};

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
    let _changing = endpoint.changing(id).await;
    let key = endpoint.0.store.get(caller.instance, id).await?;
    let now = endpoint.0.clock.now();
    rules::may_purge(&key, now)?;
    endpoint.taken(endpoint.0.events.purge(&key.record.crn, now)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn take(
    endpoint: &Endpoint,
    caller: &Caller,
    id: KeyId,
    action: LifecycleAction,
    force: bool,
) -> Result<(), ApiError> {
    let _changing = endpoint.changing(id).await;
    let key = endpoint.0.store.get(caller.instance, id).await?;
    if action == LifecycleAction::Delete {
        rules::may_delete(&endpoint.0.store.registrations(&key.record.crn).await?, force)?;
    }
    let now = endpoint.0.clock.now();
    let mut facts = key.facts();
    facts.state = rules::next_state(&key, action, now)?;
    if action == LifecycleAction::Rotate {
        facts.version = KeyVersion { id: Uuid::new_v4().to_string(), created_at: now };
    }
    // Two actions in one millisecond are still two, one after the other.
    let occurred_at = now.max(key.record.event.at.plus(Duration::from_millis(1)));
    endpoint.taken(endpoint.0.events.action(action, &facts, occurred_at)).await
}
