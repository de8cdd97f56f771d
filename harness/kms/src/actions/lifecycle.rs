//! Lifecycle actions: check the state rules and publish an event. As in production, the function
//! `lifecycle` updates the key and notifies the services.

use std::time::Duration;

use axum::{
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use keysync::domain::{EpochMillis, KeyFacts, LifecycleAction, LifecycleEvent};

use crate::{
    ApiError, Endpoint,
    address::Caller,
    body, history, import_tokens,
    keys::{self, Import, NewMaterial},
    prefer::Prefer,
    rules,
    store::StoredKey,
};

pub(crate) async fn enable(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    name: Path<String>,
) -> Result<StatusCode, ApiError> {
    let key = caller.key(&endpoint, "kms.secrets.enable", name).await?;
    perform(&endpoint, &caller, key, LifecycleAction::Enable).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn disable(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    name: Path<String>,
) -> Result<StatusCode, ApiError> {
    let key = caller.key(&endpoint, "kms.secrets.disable", name).await?;
    perform(&endpoint, &caller, key, LifecycleAction::Disable).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Restores a deleted key. Earlier clients send the material of an imported key in the body, to
/// prove that they still have it.
pub(crate) async fn restore(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    name: Path<String>,
    prefer: Prefer,
    body: Bytes,
) -> Result<Response, ApiError> {
    let key = caller.key(&endpoint, "kms.secrets.restore", name).await?;
    if !body::is_absent(&body) {
        let import: Import = body::one(&body)?;
        check_material(&endpoint, &caller, &key, &import).await?;
    }
    let id = key.record.crn.key;
    perform(&endpoint, &caller, key, LifecycleAction::Restore).await?;
    if prefer == Prefer::Minimal {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let key = endpoint.0.store.get(caller.instance, id).await?;
    Ok((StatusCode::CREATED, keys::single(&endpoint, &key)).into_response())
}

async fn check_material(
    endpoint: &Endpoint,
    caller: &Caller,
    key: &StoredKey,
    import: &Import,
) -> Result<(), ApiError> {
    let new = match import.of_root_key()? {
        NewMaterial::Generated => return Ok(()),
        new => new,
    };
    if !key.description.imported {
        let message = "Only imported keys may be restored with key material: leave it out";
        return Err(ApiError::new(StatusCode::BAD_REQUEST, "KEY_IMPT_REQ_ERR", message));
    }
    let given = import_tokens::material(endpoint, caller.instance, new).await?;
    let version = endpoint.0.store.version(&key.record.crn, &key.record.version.id).await?;
    if version.is_some_and(|version| version.material == given) {
        Ok(())
    } else {
        Err(ApiError::field("payload", "must be the key material that the key was imported with"))
    }
}

async fn perform(
    endpoint: &Endpoint,
    caller: &Caller,
    key: StoredKey,
    action: LifecycleAction,
) -> Result<(), ApiError> {
    let _lock = endpoint.lock_key(key.record.crn.key).await;
    let key = endpoint.0.store.get(caller.instance, key.record.crn.key).await?;
    let now = endpoint.0.clock.now();
    let mut facts = key.facts();
    facts.state = rules::next_state(&key, action, now)?;
    publish(endpoint, caller, &key, action, &facts, now).await
}

/// Publishes `action` of `caller` on `key`, with `facts` as the new state, and records it in the
/// key's history. The caller must hold the key's lock.
pub(super) async fn publish(
    endpoint: &Endpoint,
    caller: &Caller,
    key: &StoredKey,
    action: LifecycleAction,
    facts: &KeyFacts,
    now: EpochMillis,
) -> Result<(), ApiError> {
    // Two actions within one millisecond must have different, increasing times.
    let at = now.max(key.record.event.at.plus(Duration::from_millis(1)));
    endpoint.wait_until_processed(endpoint.0.events.action(action, facts, at)).await?;
    history::record_action(endpoint, caller, &facts.crn, LifecycleEvent { action, at }).await;
    Ok(())
}
