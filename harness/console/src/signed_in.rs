//! Extractor of the session; requests without one are redirected to the login page.

use axum::{
    extract::FromRequestParts,
    response::{IntoResponse, Redirect, Response},
};
use axum_extra::extract::CookieJar;
use http::{Method, request::Parts};
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
        found.map(Self).ok_or_else(|| Redirect::to(&login_url(parts)).into_response())
    }
}

/// URL of the login page, which redirects to the requested page afterwards.
fn login_url(parts: &Parts) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    if parts.method == Method::GET {
        let requested = parts.uri.path_and_query().map_or("", |path| path.as_str());
        query.append_pair("next", requested);
    } else {
        query.append_pair("ended", "true");
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
