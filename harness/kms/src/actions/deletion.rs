//! Deletion with single or dual authorization, and purge.

use std::time::Duration;

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use keysync::domain::LifecycleAction;
use serde_json::json;

use super::lifecycle::publish;
use crate::{
    ApiError, Endpoint,
    address::Caller,
    keys,
    prefer::Prefer,
    query::Params,
    representation, rules,
    store::{DeletionAuthorization, StoredKey},
};

/// Period of validity of the first authorization.
const AUTHORIZATION_VALIDITY: Duration = Duration::from_hours(7 * 24);

pub(crate) async fn delete(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    name: Path<String>,
    params: Params,
    prefer: Prefer,
) -> Result<Response, ApiError> {
    let key = caller.key(&endpoint, "kms.secrets.delete", name).await?;
    let force = params.flag("force")? == Some(true);
    delete_key(&endpoint, &caller, &key, force).await?;
    keys::changed(&endpoint, &caller, &key, prefer).await
}

async fn delete_key(
    endpoint: &Endpoint,
    caller: &Caller,
    key: &StoredKey,
    force: bool,
) -> Result<(), ApiError> {
    let crn = &key.record.crn;
    let _lock = endpoint.lock_key(crn.key).await;
    let key = endpoint.0.store.get(caller.instance, crn.key).await?;
    let now = endpoint.0.clock.now();
    let mut facts = key.facts();
    facts.state = rules::next_state(&key, LifecycleAction::Delete, now)?;
    let registrations = endpoint.0.store.registrations(crn).await?;
    rules::check_may_delete(&key, &registrations, force, &caller.principal, now)?;
    let by = json!({"deleted_by": caller.principal.iam_id});
    endpoint.0.store.change(crn, by, &["authorization"]).await?;
    publish(endpoint, caller, &key, LifecycleAction::Delete, &facts, now).await
}

/// Authorizes the deletion as the first of two users. A later call replaces the authorization.
pub(crate) async fn set_for_deletion(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    name: Path<String>,
) -> Result<StatusCode, ApiError> {
    let key = caller.key(&endpoint, "kms.secrets.setkeyfordeletion", name).await?;
    let now = endpoint.0.clock.now();
    let authorization = DeletionAuthorization {
        by: caller.principal.iam_id.clone(),
        valid_until: now.plus(AUTHORIZATION_VALIDITY),
    };
    set_authorization(&endpoint, &caller, &key, Some(authorization)).await
}

/// Withdraws the authorization of the deletion.
pub(crate) async fn unset_for_deletion(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    name: Path<String>,
) -> Result<StatusCode, ApiError> {
    let key = caller.key(&endpoint, "kms.secrets.unsetkeyfordeletion", name).await?;
    set_authorization(&endpoint, &caller, &key, None).await
}

async fn set_authorization(
    endpoint: &Endpoint,
    caller: &Caller,
    key: &StoredKey,
    authorization: Option<DeletionAuthorization>,
) -> Result<StatusCode, ApiError> {
    let crn = &key.record.crn;
    let _lock = endpoint.lock_key(crn.key).await;
    let now = endpoint.0.clock.now();
    rules::check_can_be_set_for_deletion(&endpoint.0.store.get(caller.instance, crn.key).await?, now)?;
    let (changed, removed): (_, &[&str]) = match authorization {
        Some(authorization) => (json!({"updated_at": now, "authorization": authorization}), &[]),
        None => (json!({"updated_at": now}), &["authorization"]),
    };
    endpoint.0.store.change(crn, changed, removed).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn purge(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    name: Path<String>,
    prefer: Prefer,
) -> Result<Response, ApiError> {
    let key = caller.key(&endpoint, "kms.secrets.purge", name).await?;
    let crn = &key.record.crn;
    let _lock = endpoint.lock_key(crn.key).await;
    let key = endpoint.0.store.get(caller.instance, crn.key).await?;
    let now = endpoint.0.clock.now();
    rules::check_can_be_purged(&key, now)?;
    endpoint.wait_until_processed(endpoint.0.events.purge(crn, now)).await?;
    endpoint.0.store.delete_versions(crn).await?;
    endpoint.0.store.delete_events(crn).await?;
    for alias in &key.description.aliases {
        endpoint.0.store.delete_alias(crn, alias).await?;
    }
    Ok(match prefer {
        Prefer::Representation => {
            let body = representation::collection("key", &[representation::key(&key, now)]);
            body.into_response()
        }
        Prefer::Minimal | Prefer::Unspecified => StatusCode::NO_CONTENT.into_response(),
    })
}
