//! Envelope encryption: wraps, unwraps and rewraps data encryption keys with a root key.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
};
use keysync::domain::KeyState;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    ApiError, Endpoint,
    address::Caller,
    body,
    crypto::{self, Ciphertext, Material},
    rules,
    store::{StoredKey, Version},
};

/// Maximum size of a plaintext, in bytes.
const MAX_BYTES: usize = 4_096;
/// Maximum number of strings of additional authenticated data, and characters of each.
const MAX_AAD: (usize, usize) = (126, 255);

#[derive(Default, Deserialize)]
struct WrapFields {
    plaintext: Option<String>,
    #[serde(default)]
    aad: Vec<String>,
}

#[derive(Deserialize)]
struct UnwrapFields {
    ciphertext: String,
    #[serde(default)]
    aad: Vec<String>,
}

/// Wraps the given plaintext, or a generated key.
pub(crate) async fn wrap(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    name: Path<String>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let key = caller.key(&endpoint, "kms.secrets.wrap", name).await?;
    let WrapFields { plaintext, aad } = body::optional(&body)?;
    rules::check_usable(&key, "wrap", &[KeyState::Active], endpoint.0.clock.now())?;
    check_aad(&aad)?;
    let plaintext = plaintext.filter(|plaintext| !plaintext.is_empty());
    let given = plaintext.as_deref().map(parse_plaintext).transpose()?;
    let version = current(&endpoint, &key).await?;
    let mut response = json!({"keyVersion": {"id": version.id}});
    let plaintext = if let Some(plaintext) = given {
        plaintext
    } else {
        let generated = Material::generate()?;
        response["plaintext"] = json!(generated.to_base64());
        generated
    };
    endpoint.0.store.register_secret(&plaintext);
    response["ciphertext"] = json!(crypto::wrap(&version, &plaintext, &aad)?);
    Ok(Json(response))
}

/// Unwraps a ciphertext. The response to one of an earlier version also contains it wrapped by the
/// current version.
pub(crate) async fn unwrap(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    name: Path<String>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let key = caller.key(&endpoint, "kms.secrets.unwrap", name).await?;
    let Unwrapped { plaintext, version, aad } = unwrapped(&endpoint, &key, "unwrap", &body).await?;
    let mut response = json!({"plaintext": plaintext.to_base64(), "keyVersion": {"id": version.id}});
    if version.id != key.record.version.id {
        let current = current(&endpoint, &key).await?;
        response["ciphertext"] = json!(crypto::wrap(&current, &plaintext, &aad)?);
        response["rewrappedKeyVersion"] = json!({"id": current.id});
    }
    Ok(Json(response))
}

/// Rewraps a ciphertext of any version with the current one, without returning the plaintext.
pub(crate) async fn rewrap(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    name: Path<String>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let key = caller.key(&endpoint, "kms.secrets.rewrap", name).await?;
    let Unwrapped { plaintext, version, aad } = unwrapped(&endpoint, &key, "rewrap", &body).await?;
    let current = current(&endpoint, &key).await?;
    Ok(Json(json!({
        "ciphertext": crypto::wrap(&current, &plaintext, &aad)?,
        "keyVersion": {"id": version.id},
        "rewrappedKeyVersion": {"id": current.id},
    })))
}

struct Unwrapped {
    plaintext: Material,
    version: Version,
    aad: Vec<String>,
}

async fn unwrapped(
    endpoint: &Endpoint,
    key: &StoredKey,
    action: &str,
    body: &[u8],
) -> Result<Unwrapped, ApiError> {
    let UnwrapFields { ciphertext, aad } = body::fields(body)?;
    rules::check_usable(key, action, &[KeyState::Active, KeyState::Deactivated], endpoint.0.clock.now())?;
    check_aad(&aad)?;
    let ciphertext = Ciphertext::parse(&ciphertext).ok_or_else(|| {
        let problem = "must be: the original base64 encoded ciphertext from the wrap operation";
        ApiError::field("ciphertext", problem)
    })?;
    let version = endpoint.0.store.version(&key.record.crn, &ciphertext.handle).await?;
    let version = version.ok_or_else(unprocessable)?;
    let plaintext = crypto::unwrap(&version, &ciphertext, &aad).map_err(|_| unprocessable())?;
    Ok(Unwrapped { plaintext, version, aad })
}

async fn current(endpoint: &Endpoint, key: &StoredKey) -> Result<Version, ApiError> {
    let version = endpoint.0.store.version(&key.record.crn, &key.record.version.id).await?;
    version.ok_or_else(|| {
        let message = "Key metadata became corrupted: the material of its version is missing";
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "INCOMPLETE_METADATA_ERR", message)
    })
}

fn parse_plaintext(text: &str) -> Result<Material, ApiError> {
    Material::from_base64(text).filter(|plaintext| plaintext.bytes().len() <= MAX_BYTES).ok_or_else(|| {
        let problem = format!("must be: a base64 encoded key material of 1 to {MAX_BYTES} bytes");
        ApiError::field("plaintext", problem)
    })
}

fn check_aad(aad: &[String]) -> Result<(), ApiError> {
    let (count, length) = MAX_AAD;
    if aad.len() <= count && aad.iter().all(|text| text.chars().count() <= length) {
        return Ok(());
    }
    Err(ApiError::field("aad", format!("must have at most {count} strings of at most {length} characters")))
}

/// The error for wrong additional data, another key or a changed ciphertext. It does not reveal
/// which of them is the reason.
fn unprocessable() -> ApiError {
    ApiError::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "UNPROCESSABLE_CIPHERTEXT_ERR",
        "The provided ciphertext is invalid or corrupted",
    )
    .about("ciphertext")
}
