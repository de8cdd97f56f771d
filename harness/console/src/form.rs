//! Extractor of forms: checks the session and its CSRF token. Requests from other sites are
//! rejected earlier, by the [`Guard`](crate::Guard).

use axum::{
    Form, RequestExt,
    extract::{FromRequest, Request},
    response::Response,
};
use serde::{Deserialize, de::DeserializeOwned};

use crate::{Console, failure::Failure, session::Session, signed_in::SignedIn};

/// A form of a logged-in user.
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
        let Form(Envelope::<T> { csrf, fields }) =
            request.extract().await.map_err(|_| Failure::InvalidForm)?;
        if !session.csrf().matches(&csrf) {
            return Err(Failure::Forged.into());
        }
        Ok(Self { session, fields })
    }
}
