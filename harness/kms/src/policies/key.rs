//! Policies of one key.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
};
use keysync::domain::KeyState;
use serde_json::{Value, json};

use super::{PolicyFields, mismatch};
use crate::{
    ApiError, Endpoint,
    address::Caller,
    body,
    query::Params,
    representation::{self, date},
    store::{KeyPolicy, StoredKey},
};

pub(crate) async fn list(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    name: Path<String>,
    params: Params,
) -> Result<Json<Value>, ApiError> {
    let key = caller.key(&endpoint, "kms.policies.read", name).await?;
    response(&key, params.text("policy"))
}

pub(crate) async fn set(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    name: Path<String>,
    params: Params,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let key = caller.key(&endpoint, "kms.policies.write", name).await?;
    let policies: Vec<PolicyFields> = body::several(&body)?;
    if params.text("policy").is_some_and(|policy| !policies.iter().all(|fields| fields.is_only(policy))) {
        return Err(mismatch());
    }
    let crn = &key.record.crn;
    let _lock = endpoint.lock_key(crn.key).await;
    let key = endpoint.0.store.get(caller.instance, crn.key).await?;
    if key.record.state == KeyState::Destroyed {
        return Err(ApiError::key_deleted());
    }
    let now = endpoint.0.clock.now();
    let by = &caller.principal.iam_id;
    let mut changed = json!({"updated_at": now});
    let description = &key.description;
    for fields in &policies {
        let (earlier, imported) = (description.rotation.as_ref(), description.imported);
        if let Some(policy) = fields.rotation(earlier, key.is_root(), imported, now, by)? {
            changed["rotation"] = json!(policy);
        }
        let earlier = description.dual_auth_delete.as_ref();
        if let Some(policy) = fields.dual_auth_delete(earlier, now, by) {
            changed["dual_auth_delete"] = json!(policy);
        }
    }
    // An authorization belongs to the policy under which it was given.
    let withdrawn = changed["dual_auth_delete"]["enabled"] == false;
    let removed: &[&str] = if withdrawn { &["authorization"] } else { &[] };
    endpoint.0.store.change(crn, changed, removed).await?;
    let key = endpoint.0.store.get(caller.instance, crn.key).await?;
    response(&key, params.text("policy"))
}

/// All policies of the key, or only the requested one.
fn response(key: &StoredKey, only: Option<&str>) -> Result<Json<Value>, ApiError> {
    if let Some(other) = only.filter(|only| !matches!(*only, "dualAuthDelete" | "rotation")) {
        return Err(ApiError::field("policy", format!("must be dualAuthDelete or rotation: got `{other}`")));
    }
    let dual_auth = |policy: &KeyPolicy| json!({"enabled": policy.enabled});
    let policies = [
        (
            "dualAuthDelete",
            key.description.dual_auth_delete.as_ref().map(|policy| (policy, dual_auth(policy))),
        ),
        (
            "rotation",
            key.description.rotation.as_ref().map(|policy| (policy, representation::rotation(policy))),
        ),
    ];
    let selected = policies.into_iter().filter(|(kind, _)| only.is_none_or(|only| only == *kind));
    let policies: Vec<Value> = selected
        .filter_map(|(kind, policy)| policy.map(|(policy, data)| describe(key, policy, kind, data)))
        .collect();
    Ok(representation::collection("policy", &policies))
}

fn describe(key: &StoredKey, policy: &KeyPolicy, kind: &str, data: Value) -> Value {
    let instance = key.record.crn.instance.to_string();
    let crn = format!("{}:policy:{}", instance.trim_end_matches(':'), policy.id);
    let mut json = json!({
        "type": "application/vnd.ibm.kms.policy+json",
        "id": policy.id,
        "crn": crn,
        "creationDate": date(policy.created_at),
        "createdBy": policy.created_by,
        "lastUpdateDate": date(policy.updated_at),
        "updatedBy": policy.updated_by,
    });
    json[kind] = data;
    json
}
