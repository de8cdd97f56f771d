//! Registrations: which resources a key protects.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::IntoResponse,
};
use keysync::key::{KeyType, ResourceCrn};
use serde::Deserialize;
use serde_json::Value;

use super::{ApiError, Endpoint, address::Caller, representation, store::Registration};

#[derive(Deserialize)]
pub(super) struct NewRegistrations {
    resources: [NewRegistration; 1],
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewRegistration {
    #[serde(default)]
    prevent_key_deletion: bool,
    #[serde(default)]
    description: String,
}

/// The path holds the resource's CRN, percent-encoded.
pub(super) async fn create(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    Path((name, resource_crn)): Path<(String, String)>,
    Json(NewRegistrations { resources: [fields] }): Json<NewRegistrations>,
) -> Result<impl IntoResponse, ApiError> {
    let id = caller.key(&endpoint, "kms.registrations.create", Path(name)).await?;
    let key = endpoint.0.store.get(caller.instance, id).await?;
    if key.record.key_type != KeyType::Root {
        let message = "Only a root key can protect resources";
        return Err(ApiError::new(StatusCode::BAD_REQUEST, "KEY_ROOT_REQ_ERR", message));
    }
    let resource_crn: ResourceCrn =
        resource_crn.parse().map_err(|error| ApiError::field("resourceCrn", error))?;
    let crn = &key.record.crn;
    let standing = endpoint.0.store.registrations(crn).await?;
    if standing.iter().any(|registration| registration.resource_crn == resource_crn) {
        let message = format!("The resource {resource_crn} is registered with this key already");
        return Err(ApiError::conflict("REGISTRATION_EXISTS_ERR", message));
    }
    let registration = Registration {
        key_id: id,
        resource_crn,
        description: fields.description,
        prevent_key_deletion: fields.prevent_key_deletion,
        created_at: endpoint.0.clock.now(),
        created_by: caller.principal.iam_id.clone(),
        key_version: key.record.version.clone(),
    };
    endpoint.0.store.describe_registration(crn, &registration).await?;
    let (resource, at) = (&registration.resource_crn, registration.created_at);
    endpoint.taken(endpoint.0.events.registration(crn, resource, true, at)).await?;
    Ok((StatusCode::CREATED, registration_collection(&[registration])))
}

/// A service that no longer uses the key for a resource says so.
pub(super) async fn delete(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    Path((name, resource_crn)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let id = caller.key(&endpoint, "kms.registrations.delete", Path(name)).await?;
    let crn = endpoint.0.store.get(caller.instance, id).await?.record.crn;
    let standing = endpoint.0.store.registrations(&crn).await?;
    let found = standing.iter().find(|registration| registration.resource_crn.to_string() == resource_crn);
    let Some(Registration { resource_crn, created_at, .. }) = found else {
        let message = format!("The resource {resource_crn} is not registered with this key");
        return Err(ApiError::new(StatusCode::NOT_FOUND, "REGISTRATION_NOT_FOUND_ERR", message));
    };
    // Made and deleted in one millisecond, it was still made first.
    let at = endpoint.0.clock.now().max(created_at.plus(std::time::Duration::from_millis(1)));
    endpoint.taken(endpoint.0.events.registration(&crn, resource_crn, false, at)).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn list(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    name: Path<String>,
) -> Result<Json<Value>, ApiError> {
    let id = caller.key(&endpoint, "kms.registrations.list", name).await?;
    let key = endpoint.0.store.get(caller.instance, id).await?;
    Ok(registration_collection(&endpoint.0.store.registrations(&key.record.crn).await?))
}

pub(super) async fn list_all(
    State(endpoint): State<Endpoint>,
    caller: Caller,
) -> Result<Json<Value>, ApiError> {
    caller.may(&endpoint, "kms.registrations.list")?;
    Ok(registration_collection(&endpoint.0.store.all_registrations(caller.instance).await?))
}

fn registration_collection(registrations: &[Registration]) -> Json<Value> {
    let resources: Vec<_> = registrations.iter().map(representation::registration).collect();
    representation::collection("registration", &resources)
}
