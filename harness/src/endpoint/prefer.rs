//! The header `Prefer`: how much of a resource an answer tells (RFC 7240, `return`).

use axum::{extract::FromRequestParts, http::request::Parts};

use super::ApiError;

/// What the caller wants to see of what was changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Prefer {
    /// As the call answers by itself.
    #[default]
    Unsaid,
    /// As little as there is.
    Minimal,
    /// All of it.
    Representation,
}

impl<S: Sync> FromRequestParts<S> for Prefer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Some(value) = parts.headers.get("prefer") else { return Ok(Self::Unsaid) };
        match value.as_bytes() {
            b"return=minimal" => Ok(Self::Minimal),
            b"return=representation" => Ok(Self::Representation),
            other => {
                let other = String::from_utf8_lossy(other);
                let problem = format!("must be return=minimal or return=representation: got `{other}`");
                Err(ApiError::field("prefer", problem))
            }
        }
    }
}
