//! Keys in a simple form, for test suites.

use axum::{Json, http::StatusCode};
use keysync::domain::{EpochMillis, KeyId, window};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Running,
    problem::Problem,
    request::{Body, Path},
    response::UnknownKey,
};
use crate::{Key, NewKey, parts::Parts};
use keysync_kms_emulator::{Registration, StoredKey};

/// A key and its notifications.
#[derive(Serialize, ToSchema)]
pub(super) struct KeyView {
    id: String,
    /// The name; null if the key is known by lifecycle events only.
    name: Option<String>,
    /// `root` or `standard`.
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    key_type: keysync::domain::KeyType,
    /// 1 active, 2 suspended, 3 deactivated, 5 destroyed.
    #[schema(value_type = u8)]
    state: keysync::domain::KeyState,
    /// The latest lifecycle action.
    #[schema(value_type = String)]
    last_action: keysync::domain::LifecycleAction,
    /// The number of the last notification.
    sequence: u64,
    /// The instant of the last notification, RFC 3339.
    notified_at: Option<String>,
    /// The instant from which a sync succeeds, RFC 3339; null if it succeeds now.
    sync_from: Option<String>,
    /// The CRNs of the registered resources.
    protects: Vec<String>,
    /// The services that have not confirmed the last notification.
    pending: Vec<String>,
}

#[derive(Deserialize, ToSchema)]
pub(super) struct KeyRequest {
    #[serde(default = "default_name")]
    #[schema(example = "invoices")]
    name: String,
    /// Whether it is a standard key, which protects no resources.
    #[serde(default)]
    standard: bool,
    /// An alias.
    alias: Option<String>,
    /// The resources that it protects.
    #[serde(default)]
    protects: Vec<ResourceRequest>,
}

#[derive(Deserialize, ToSchema)]
pub(super) struct ResourceRequest {
    /// The service, by its CRN service name.
    #[schema(example = "cloud-object-storage")]
    service: String,
    /// The resource's name.
    #[schema(example = "bucket")]
    resource: String,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Registered {
    /// The resource's CRN.
    resource_crn: String,
}

fn default_name() -> String {
    "a-key".to_owned()
}

/// All keys that are not purged, oldest first.
#[utoipa::path(get, operation_id = "list_keys", path = "/_harness/keys", tag = "keys", responses((status = 200, body = Vec<KeyView>, description = "The keys")))]
pub(super) async fn list(Running(parts): Running) -> Result<Json<Vec<KeyView>>, Problem> {
    let (store, now) = (parts.kms.endpoint.store(), parts.context.clock.now());
    let registrations = store.all_registrations(parts.instance()).await?;
    let keys = store.list(parts.instance()).await?;
    Ok(Json(keys.into_iter().map(|key| view(key, &registrations, now)).collect()))
}

/// A key.
#[utoipa::path(
    get, operation_id = "get_key", path = "/_harness/keys/{id}", tag = "keys", params(("id" = String, Path, description = "The key's id")),
    responses((status = 200, body = KeyView, description = "The key"), UnknownKey)
)]
pub(super) async fn get(Running(parts): Running, Path(id): Path<String>) -> Result<Json<KeyView>, Problem> {
    Ok(Json(look_up(&parts, &id).await?))
}

/// Creates a key with its registrations and alias.
#[utoipa::path(
    post, operation_id = "create_key", path = "/_harness/keys", tag = "keys", request_body = KeyRequest,
    responses(
        (status = 201, body = KeyView, description = "The key"),
        (status = 409, body = Problem, description = "Another key has the alias"),
        (status = 422, body = Problem, description = "A standard key protects nothing")
    )
)]
pub(super) async fn create(
    Running(parts): Running,
    Body(request): Body<KeyRequest>,
) -> Result<(StatusCode, Json<KeyView>), Problem> {
    let mut key = NewKey::new(&parts, &request.name);
    if request.standard {
        key = key.standard();
    }
    if let Some(alias) = &request.alias {
        key = key.alias(alias);
    }
    for ResourceRequest { service, resource } in &request.protects {
        key = key.with_registration(service, resource);
    }
    let id = key.create().await?.id().to_owned();
    Ok((StatusCode::CREATED, Json(look_up(&parts, &id).await?)))
}

/// Protects a resource with a key, and registers it as the service would.
#[utoipa::path(
    post, operation_id = "register_resource", path = "/_harness/keys/{id}/registrations", tag = "keys", request_body = ResourceRequest,
    params(("id" = String, Path, description = "The key's id")),
    responses(
        (status = 201, body = Registered, description = "The resource's CRN"),
        UnknownKey,
        (status = 409, body = Problem, description = "The resource is already registered"),
        (status = 422, body = Problem, description = "Only an active root key can protect more resources")
    )
)]
pub(super) async fn register(
    Running(parts): Running,
    Path(id): Path<String>,
    Body(ResourceRequest { service, resource }): Body<ResourceRequest>,
) -> Result<(StatusCode, Json<Registered>), Problem> {
    let key = Key::new(id, parts.manager().await?, parts.owner());
    let resource_crn = key.protect(&service, &resource).await?.to_string();
    Ok((StatusCode::CREATED, Json(Registered { resource_crn })))
}

async fn look_up(parts: &Parts, id: &str) -> Result<KeyView, Problem> {
    let id: KeyId = id.parse().map_err(|error| Problem::bad(format!("`id` {error}: got `{id}`")))?;
    let store = parts.kms.endpoint.store();
    let key = store.get(parts.instance(), id).await?;
    let registrations = store.registrations(&key.record.crn).await?;
    Ok(view(key, &registrations, parts.context.clock.now()))
}

fn view(
    StoredKey { record, description }: StoredKey,
    registrations: &[Registration],
    now: EpochMillis,
) -> KeyView {
    let own = registrations.iter().filter(|registration| registration.key_id == record.crn.key);
    let opens = record.notified_at.map(window::opens_at).filter(|opens| *opens > now);
    KeyView {
        id: record.crn.key.to_string(),
        name: description.name,
        key_type: record.key_type,
        state: record.state,
        last_action: record.event.action,
        sequence: record.sequence,
        notified_at: record.notified_at.map(|at| at.to_string()),
        sync_from: opens.map(|opens| opens.ceil_to_second().whole_seconds().to_string()),
        protects: own.map(|registration| registration.resource_crn.to_string()).collect(),
        pending: record.pending.into_keys().map(|name| name.to_string()).collect(),
    }
}
