//! Key rings. The ring `default` always exists and cannot be deleted.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use keysync::domain::{InstanceId, KeyRing, KeyState};
use serde_json::{Value, json};

use super::{ApiError, Endpoint, address::Caller, query::Params, representation, store::Ring};

pub(super) async fn list(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    params: Params,
) -> Result<Json<Value>, ApiError> {
    caller.authorize(&endpoint, "kms.key-rings.list")?;
    let page = params.page(100)?;
    let created = endpoint.0.store.rings(caller.instance).await?;
    let default = json!({"id": KeyRing::default()});
    let all: Vec<Value> = std::iter::once(default).chain(created.iter().map(describe)).collect();
    let total = (params.flag("totalCount")? == Some(true)).then_some(all.len());
    Ok(representation::page("key_ring", &page.of(all), total))
}

pub(super) async fn create(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    caller.authorize(&endpoint, "kms.key-rings.create")?;
    let ring =
        Ring { id: parse(&id)?, created_at: endpoint.0.clock.now(), created_by: caller.principal.iam_id };
    let is_new =
        ring.id != KeyRing::default() && endpoint.0.store.create_ring(caller.instance, &ring).await?;
    if is_new {
        return Ok(StatusCode::CREATED);
    }
    let message = format!("The key ring {id} already exists in this instance: choose another ID");
    Err(ApiError::conflict("KEY_RING_ID_NOT_UNIQUE_ERR", message))
}

/// Deletes an empty key ring. With `force` it also deletes one whose keys are all deleted; the keys
/// move to `default`.
pub(super) async fn delete(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    Path(id): Path<String>,
    params: Params,
) -> Result<StatusCode, ApiError> {
    caller.authorize(&endpoint, "kms.key-rings.delete")?;
    let ring = parse(&id)?;
    if ring == KeyRing::default() {
        return Err(ApiError::field("key-ring-id", "is `default`, which cannot be deleted"));
    }
    must_exist(&endpoint, caller.instance, &ring).await?;
    let mut keys = endpoint.0.store.list(caller.instance).await?;
    keys.retain(|key| key.record.ring == ring);
    let force = params.flag("force")? == Some(true);
    if !keys.is_empty() && !force {
        let message = format!(
            "The key ring holds {} key(s): delete or move them, or delete the key ring with force=true",
            keys.len()
        );
        return Err(ApiError::conflict("KEY_RING_NOT_EMPTY_ERR", message));
    }
    if keys.iter().any(|key| key.record.state != KeyState::Destroyed) {
        let message = "The key ring holds keys that are not deleted: delete or move them first";
        return Err(ApiError::conflict("KEY_RING_KEYS_NOT_DELETED_ERR", message));
    }
    if !keys.is_empty() {
        caller.authorize(&endpoint, "kms.secrets.patch")?;
    }
    for key in keys {
        let _lock = endpoint.lock_key(key.record.crn.key).await;
        let moved = json!({"ring": KeyRing::default(), "updated_at": endpoint.0.clock.now()});
        endpoint.0.store.change(&key.record.crn, moved, &[]).await?;
    }
    endpoint.0.store.delete_ring(caller.instance, &ring).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Checks that a key ring exists.
pub(super) async fn must_exist(
    endpoint: &Endpoint,
    instance: InstanceId,
    ring: &KeyRing,
) -> Result<(), ApiError> {
    if endpoint.0.store.has_ring(instance, ring).await? {
        return Ok(());
    }
    let message = format!("The key ring {ring} does not exist in this instance: create it first");
    Err(ApiError::new(StatusCode::NOT_FOUND, "KEY_RING_NOT_FOUND_ERR", message))
}

fn describe(ring: &Ring) -> Value {
    json!({
        "id": ring.id,
        "creationDate": representation::date(ring.created_at),
        "createdBy": ring.created_by,
    })
}

fn parse(id: &str) -> Result<KeyRing, ApiError> {
    id.parse().map_err(|error| ApiError::field("key-ring-id", format!("{error}: got `{id}`")))
}
