//! Extractor of the session; requests without one are redirected to the login page.

use axum::{
    extract::FromRequestParts,
    response::{IntoResponse, Redirect, Response},
};
use axum_extra::extract::CookieJar;
use http::{Method, Uri, header, request::Parts};
use uuid::Uuid;

use crate::{
    Console,
    api::{ApiError, Instance, InstanceApi},
    failure::Failure,
    session::Session,
};

/// The session of a logged-in user.
pub(crate) struct SignedIn(pub(crate) Session);

impl FromRequestParts<Console> for SignedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Response> {
        let cookies = CookieJar::from_headers(&parts.headers);
        let found = console.sessions.find(&cookies, console.now());
        let ended = console.sessions.had(&cookies);
        found.map(Self).ok_or_else(|| Redirect::to(&login_url(parts, ended)).into_response())
    }
}

/// URL of the login page, which redirects to the requested page afterwards, or to the page whose
/// form was sent. `ended` tells that there was a session.
pub(crate) fn login_url(parts: &Parts, ended: bool) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    if parts.method == Method::GET {
        query.append_pair("next", parts.uri.path_and_query().map_or("", |path| path.as_str()));
        if ended {
            query.append_pair("ended", "true");
        }
    } else {
        query.append_pair("ended", "true").append_pair("sent", "true");
        // Other sites' forms do not get here, and the login page accepts only pages of the console.
        let referrer = parts.headers.get(header::REFERER).and_then(|value| value.to_str().ok()?.parse().ok());
        if let Some(page) = referrer.as_ref().and_then(Uri::path_and_query) {
            query.append_pair("next", page.as_str());
        }
    }
    format!("/console/login?{}", query.finish())
}

impl Console {
    /// An instance of the user, and its client.
    pub(crate) async fn instance(
        &self,
        session: &Session,
        id: Uuid,
    ) -> Result<(Instance, InstanceApi), Failure> {
        if session.instance(id).is_none() {
            self.instances(session).await?;
        }
        let instance = session.instance(id).ok_or(Failure::NoInstance)?;
        let api = self.api.instance(&instance, session.token());
        Ok((instance, api))
    }

    /// Reads the resource list again.
    pub(crate) async fn instances(&self, session: &Session) -> Result<Vec<Instance>, ApiError> {
        let instances = self.api.instances(session.token()).await?;
        session.remember(instances.clone());
        Ok(instances)
    }
}
