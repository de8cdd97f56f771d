//! Failures of pages, which a middleware renders.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use axum_extra::extract::CookieJar;
use http::StatusCode;

use crate::{Console, api::ApiError, pages, pages::why, signed_in::login_url};

/// Why a page cannot be shown.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// An error response of the API, or no response.
    Api {
        status: StatusCode,
        text: String,
        /// For the operator of the service.
        correlation_id: Option<String>,
        /// Whether the API did not accept the token, or the user lacks the role: the API does not
        /// say which.
        unauthorized: bool,
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
    /// A form for several keys without any.
    NothingSelected,
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
                let unauthorized = response.status == StatusCode::UNAUTHORIZED;
                let status = match response.status {
                    // The user is logged in, so missing access is 403 even if the API responds with
                    // 401.
                    StatusCode::UNAUTHORIZED => StatusCode::FORBIDDEN,
                    status if status.is_client_error() => status,
                    // The console follows no redirects and must not pass one to the browser.
                    _ => StatusCode::BAD_GATEWAY,
                };
                Self::Api { status, text, correlation_id: response.correlation_id, unauthorized }
            }
            ApiError::Unreachable(_) | ApiError::Unreadable(_) => {
                Self::Api { status: StatusCode::BAD_GATEWAY, text, correlation_id: None, unauthorized: false }
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
            Self::InvalidForm | Self::NothingSelected => StatusCode::BAD_REQUEST,
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

/// Middleware: renders failures as pages. If the API rejected a request because the session's token
/// was withdrawn, ends the session, and redirects to the login page.
pub(crate) async fn explain(State(console): State<Console>, request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let cookies = CookieJar::from_headers(&head.headers);
    let response = next.run(Request::from_parts(head.clone(), body)).await;
    let failure = match response.extensions().get::<Failure>() {
        Some(failure) => failure.clone(),
        None if response.status() == StatusCode::METHOD_NOT_ALLOWED => Failure::NoPage,
        // A path with an invalid id.
        None if response.status() == StatusCode::BAD_REQUEST => Failure::NoPage,
        None => return response,
    };
    let session = console.sessions.find(&cookies, console.now());
    if let (Failure::Api { unauthorized: true, .. }, Some(session)) = (&failure, &session)
        && console.api.rejects(session.token()).await
    {
        let removed = console.sessions.end(session);
        return (cookies.add(removed), Redirect::to(&login_url(&head, true))).into_response();
    }
    (failure.status(), pages::failure::show(&failure, session.as_ref())).into_response()
}
