//! Move of a key to another key ring.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
};
use keysync::domain::KeyRing;
use serde::Deserialize;
use serde_json::{Value, json};

use super::single;
use crate::{ApiError, Endpoint, address::Caller, body, rings};

/// The Go client capitalizes the field's name.
#[derive(Deserialize)]
struct Fields {
    #[serde(rename = "keyRingID", alias = "KeyRingID")]
    ring: String,
}

/// Moves a key to another key ring. No event is published: the function reads it from the key's
/// item.
pub(crate) async fn patch(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    name: Path<String>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let key = caller.key(&endpoint, "kms.secrets.patch", name).await?;
    let Fields { ring } = body::fields(&body)?;
    let ring: KeyRing =
        ring.parse().map_err(|error| ApiError::field("keyRingID", format!("{error}: got `{ring}`")))?;
    let crn = &key.record.crn;
    let _lock = endpoint.lock_key(crn.key).await;
    rings::must_exist(&endpoint, caller.instance, &ring).await?;
    endpoint.0.store.change(crn, json!({"ring": ring, "updated_at": endpoint.0.clock.now()}), &[]).await?;
    Ok(single(&endpoint, &endpoint.0.store.get(caller.instance, crn.key).await?))
}
