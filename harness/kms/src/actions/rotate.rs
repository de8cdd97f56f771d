//! Rotation: creates a new version of a root key.

use axum::{
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
};
use keysync::domain::{KeyVersion, LifecycleAction};
use uuid::Uuid;

use super::lifecycle::publish;
use crate::{
    ApiError, Endpoint,
    address::Caller,
    body, import_tokens,
    keys::{Import, NewMaterial},
    rules,
    store::{StoredKey, Version},
};

pub(crate) async fn rotate(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    name: Path<String>,
    body: Bytes,
) -> Result<StatusCode, ApiError> {
    let key = caller.key(&endpoint, "kms.secrets.rotate", name).await?;
    let import: Import = body::optional(&body)?;
    let _lock = endpoint.lock_key(key.record.crn.key).await;
    let key = endpoint.0.store.get(caller.instance, key.record.crn.key).await?;
    let now = endpoint.0.clock.now();
    let mut facts = key.facts();
    facts.state = rules::next_state(&key, LifecycleAction::Rotate, now)?;
    let new = new_material(&key, &import)?;
    facts.version = KeyVersion { id: Uuid::new_v4().to_string(), created_at: now };
    let material = import_tokens::material(&endpoint, caller.instance, new).await?;
    endpoint.0.store.add_version(&facts.crn, &Version::of(&facts.version, material)).await?;
    publish(&endpoint, &caller, &key, LifecycleAction::Rotate, &facts, now).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The material of the new version. An imported key requires imported material, and a generated key
/// does not accept any.
fn new_material<'a>(key: &StoredKey, import: &'a Import) -> Result<NewMaterial<'a>, ApiError> {
    // The Go client sends an empty payload instead of none.
    let new = match import.payload.as_deref() {
        None | Some("") if import.encrypted_nonce.is_none() && import.iv.is_none() => NewMaterial::Generated,
        _ => import.of_root_key()?,
    };
    match (key.description.imported, &new) {
        (true, NewMaterial::Generated) => Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            "KEY_PAYLOAD_REQ_ERR",
            "This root key was created with user-supplied key material: Key material is required to perform a 'rotate' action",
        )
        .about("payload")),
        (false, NewMaterial::Plain(_) | NewMaterial::Encrypted(..)) => Err(ApiError::field(
            "payload",
            "must be omitted: the service generates the material of this root key",
        )),
        _ => Ok(new),
    }
}
