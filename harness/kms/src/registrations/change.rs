//! Changes of a registration: of single fields (`PATCH`), or of all fields (`PUT`).

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
};
use keysync::domain::KeyVersion;
use serde::Deserialize;
use serde_json::Value;

use super::{find, single};
use crate::{
    ApiError, Endpoint,
    address::Caller,
    body,
    store::{Registration, StoredKey},
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Changes {
    prevent_key_deletion: Option<bool>,
    description: Option<String>,
    key_version_id: Option<String>,
}

/// Omitted fields get the defaults of a new registration.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Replacement {
    #[serde(default)]
    prevent_key_deletion: bool,
    #[serde(default)]
    description: String,
    key_version_id: Option<String>,
}

pub(crate) async fn merge(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    Path((name, resource_crn)): Path<(String, String)>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let key = caller.key(&endpoint, "kms.registrations.merge", Path(name)).await?;
    change(&endpoint, &caller, &key, &resource_crn, body::one(&body)?).await
}

pub(crate) async fn replace(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    Path((name, resource_crn)): Path<(String, String)>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let key = caller.key(&endpoint, "kms.registrations.write", Path(name)).await?;
    let Replacement { prevent_key_deletion, description, key_version_id } = body::one(&body)?;
    let changes = Changes {
        prevent_key_deletion: Some(prevent_key_deletion),
        description: Some(description),
        key_version_id: key_version_id.or_else(|| Some(key.record.version.id.clone())),
    };
    change(&endpoint, &caller, &key, &resource_crn, changes).await
}

/// Changes a registration. No event is published, because the function does not use these fields.
async fn change(
    endpoint: &Endpoint,
    caller: &Caller,
    key: &StoredKey,
    resource_crn: &str,
    changes: Changes,
) -> Result<Json<Value>, ApiError> {
    let _lock = endpoint.lock_key(key.record.crn.key).await;
    let mut registration = find(endpoint, key, resource_crn).await?;
    if let Some(id) = changes.key_version_id {
        registration.key_version = Some(later_version(endpoint, key, &registration, &id).await?);
    }
    if let Some(prevent) = changes.prevent_key_deletion {
        registration.prevent_key_deletion = prevent;
    }
    if let Some(description) = changes.description {
        registration.description = description;
    }
    registration.updated_at = endpoint.0.clock.now();
    registration.updated_by = Some(caller.principal.iam_id.clone());
    endpoint.0.store.put_registration(&key.record.crn, &registration).await?;
    Ok(single(&registration, key))
}

/// The key version that protects the resource. It must not be older than the present one.
async fn later_version(
    endpoint: &Endpoint,
    key: &StoredKey,
    registration: &Registration,
    id: &str,
) -> Result<KeyVersion, ApiError> {
    let versions = endpoint.0.store.versions(&key.record).await?;
    let found = versions.into_iter().find(|version| version.id == id);
    let earlier = registration.key_version.as_ref();
    found.filter(|found| earlier.is_none_or(|earlier| earlier.created_at <= found.created_at)).ok_or_else(|| {
        let message =
            format!("This request requires that the key version is one of this key, and not older than that of the registration: got `{id}`");
        ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "KEY_VERSION_INVALID", message)
    })
}
