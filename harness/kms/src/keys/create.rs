//! Creation of keys.

use axum::{
    body::Bytes,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use keysync::domain::{InstanceCrn, KeyFacts, KeyId, KeyState, KeyType, KeyVersion, LifecycleAction};
use serde_json::json;

use super::{
    fields::{Fields, NewMaterial},
    minimal, single,
};
use crate::{
    ApiError, Endpoint,
    address::Caller,
    body, import_tokens,
    policies::{self, Defaults},
    prefer::Prefer,
    rings,
    store::{Description, Version},
};

pub(crate) async fn create(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    prefer: Prefer,
    body: Bytes,
) -> Result<Response, ApiError> {
    caller.authorize(&endpoint, "kms.secrets.create")?;
    let fields: Fields = body::one(&body)?;
    if fields.policies.any() {
        let problem = "is not supported here: use POST /api/v2/keys_with_policy_overrides";
        return Err(ApiError::field("dualAuthDelete or rotation", problem));
    }
    create_key(&endpoint, &caller, prefer, &fields, RotationPolicy::RequestOrInstance).await
}

/// Creates a key with policies that replace those of the instance. Without a rotation policy in the
/// request the key has none.
pub(crate) async fn create_with_policies(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    prefer: Prefer,
    body: Bytes,
) -> Result<Response, ApiError> {
    caller.authorize(&endpoint, "kms.secrets.create")?;
    caller.authorize(&endpoint, "kms.policies.write")?;
    let fields: Fields = body::one(&body)?;
    create_key(&endpoint, &caller, prefer, &fields, RotationPolicy::RequestOnly).await
}

/// Source of a new key's rotation policy.
#[derive(Clone, Copy, PartialEq, Eq)]
enum RotationPolicy {
    /// The request, or the instance if the request has none.
    RequestOrInstance,
    /// The request alone.
    RequestOnly,
}

async fn create_key(
    endpoint: &Endpoint,
    caller: &Caller,
    prefer: Prefer,
    fields: &Fields,
    source: RotationPolicy,
) -> Result<Response, ApiError> {
    let instance = endpoint.0.iam.instance(caller.instance).ok_or_else(ApiError::key_not_found)?;
    let ring = caller.ring.clone().unwrap_or_default();
    rings::must_exist(endpoint, caller.instance, &ring).await?;
    let (id, now) = (KeyId::random(), endpoint.0.clock.now());
    let root = !fields.extractable;
    let new = if root { fields.import.of_root_key()? } else { fields.import.of_standard_key()? };
    let defaults = policies::defaults(endpoint, caller.instance).await?;
    defaults.allow(root, &new)?;

    let crn = InstanceCrn {
        service: "hs-crypto".to_owned(),
        region: instance.region,
        account: instance.account,
        instance: caller.instance,
    };
    let facts = KeyFacts {
        crn: crn.key(id),
        key_type: if root { KeyType::Root } else { KeyType::Standard },
        state: KeyState::Active,
        ring,
        version: KeyVersion { id: id.to_string(), created_at: now },
    };
    let description = describe(endpoint, caller, fields, &new, &defaults, source)?;
    let material = import_tokens::material(endpoint, caller.instance, new).await?;
    let version = Version::of(&facts.version, material);
    let by = &caller.principal.iam_id;
    endpoint.0.store.create_key(&facts.crn, &description, &version, now, by).await?;
    endpoint.wait_until_processed(endpoint.0.events.action(LifecycleAction::Create, &facts, now)).await?;

    let key = endpoint.0.store.get(caller.instance, id).await?;
    let mut response = if prefer == Prefer::Minimal { minimal(&key) } else { single(endpoint, &key) };
    if prefer == Prefer::Representation && !root {
        response["resources"][0]["payload"] = json!(version.material.to_base64());
    }
    Ok((StatusCode::CREATED, response).into_response())
}

fn describe(
    endpoint: &Endpoint,
    caller: &Caller,
    fields: &Fields,
    new: &NewMaterial<'_>,
    defaults: &Defaults,
    source: RotationPolicy,
) -> Result<Description, ApiError> {
    let now = endpoint.0.clock.now();
    let by = &caller.principal.iam_id;
    let imported = !matches!(new, NewMaterial::Generated);
    let dual_auth_delete = fields.policies.dual_auth_delete(None, now, by);
    let rotation = fields.policies.rotation(None, !fields.extractable, imported, now, by)?;
    let inherits = source == RotationPolicy::RequestOrInstance && !fields.extractable && !imported;
    Ok(Description {
        name: Some(fields.name()?),
        text: fields.description()?,
        created_at: Some(now),
        created_by: Some(by.clone()),
        imported,
        aliases: fields.aliases()?,
        tags: fields.tags()?,
        expiration_at: fields.expiration(now)?,
        updated_at: None,
        deleted_by: None,
        dual_auth_delete: dual_auth_delete.or_else(|| defaults.dual_auth_delete(now, by)),
        rotation: rotation.or_else(|| defaults.rotation(now, by).filter(|_| inherits)),
        authorization: None,
    })
}
