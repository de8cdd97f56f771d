//! The header `Prefer`: how much of a resource a response contains (RFC 7240, `return`).

use std::convert::Infallible;

use axum::{
    extract::FromRequestParts,
    http::{HeaderValue, request::Parts},
};

/// The representation of a changed resource that the caller prefers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Prefer {
    /// The default of the operation. Unknown preferences are ignored.
    #[default]
    Unspecified,
    /// The smallest possible response.
    Minimal,
    /// The whole resource.
    Representation,
}

impl<S: Sync> FromRequestParts<S> for Prefer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(match parts.headers.get("prefer").map(HeaderValue::as_bytes) {
            Some(b"return=minimal") => Self::Minimal,
            Some(b"return=representation") => Self::Representation,
            _ => Self::Unspecified,
        })
    }
}
