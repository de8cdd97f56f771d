//! Forms: who posts one is logged in and comes from a page of this console.

use axum::{
    Form, RequestExt,
    extract::{FromRequest, Request},
    response::Response,
};
use http::HeaderMap;
use serde::{Deserialize, de::DeserializeOwned};

use crate::{Console, failure::Failure, session::Session, signed_in::SignedIn};

/// A form of somebody who is logged in.
pub(crate) struct Posted<T> {
    pub(crate) session: Session,
    pub(crate) fields: T,
}

#[derive(Deserialize)]
pub(crate) struct Envelope<T> {
    pub(crate) csrf: String,
    #[serde(flatten)]
    pub(crate) fields: T,
}

impl<T: DeserializeOwned + Send + 'static> FromRequest<Console> for Posted<T> {
    type Rejection = Response;

    async fn from_request(mut request: Request, console: &Console) -> Result<Self, Response> {
        let SignedIn(session) = request.extract_parts_with_state(console).await?;
        same_origin(request.headers())?;
        let Form(Envelope::<T> { csrf, fields }) = request.extract().await.map_err(|_| Failure::BadForm)?;
        if !session.csrf().is(&csrf) {
            return Err(Failure::Forged.into());
        }
        Ok(Self { session, fields })
    }
}

/// Browsers say where a request comes from (Fetch Metadata); what does not say so has the token to show.
pub(crate) fn same_origin(headers: &HeaderMap) -> Result<(), Failure> {
    match headers.get("sec-fetch-site").map(http::HeaderValue::as_bytes) {
        None | Some(b"same-origin" | b"none") => Ok(()),
        Some(_) => Err(Failure::Forged),
    }
}
