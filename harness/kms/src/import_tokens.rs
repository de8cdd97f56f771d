//! Import tokens: how a root key's material comes into the service unseen.

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

/// Numbers as the public clients write them: `600` or `600.0`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    expiration: Option<f64>,
    max_allowed_retrievals: Option<f64>,
}

/// Makes the instance's token, in the place of an earlier one.
pub(super) async fn create(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    caller.may(&endpoint, "kms.import-token.create")?;
    let fields: Fields = body::optional(&body)?;
    let expiration = whole("expiration", fields.expiration.unwrap_or(600.0), 300, 86_400)?;
    let retrievals = whole("maxAllowedRetrievals", fields.max_allowed_retrievals.unwrap_or(1.0), 1, 500)?;
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
    let _changing = endpoint.0.changing_policies.lock().await;
    endpoint.0.store.set_import_token(caller.instance, &token).await?;
    Ok(Json(describe(&token)))
}

/// Hands out the public key and the nonce, as often as the token allows.
pub(super) async fn get(State(endpoint): State<Endpoint>, caller: Caller) -> Result<Json<Value>, ApiError> {
    caller.may(&endpoint, "kms.import-token.read")?;
    let _changing = endpoint.0.changing_policies.lock().await;
    let mut token = standing(&endpoint, caller.instance).await?;
    token.remaining_retrievals = token.remaining_retrievals.checked_sub(1).ok_or_else(expired)?;
    endpoint.0.store.set_import_token(caller.instance, &token).await?;
    let mut json = describe(&token);
    json["payload"] = json!(token.transport.public_key);
    json["nonce"] = json!(token.transport.nonce);
    Ok(Json(json))
}

/// The material that a new version is made of.
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
    let token = standing(endpoint, instance).await?;
    let envelope = Envelope { payload, encrypted_nonce, iv, algorithm };
    token.transport.open(&envelope).map_err(|error| match error {
        EnvelopeError::Payload => ApiError::field("payload", error),
        EnvelopeError::NonceOrIv => bad_nonce("INCORRECT_NONCE_IV_ERR", error),
        EnvelopeError::Nonce => bad_nonce("INCORRECT_NONCE_ERR", error),
    })
}

async fn standing(endpoint: &Endpoint, instance: InstanceId) -> Result<ImportToken, ApiError> {
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

fn whole(field: &str, number: f64, least: u32, most: u32) -> Result<u32, ApiError> {
    // A number without a fraction is written without one.
    let found = number.to_string().parse().ok().filter(|whole| (least..=most).contains(whole));
    found.ok_or_else(|| {
        ApiError::field(field, format!("must be a whole number from {least} to {most}: got {number}"))
    })
}

fn expired() -> ApiError {
    ApiError::conflict("IMPORT_TOKEN_EXPIRED_ERR", "The import token has expired: create a new one")
}

fn bad_nonce(code: &'static str, error: EnvelopeError) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, code, format!("The encrypted nonce {error}"))
        .about("encryptedNonce")
}

impl From<CryptoError> for ApiError {
    fn from(error: CryptoError) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERR", error.to_string())
    }
}
