//! The header `Prefer`: how much of a resource an answer tells (RFC 7240, `return`).

use std::convert::Infallible;

use axum::{
    extract::FromRequestParts,
    http::{HeaderValue, request::Parts},
};

/// What the caller wants to see of what was changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Prefer {
    /// As the call answers by itself. Preferences that are not known are passed over.
    #[default]
    Unsaid,
    /// As little as there is.
    Minimal,
    /// All of it.
    Representation,
}

impl<S: Sync> FromRequestParts<S> for Prefer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(match parts.headers.get("prefer").map(HeaderValue::as_bytes) {
            Some(b"return=minimal") => Self::Minimal,
            Some(b"return=representation") => Self::Representation,
            _ => Self::Unsaid,
        })
    }
}
