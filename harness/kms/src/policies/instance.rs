//! Policies of an instance.

use std::collections::BTreeSet;

use axum::{Json, body::Bytes, extract::State, http::StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{attributes, mismatch};
use crate::{
    ApiError, Endpoint,
    address::Caller,
    body,
    query::Params,
    representation::{self, date},
    store::{InstancePolicy, PolicyType},
};

#[derive(Deserialize)]
struct Fields {
    policy_type: PolicyType,
    policy_data: PolicyData,
}

/// State and attributes of a policy.
#[derive(Deserialize)]
pub(super) struct PolicyData {
    pub(super) enabled: bool,
    #[serde(default)]
    pub(super) attributes: Value,
}

pub(crate) async fn list(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    params: Params,
) -> Result<Json<Value>, ApiError> {
    caller.authorize(&endpoint, "kms.instance-policies.read")?;
    let only = params.text("policy").map(parse_type).transpose()?;
    let mut policies = endpoint.0.store.instance_policies(caller.instance).await?;
    policies.retain(|policy| only.is_none_or(|only| only == policy.policy_type));
    Ok(representation::collection("policy", &policies.iter().map(describe).collect::<Vec<_>>()))
}

pub(crate) async fn set(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    params: Params,
    body: Bytes,
) -> Result<StatusCode, ApiError> {
    caller.authorize(&endpoint, "kms.instance-policies.write")?;
    let policies: Vec<Fields> = body::several(&body)?;
    check(&policies, params.text("policy"))?;
    let _lock = endpoint.0.instance_lock.lock().await;
    let existing = endpoint.0.store.instance_policies(caller.instance).await?;
    let now = endpoint.0.clock.now();
    for Fields { policy_type, policy_data } in policies {
        let earlier = existing.iter().find(|policy| policy.policy_type == policy_type);
        let by = caller.principal.iam_id.clone();
        let policy = InstancePolicy {
            policy_type,
            enabled: policy_data.enabled,
            attributes: attributes::validated(policy_type, &policy_data)?,
            created_at: earlier.map_or(now, |policy| policy.created_at),
            created_by: earlier.map_or_else(|| by.clone(), |policy| policy.created_by.clone()),
            updated_at: now,
            updated_by: by,
        };
        endpoint.0.store.set_instance_policy(caller.instance, &policy).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

fn check(policies: &[Fields], only: Option<&str>) -> Result<(), ApiError> {
    let kinds: BTreeSet<_> = policies.iter().map(|policy| policy.policy_type).collect();
    if kinds.len() < policies.len() || policies.is_empty() || (only.is_some() && policies.len() > 1) {
        return Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            "NUM_COLLECTION_RESOURCE_ERR",
            "Only a single instance policy may be created per query parameter: Please pass single resource object",
        ));
    }
    if let Some(only) = only.map(parse_type).transpose()?
        && !kinds.contains(&only)
    {
        return Err(mismatch());
    }
    policies
        .iter()
        .try_for_each(|policy| attributes::validated(policy.policy_type, &policy.policy_data).map(drop))
}

fn parse_type(text: &str) -> Result<PolicyType, ApiError> {
    serde_json::from_value(json!(text))
        .map_err(|_| ApiError::field("policy", format!("is not a policy of instances: got `{text}`")))
}

fn describe(policy: &InstancePolicy) -> Value {
    let mut data = json!({"enabled": policy.enabled});
    if !policy.attributes.is_null() {
        data["attributes"] = policy.attributes.clone();
    }
    json!({
        "creationDate": date(policy.created_at),
        "createdBy": policy.created_by,
        "updatedBy": policy.updated_by,
        "lastUpdated": date(policy.updated_at),
        "policy_type": policy.policy_type,
        "policy_data": data,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(policies: &Value, only: Option<&str>) -> String {
        let policies: Vec<Fields> = serde_json::from_value(policies.clone()).unwrap();
        check(&policies, only).err().map(|error| error.code.to_owned()).unwrap_or_default()
    }

    #[test]
    fn rejects_invalid_policies() {
        let dual = json!({"policy_type": "dualAuthDelete", "policy_data": {"enabled": true}});
        let policy = |kind: &str, attributes: Value| json!([{"policy_type": kind, "policy_data": {"enabled": true, "attributes": attributes}}]);
        for (policies, only, code) in [
            (json!([dual]), None, ""),
            (json!([dual]), Some("dualAuthDelete"), ""),
            (json!([dual]), Some("metrics"), "BODY_QUERY_PARAM_MISMATCH_ERR"),
            (json!([dual]), Some("none"), "INVALID_FIELD_ERR"),
            (json!([dual, dual]), None, "NUM_COLLECTION_RESOURCE_ERR"),
            (json!([]), None, "NUM_COLLECTION_RESOURCE_ERR"),
            (policy("allowedIP", json!({"allowed_ip": ["10.0.0.0/8"]})), None, "FEATURE_RESTRICTED_ERR"),
            (policy("rotation", json!({"interval_month": 12})), None, ""),
            (policy("rotation", json!({"interval_month": 13})), None, "INVALID_FIELD_ERR"),
            (policy("rotation", json!({})), None, "INVALID_FIELD_ERR"),
            (policy("allowedNetwork", json!({"allowed_network": "private-only"})), None, ""),
            (policy("allowedNetwork", json!({"allowed_network": "x"})), None, "INVALID_FIELD_ERR"),
        ] {
            assert_eq!(problem(&policies, only), code, "{policies} {only:?}");
        }
    }
}
