//! Import tokens: keys that encrypt imported root key material in transit.

use std::time::Duration;

use axum::{Json, body::Bytes, extract::State, http::StatusCode};
use keysync::domain::InstanceId;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    ApiError, Endpoint,
    address::Caller,
    body,
    crypto::{CryptoError, Envelope, EnvelopeError, Material, TransportKey},
    keys::NewMaterial,
    representation::date,
    store::ImportToken,
};

/// Numbers in both forms that the public clients send: `600` and `600.0`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    expiration: Option<f64>,
    max_allowed_retrievals: Option<f64>,
}

/// Creates the instance's import token and replaces an earlier one.
pub(super) async fn create(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    caller.authorize(&endpoint, "kms.import-token.create")?;
    let fields: Fields = body::optional(&body)?;
    let expiration = integer("expiration", fields.expiration.unwrap_or(600.0), 300, 86_400)?;
    let retrievals = integer("maxAllowedRetrievals", fields.max_allowed_retrievals.unwrap_or(1.0), 1, 500)?;
    let transport = tokio::task::spawn_blocking(TransportKey::generate).await.map_err(ApiError::table)?;
    let now = endpoint.0.clock.now();
    let token = ImportToken {
        transport: transport?,
        created_at: now,
        valid_until: now.plus(Duration::from_secs(expiration.into())),
        expiration,
        max_allowed_retrievals: retrievals,
        remaining_retrievals: retrievals,
    };
    let _lock = endpoint.0.instance_lock.lock().await;
    endpoint.0.store.set_import_token(caller.instance, &token).await?;
    Ok(Json(describe(&token)))
}

/// Returns the public key and the nonce, up to the maximum number of retrievals.
pub(super) async fn get(State(endpoint): State<Endpoint>, caller: Caller) -> Result<Json<Value>, ApiError> {
    caller.authorize(&endpoint, "kms.import-token.read")?;
    let _lock = endpoint.0.instance_lock.lock().await;
    let mut token = valid_token(&endpoint, caller.instance).await?;
    token.remaining_retrievals = token.remaining_retrievals.checked_sub(1).ok_or_else(expired)?;
    endpoint.0.store.set_import_token(caller.instance, &token).await?;
    let mut json = describe(&token);
    json["payload"] = json!(token.transport.public_key);
    json["nonce"] = json!(token.transport.nonce);
    Ok(Json(json))
}

/// Generates or decrypts the material of a new version, or takes it from the request.
pub(super) async fn material(
    endpoint: &Endpoint,
    instance: InstanceId,
    new: NewMaterial<'_>,
) -> Result<Material, ApiError> {
    let (payload, encrypted_nonce, iv, algorithm) = match new {
        NewMaterial::Generated => return Ok(Material::generate()?),
        NewMaterial::Plain(material) => return Ok(material),
        NewMaterial::Encrypted(payload, nonce, iv, algorithm) => (payload, nonce, iv, algorithm),
    };
    let token = valid_token(endpoint, instance).await?;
    let envelope = Envelope { payload, encrypted_nonce, iv, algorithm };
    token.transport.open(&envelope).map_err(|error| match error {
        EnvelopeError::Payload => ApiError::field("payload", error),
        EnvelopeError::NonceOrIv => invalid_nonce("INCORRECT_NONCE_IV_ERR", error),
        EnvelopeError::Nonce => invalid_nonce("INCORRECT_NONCE_ERR", error),
    })
}

async fn valid_token(endpoint: &Endpoint, instance: InstanceId) -> Result<ImportToken, ApiError> {
    let token = endpoint.0.store.import_token(instance).await?.ok_or_else(|| {
        let message = "The instance has no import token: create one with POST /api/v2/import_token";
        ApiError::new(StatusCode::NOT_FOUND, "IMPORT_TOKEN_NOT_FOUND_ERR", message)
    })?;
    if endpoint.0.clock.now() < token.valid_until { Ok(token) } else { Err(expired()) }
}

fn describe(token: &ImportToken) -> Value {
    json!({
        "expiration": token.expiration,
        "maxAllowedRetrievals": token.max_allowed_retrievals,
        "remainingRetrievals": token.remaining_retrievals,
        "creationDate": date(token.created_at),
        "expirationDate": date(token.valid_until),
    })
}

fn integer(field: &str, number: f64, least: u32, most: u32) -> Result<u32, ApiError> {
    // An `f64` without a fraction is formatted without a decimal point.
    let found = number.to_string().parse().ok().filter(|integer| (least..=most).contains(integer));
    found.ok_or_else(|| {
        ApiError::field(field, format!("must be an integer from {least} to {most}: got {number}"))
    })
}

fn expired() -> ApiError {
    ApiError::conflict("IMPORT_TOKEN_EXPIRED_ERR", "The import token has expired: create a new one")
}

fn invalid_nonce(code: &'static str, error: EnvelopeError) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, code, format!("The encrypted nonce {error}"))
        .about("encryptedNonce")
}

impl From<CryptoError> for ApiError {
    fn from(error: CryptoError) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERR", error.to_string())
    }
}
