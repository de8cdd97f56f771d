//! Making, listing and reading keys.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::IntoResponse,
};
use keysync::key::{Alias, InstanceCrn, KeyFacts, KeyId, KeyState, KeyType, KeyVersion, LifecycleAction};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{ApiError, Endpoint, address::Caller, representation, store::Description};

#[derive(Deserialize)]
pub(super) struct NewKeys {
    resources: [NewKeyFields; 1],
}

#[derive(Deserialize)]
struct NewKeyFields {
    name: String,
    description: Option<String>,
    #[serde(default = "extractable_by_default")]
    extractable: bool,
}

/// The documented service makes a standard key where the request does not say.
fn extractable_by_default() -> bool {
    true
}

pub(super) async fn create(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    Json(NewKeys { resources: [fields] }): Json<NewKeys>,
) -> Result<impl IntoResponse, ApiError> {
    caller.may(&endpoint, "kms.secrets.create")?;
    let instance = endpoint.0.iam.instance(caller.instance).ok_or_else(ApiError::key_not_found)?;
    let crn = InstanceCrn {
        service: "hs-crypto".to_owned(),
        region: instance.region,
        account: instance.account,
        instance: caller.instance,
    };
    let (id, now) = (KeyId::random(), endpoint.0.clock.now());
    let facts = KeyFacts {
        crn: crn.key(id),
        key_type: if fields.extractable { KeyType::Standard } else { KeyType::Root },
        state: KeyState::Active,
        ring: caller.ring.clone().unwrap_or_default(),
        version: KeyVersion { id: id.to_string(), created_at: now },
    };
    let description = Description {
        name: fields.name,
        text: fields.description,
        created_at: now,
        created_by: caller.principal.iam_id.clone(),
    };
    endpoint.0.store.describe(&facts.crn, &description).await?;
    endpoint.taken(endpoint.0.events.action(LifecycleAction::Create, &facts, now)).await?;
    let key = endpoint.0.store.get(caller.instance, id).await?;
    Ok((StatusCode::CREATED, representation::collection("key", &[representation::key(&key)])))
}

pub(super) async fn list(State(endpoint): State<Endpoint>, caller: Caller) -> Result<Json<Value>, ApiError> {
    caller.may(&endpoint, "kms.secrets.list")?;
    let mut keys = endpoint.0.store.list(caller.instance).await?;
    keys.retain(|key| caller.ring.as_ref().is_none_or(|ring| *ring == key.record.ring));
    Ok(representation::collection("key", &keys.iter().map(representation::key).collect::<Vec<_>>()))
}

pub(super) async fn get(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    name: Path<String>,
) -> Result<Json<Value>, ApiError> {
    let id = caller.key(&endpoint, "kms.secrets.readmetadata", name).await?;
    let key = endpoint.0.store.get(caller.instance, id).await?;
    Ok(representation::collection("key", &[representation::key(&key)]))
}

pub(super) async fn create_alias(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    Path((name, alias)): Path<(String, String)>,
) -> Result<impl IntoResponse, ApiError> {
    let id = caller.key(&endpoint, "kms.secrets.createalias", Path(name)).await?;
    let alias: Alias = alias.parse().map_err(|error| ApiError::field("alias", error))?;
    let key = endpoint.0.store.get(caller.instance, id).await?;
    endpoint.0.store.create_alias(&key.record.crn, &alias).await?;
    let resource = json!({"keyId": id, "alias": alias, "createdBy": caller.principal.iam_id});
    Ok((StatusCode::CREATED, representation::collection("alias", &[resource])))
}
