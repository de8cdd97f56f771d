//! Reading of one key.

use axum::{
    Json,
    extract::{Path, State},
};
use keysync::domain::KeyState;
use serde_json::{Value, json};

use super::single;
use crate::{ApiError, Endpoint, address::Caller, query::Params, representation};

/// A key. The response for a standard key contains its material.
pub(crate) async fn get(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    name: Path<String>,
) -> Result<Json<Value>, ApiError> {
    let key = caller.key(&endpoint, "kms.secrets.read", name).await?;
    let mut response = single(&endpoint, &key);
    if !key.is_root() && key.record.state != KeyState::Destroyed {
        let version = endpoint.0.store.version(&key.record.crn, &key.record.version.id).await?;
        if let Some(version) = version {
            response["resources"][0]["payload"] = json!(version.material.to_base64());
        }
    }
    Ok(response)
}

/// A key without its material.
pub(crate) async fn metadata(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    name: Path<String>,
) -> Result<Json<Value>, ApiError> {
    let key = caller.key(&endpoint, "kms.secrets.readmetadata", name).await?;
    Ok(single(&endpoint, &key))
}

/// The versions of a root key, newest first.
pub(crate) async fn versions(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    name: Path<String>,
    params: Params,
) -> Result<Json<Value>, ApiError> {
    let key = caller.key(&endpoint, "kms.secrets-key-versions.list", name).await?;
    if !key.is_root() {
        return Err(ApiError::root_key_required());
    }
    if key.record.state == KeyState::Destroyed && params.flag("allKeyStates")? != Some(true) {
        return Err(ApiError::key_deleted());
    }
    let page = params.page(200)?;
    let versions = endpoint.0.store.versions(&key.record).await?;
    let total = (params.flag("totalCount")? == Some(true)).then_some(versions.len());
    let json = page
        .of(versions)
        .into_iter()
        .map(|version| json!({"id": version.id, "creationDate": representation::date(version.created_at)}));
    Ok(representation::page("key.version", &json.collect::<Vec<_>>(), total))
}
