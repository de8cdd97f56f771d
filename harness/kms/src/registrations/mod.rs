//! Registrations of resources with the key that protects them. Services manage the registrations of
//! their resources.

mod change;
mod crn_query;
mod list;

use std::time::Duration;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    response::IntoResponse,
};
use keysync::domain::{KeyState, ResourceCrn};
use serde::Deserialize;
use serde_json::Value;

pub(super) use change::{merge, replace};
pub(super) use list::{list, list_all};

use super::{
    ApiError, Endpoint,
    address::Caller,
    body, representation,
    store::{Registration, StoredKey},
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewRegistration {
    #[serde(default)]
    prevent_key_deletion: bool,
    #[serde(default)]
    description: String,
}

/// Registers a resource. The path contains its CRN, percent-encoded.
pub(super) async fn create(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    Path((name, resource_crn)): Path<(String, String)>,
    body: Bytes,
) -> Result<impl IntoResponse, ApiError> {
    let key = caller.key(&endpoint, "kms.registrations.create", Path(name)).await?;
    let fields: NewRegistration = body::one(&body)?;
    let now = endpoint.0.clock.now();
    check_can_protect(&key, now)?;
    let resource_crn: ResourceCrn =
        resource_crn.parse().map_err(|error| ApiError::field("resourceCrn", error))?;
    let crn = &key.record.crn;
    let existing = endpoint.0.store.registrations(crn).await?;
    if existing.iter().any(|registration| registration.resource_crn == resource_crn) {
        let message = format!("The resource {resource_crn} is already registered with this key");
        return Err(ApiError::conflict("REGISTRATION_EXISTS_ERR", message));
    }
    let by = caller.principal.iam_id.clone();
    let registration = Registration {
        key_id: crn.key,
        resource_crn,
        description: fields.description,
        prevent_key_deletion: fields.prevent_key_deletion,
        created_at: now,
        created_by: Some(by.clone()),
        updated_at: now,
        updated_by: Some(by),
        key_version: Some(key.record.version.clone()),
    };
    endpoint.0.store.put_registration(crn, &registration).await?;
    let resource = &registration.resource_crn;
    endpoint.wait_until_processed(endpoint.0.events.registration(crn, resource, true, now)).await?;
    Ok((StatusCode::CREATED, single(&registration, &key)))
}

/// Deletes the registration of a resource that no longer uses the key.
pub(super) async fn delete(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    Path((name, resource_crn)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let key = caller.key(&endpoint, "kms.registrations.delete", Path(name)).await?;
    let crn = &key.record.crn;
    let Registration { resource_crn, created_at, .. } = find(&endpoint, &key, &resource_crn).await?;
    // The deletion must be later than the creation, even within the same millisecond.
    let at = endpoint.0.clock.now().max(created_at.plus(Duration::from_millis(1)));
    endpoint.wait_until_processed(endpoint.0.events.registration(crn, &resource_crn, false, at)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Checks that a key can protect a new resource: only an active root key can.
fn check_can_protect(key: &StoredKey, now: keysync::domain::EpochMillis) -> Result<(), ApiError> {
    let error = |code, message: &str| ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, code, message);
    if !key.is_root() {
        let message = "Requested action can only be completed with a root key";
        return Err(error("KEY_ROOT_REQ_REG_ERR", message));
    }
    match key.state(now) {
        KeyState::Active => Ok(()),
        state => {
            let message =
                format!("Key is not in a valid state: it is {state:?} and cannot protect a resource");
            Err(error("KEY_INVALID_STATE_ERR", &message))
        }
    }
}

async fn find(endpoint: &Endpoint, key: &StoredKey, resource_crn: &str) -> Result<Registration, ApiError> {
    let existing = endpoint.0.store.registrations(&key.record.crn).await?;
    let mut found = existing.into_iter().filter(|found| found.resource_crn.to_string() == resource_crn);
    found.next().ok_or_else(|| {
        let message = format!("The resource {resource_crn} is not registered with this key");
        ApiError::new(StatusCode::NOT_FOUND, "REGISTRATION_NOT_FOUND_ERR", message)
    })
}

fn single(registration: &Registration, key: &StoredKey) -> Json<Value> {
    let json = representation::registration(registration, key.description.name.as_deref());
    representation::collection("registration", &[json])
}
