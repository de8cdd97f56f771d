//! Failures of pages, which a middleware renders.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use axum_extra::extract::CookieJar;
use http::StatusCode;

use crate::{Console, api::ApiError, pages, pages::why};

/// Why a page cannot be shown.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// An error response of the API, or no response.
    Api {
        status: StatusCode,
        text: String,
        /// For the operator of the service.
        correlation_id: Option<String>,
    },
    /// There is no such page.
    NoPage,
    /// There is no such instance, or the user has no access to it.
    NoInstance,
    /// The key's state does not allow the action.
    InvalidState {
        /// The action that is not possible.
        title: &'static str,
        /// Name of the state.
        state: String,
    },
    /// A form with missing fields, or one that is too large.
    InvalidForm,
    /// A form without the CSRF token of the session.
    Forged,
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        let text = why::explain(&error);
        match error {
            ApiError::Rejected(response) => {
                let status = match response.status {
                    // The user is logged in, so missing access is 403 even if the API responds with
                    // 401.
                    StatusCode::UNAUTHORIZED => StatusCode::FORBIDDEN,
                    status if status.is_client_error() => status,
                    // The console follows no redirects and must not pass one to the browser.
                    _ => StatusCode::BAD_GATEWAY,
                };
                Self::Api { status, text, correlation_id: response.correlation_id }
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
            Self::InvalidState { .. } => StatusCode::CONFLICT,
            Self::InvalidForm => StatusCode::BAD_REQUEST,
            Self::Forged => StatusCode::FORBIDDEN,
        }
    }
}

/// [`explain`] renders the page, as it knows the session.
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

/// Middleware: renders failures as pages.
pub(crate) async fn explain(State(console): State<Console>, request: Request, next: Next) -> Response {
    let cookies = CookieJar::from_headers(request.headers());
    let response = next.run(request).await;
    let failure = match response.extensions().get::<Failure>() {
        Some(failure) => failure.clone(),
        None if response.status() == StatusCode::METHOD_NOT_ALLOWED => Failure::NoPage,
        // A path with an invalid id.
        None if response.status() == StatusCode::BAD_REQUEST => Failure::NoPage,
        None => return response,
    };
    let session = console.sessions.find(&cookies, console.now());
    (failure.status(), pages::failure::show(&failure, session.as_ref())).into_response()
}
