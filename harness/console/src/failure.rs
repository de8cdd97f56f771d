//! What went wrong, as a page that says what to do.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use axum_extra::extract::CookieJar;
use http::StatusCode;

use crate::{Console, api::ApiError, pages, pages::why::why};

/// Why a page cannot be shown.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// The API refused, or did not answer.
    Api {
        status: StatusCode,
        text: String,
        /// For whoever looks into it.
        correlation_id: Option<String>,
    },
    /// There is no such page.
    NoPage,
    /// There is no such instance, or not for whoever asks.
    NoInstance,
    /// The key's state does not allow the action.
    NotInThisState {
        /// What cannot be done.
        title: &'static str,
        /// The state, by its name.
        state: String,
    },
    /// A form without its fields, or one that is too long.
    BadForm,
    /// A form that this console did not make for whoever sent it.
    Forged,
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        let text = why(&error);
        match error {
            ApiError::Refused(refusal) => {
                let status = match refusal.status {
                    // Who is logged in and may not is forbidden, whatever the API says.
                    StatusCode::UNAUTHORIZED => StatusCode::FORBIDDEN,
                    status if status.is_client_error() => status,
                    // A redirect is for this console, which follows none; a browser must not see it.
                    _ => StatusCode::BAD_GATEWAY,
                };
                Self::Api { status, text, correlation_id: refusal.correlation_id }
            }
            ApiError::Unreachable(_) | ApiError::Unreadable(_) => {
                Self::Api { status: StatusCode::BAD_GATEWAY, text, correlation_id: None }
            }
        }
    }
}

impl Failure {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Api { status, .. } => *status,
            Self::NoPage | Self::NoInstance => StatusCode::NOT_FOUND,
            Self::NotInThisState { .. } => StatusCode::CONFLICT,
            Self::BadForm => StatusCode::BAD_REQUEST,
            Self::Forged => StatusCode::FORBIDDEN,
        }
    }
}

/// The page is made by [`explain`], which knows who is logged in.
impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Failure> for Response {
    fn from(failure: Failure) -> Self {
        failure.into_response()
    }
}

/// Turns failures into pages.
pub(crate) async fn explain(State(console): State<Console>, request: Request, next: Next) -> Response {
    let cookies = CookieJar::from_headers(request.headers());
    let response = next.run(request).await;
    let failure = match response.extensions().get::<Failure>() {
        Some(failure) => failure.clone(),
        None if response.status() == StatusCode::METHOD_NOT_ALLOWED => Failure::NoPage,
        // A path whose ids are none.
        None if response.status() == StatusCode::BAD_REQUEST => Failure::NoPage,
        None => return response,
    };
    let session = console.sessions.find(&cookies, console.now());
    (failure.status(), pages::failure::show(&failure, session.as_ref())).into_response()
}
