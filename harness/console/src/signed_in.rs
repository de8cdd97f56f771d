//! Who is logged in may go on; who is not is shown the way to do so.

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

/// Somebody who is logged in.
pub(crate) struct SignedIn(pub(crate) Session);

impl FromRequestParts<Console> for SignedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Response> {
        let cookies = CookieJar::from_headers(&parts.headers);
        let found = console.sessions.find(&cookies, console.now());
        found.map(Self).ok_or_else(|| Redirect::to(&to_log_in(parts)).into_response())
    }
}

/// The login page, which leads on to where somebody wanted to go.
fn to_log_in(parts: &Parts) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    if parts.method == Method::GET {
        let wanted = parts.uri.path_and_query().map_or("", |path| path.as_str());
        query.append_pair("next", wanted);
    } else {
        query.append_pair("ended", "true");
    }
    format!("/console/login?{}", query.finish())
}

impl Console {
    /// An instance of whoever is logged in, and the calls to it.
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

    /// The resource list, read anew.
    pub(crate) async fn instances(&self, session: &Session) -> Result<Vec<Instance>, ApiError> {
        let instances = self.api.instances(session.token()).await?;
        session.remember(instances.clone());
        Ok(instances)
    }
}
