//! Aliases: alternative names of a key, unique in its instance.

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::IntoResponse,
};
use keysync::domain::Alias;
use serde_json::json;

use super::{ApiError, Endpoint, address::Caller, representation};

/// Maximum number of aliases of a key.
pub(super) const MAX_ALIASES: usize = 5;

/// Words that API paths use, which cannot be aliases.
const RESERVED: [&str; 16] = [
    "allowed_ip",
    "key",
    "keys",
    "metadata",
    "policy",
    "policies",
    "registration",
    "registrations",
    "ring",
    "rings",
    "rotate",
    "wrap",
    "unwrap",
    "rewrap",
    "version",
    "versions",
];

pub(super) async fn create(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    Path((name, alias)): Path<(String, String)>,
) -> Result<impl IntoResponse, ApiError> {
    let key = caller.key(&endpoint, "kms.secrets-alias.create", Path(name)).await?;
    let alias = parse_alias("alias", &alias)?;
    let crn = &key.record.crn;
    let _lock = endpoint.lock_key(crn.key).await;
    let key = endpoint.0.store.get(caller.instance, crn.key).await?;
    if key.description.aliases.len() >= MAX_ALIASES {
        let message = format!("The key has {MAX_ALIASES} aliases, the maximum: delete one first");
        return Err(ApiError::conflict("KEY_ALIAS_QUOTA_ERR", message));
    }
    let (now, by) = (endpoint.0.clock.now(), &caller.principal.iam_id);
    endpoint.0.store.create_alias(crn, &alias, now, by).await?;
    let resource = json!({
        "keyId": crn.key,
        "alias": alias,
        "createdBy": by,
        "creationDate": representation::date(now),
    });
    Ok((StatusCode::CREATED, representation::collection("alias", &[resource])))
}

pub(super) async fn delete(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    Path((name, alias)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let key = caller.key(&endpoint, "kms.secrets-alias.delete", Path(name)).await?;
    let alias = parse_alias("alias", &alias)?;
    let crn = &key.record.crn;
    let _lock = endpoint.lock_key(crn.key).await;
    let key = endpoint.0.store.get(caller.instance, crn.key).await?;
    if !key.description.aliases.contains(&alias) {
        let message = format!("The key has no alias {alias}");
        return Err(ApiError::new(StatusCode::NOT_FOUND, "KEY_ALIAS_NOT_FOUND_ERR", message));
    }
    endpoint.0.store.delete_alias(crn, &alias).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Parses an alias and rejects reserved words. `field` names the field of the error response.
pub(super) fn parse_alias(field: &str, text: &str) -> Result<Alias, ApiError> {
    if RESERVED.contains(&text) {
        return Err(ApiError::field(field, format!("must not be the reserved name `{text}`")));
    }
    text.parse().map_err(|error| ApiError::field(field, format!("{error}: got `{text}`")))
}
