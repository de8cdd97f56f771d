//! Keys: create, list, read, change.

mod create;
mod fields;
mod filter;
mod list;
mod patch;
mod read;
mod search;
mod sort;

pub(super) use create::{create, create_with_policies};
pub(super) use fields::{Import, NewMaterial};
pub(super) use list::{list, total};
pub(super) use patch::patch;
pub(super) use read::{get, metadata, versions};

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{ApiError, Endpoint, address::Caller, prefer::Prefer, representation, store::StoredKey};

/// The response to a change of a key: empty, unless the caller prefers a representation.
pub(super) async fn changed(
    endpoint: &Endpoint,
    caller: &Caller,
    key: &StoredKey,
    prefer: Prefer,
) -> Result<Response, ApiError> {
    if prefer != Prefer::Representation {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let key = endpoint.0.store.get(caller.instance, key.record.crn.key).await?;
    Ok(single(endpoint, &key).into_response())
}

/// A collection of one key.
pub(super) fn single(endpoint: &Endpoint, key: &StoredKey) -> Json<Value> {
    representation::collection("key", &[representation::key(key, endpoint.0.clock.now())])
}

/// A collection of one key, with only its ID.
fn minimal(key: &StoredKey) -> Json<Value> {
    representation::collection("key", &[json!({"id": key.record.crn.key})])
}
