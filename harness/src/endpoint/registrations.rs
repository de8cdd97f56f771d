//! Registrations: which resources a key protects.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::IntoResponse,
};
use keysync::key::KeyType;
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
    if key.key_type != KeyType::Root {
        let message = "Only a root key can protect resources";
        return Err(ApiError::new(StatusCode::BAD_REQUEST, "KEY_ROOT_REQ_ERR", message));
    }
    let registration = Registration {
        key_id: id,
        resource_crn,
        description: fields.description,
        prevent_key_deletion: fields.prevent_key_deletion,
        created_at: endpoint.0.clock.now(),
        created_by: caller.principal.iam_id.clone(),
        key_version: key.version.clone(),
    };
    endpoint.0.store.register(&key, &registration).await?;
    Ok((StatusCode::CREATED, registration_collection(&[registration])))
}

pub(super) async fn list(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    name: Path<String>,
) -> Result<Json<Value>, ApiError> {
    let id = caller.key(&endpoint, "kms.registrations.list", name).await?;
    let key = endpoint.0.store.get(caller.instance, id).await?;
    Ok(registration_collection(&endpoint.0.store.registrations(&key.crn).await?))
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
