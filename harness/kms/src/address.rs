//! Authentication of the caller, and the instance and key that a request addresses.

use axum::{
    extract::{FromRequestParts, Path},
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use keysync::domain::{InstanceId, KeyName, KeyRing};

use super::{ApiError, Endpoint, correlation, store::StoredKey};
use keysync_iam_emulator::Principal;

/// The authenticated caller and the instance of a request. Each action is authorized separately.
pub(super) struct Caller {
    pub(super) instance: InstanceId,
    pub(super) ring: Option<KeyRing>,
    pub(super) principal: Principal,
}

impl FromRequestParts<Endpoint> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, endpoint: &Endpoint) -> Result<Self, ApiError> {
        let headers = &parts.headers;
        correlation::check(headers)?;
        let principal = endpoint.0.iam.authenticate(bearer(headers)?).map_err(|_| unauthorized())?;
        let ring = headers
            .get("x-kms-key-ring")
            .map(|value| parse("x-kms-key-ring", value.as_bytes()))
            .transpose()?;
        Ok(Self { instance: instance(headers)?, ring, principal })
    }
}

impl Caller {
    /// Checks that the caller has a role in the instance that allows `action`.
    pub(super) fn authorize(&self, endpoint: &Endpoint, action: &str) -> Result<(), ApiError> {
        let permitted = endpoint.0.iam.permits(&self.principal, action, self.instance);
        if permitted { Ok(()) } else { Err(unauthorized()) }
    }

    /// Authorizes `action` and then looks up the key that the path names, by ID or alias.
    pub(super) async fn key(
        &self,
        endpoint: &Endpoint,
        action: &str,
        Path(name): Path<String>,
    ) -> Result<StoredKey, ApiError> {
        let name: KeyName = name.parse().map_err(|error| ApiError::field("id", error))?;
        self.authorize(endpoint, action)?;
        let instance = endpoint.0.iam.instance(self.instance).ok_or_else(unauthorized)?.parsed_crn();
        let found = endpoint.0.ledger.resolve(&instance, &name).await.map_err(ApiError::table)?;
        let found = found.ok_or_else(ApiError::key_not_found)?;
        let key = endpoint.0.store.get(self.instance, found.key).await?;
        if self.in_scope(&key.record.ring) { Ok(key) } else { Err(ApiError::key_not_found()) }
    }

    /// Whether `ring` is within the scope of the request: the key ring that it names, or every one
    /// if it names none.
    pub(super) fn in_scope(&self, ring: &KeyRing) -> bool {
        self.ring.as_ref().is_none_or(|requested| requested == ring)
    }
}

fn bearer(headers: &HeaderMap) -> Result<&str, ApiError> {
    let value =
        headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).ok_or_else(unauthorized)?;
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
        _ => Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            "BEARER_SUB_EXTRACTION_ERR",
            "no subject can be read from the `authorization` header; send `Bearer <IAM access token>`",
        )),
    }
}

/// The instance of the header. If the host names an instance as well, they must be equal.
fn instance(headers: &HeaderMap) -> Result<InstanceId, ApiError> {
    let header =
        headers.get("bluemix-instance").ok_or_else(|| ApiError::field("bluemix-instance", "is missing"))?;
    let instance: InstanceId = parse("bluemix-instance", header.as_bytes())?;
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    match instance_of_host(host) {
        Some(other) if other.parse() != Ok(instance) => {
            Err(ApiError::field("bluemix-instance", format!("must name the instance of the host, `{other}`")))
        }
        _ => Ok(instance),
    }
}

fn instance_of_host(host: &str) -> Option<&str> {
    match host.split('.').collect::<Vec<_>>()[..] {
        [instance, "api", _, "hs-crypto", ..] => Some(instance),
        _ => None,
    }
}

pub(super) fn parse<T: std::str::FromStr<Err = keysync::domain::Malformed>>(
    name: &str,
    value: &[u8],
) -> Result<T, ApiError> {
    let text = String::from_utf8_lossy(value);
    text.parse().map_err(|error| ApiError::field(name, format!("{error}: got `{text}`")))
}

fn unauthorized() -> ApiError {
    ApiError::new(
        StatusCode::UNAUTHORIZED,
        "UNAUTHORIZED_ERR",
        "Unauthorized: The user does not have access to the specified resource",
    )
}
