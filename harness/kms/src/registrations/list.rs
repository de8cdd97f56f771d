//! Listing of registrations, of one key or of all keys.

use std::collections::HashMap;

use axum::{
    Json,
    extract::{Path, State},
};
use keysync::domain::KeyId;
use serde_json::Value;

use super::crn_query::CrnQuery;
use crate::{
    ApiError, Endpoint,
    address::Caller,
    query::Params,
    representation,
    store::{Registration, StoredKey},
};

pub(crate) async fn list(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    name: Path<String>,
    params: Params,
) -> Result<Json<Value>, ApiError> {
    let key = caller.key(&endpoint, "kms.registrations.list", name).await?;
    let query = params.text("urlEncodedResourceCRNQuery").map(CrnQuery::parse).transpose()?;
    let found = endpoint.0.store.registrations(&key.record.crn).await?;
    selected(found, &[key], query.as_ref(), &params)
}

pub(crate) async fn list_all(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    params: Params,
) -> Result<Json<Value>, ApiError> {
    caller.authorize(&endpoint, "kms.registrations.list")?;
    let query = params.text("urlEncodedResourceCRNQuery").map(CrnQuery::parse).transpose()?;
    if let Some(query) = &query {
        query.require_instance()?;
    }
    let mut keys = endpoint.0.store.list(caller.instance).await?;
    keys.retain(|key| caller.in_scope(&key.record.ring));
    let found = endpoint.0.store.all_registrations(caller.instance).await?;
    selected(found, &keys, query.as_ref(), &params)
}

/// The requested page of the matching registrations of `keys`.
fn selected(
    mut found: Vec<Registration>,
    keys: &[StoredKey],
    query: Option<&CrnQuery>,
    params: &Params,
) -> Result<Json<Value>, ApiError> {
    let names: HashMap<KeyId, Option<&str>> =
        keys.iter().map(|key| (key.record.crn.key, key.description.name.as_deref())).collect();
    let (page, prevents) = (params.page(200)?, params.flag("preventKeyDeletion")?);
    found.retain(|registration| {
        names.contains_key(&registration.key_id)
            && prevents.is_none_or(|prevents| prevents == registration.prevent_key_deletion)
            && query.is_none_or(|query| query.matches(&registration.resource_crn))
    });
    let total = (params.flag("totalCount")? == Some(true)).then_some(found.len());
    let shown: Vec<Value> = page
        .of(found)
        .iter()
        .map(|found| representation::registration(found, names.get(&found.key_id).copied().flatten()))
        .collect();
    Ok(representation::page("registration", &shown, total))
}
