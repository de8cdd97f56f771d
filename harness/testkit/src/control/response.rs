//! Responses that several operations of the control API have.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use utoipa::IntoResponses;

use super::problem::Problem;

/// The response without content to a change.
#[derive(IntoResponses)]
#[response(status = 204, description = "Done")]
pub(super) struct Done;

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}

/// The response about a service that does not exist, for the `OpenAPI` document.
#[derive(IntoResponses)]
#[response(status = 404, description = "The service does not exist")]
#[expect(dead_code, reason = "handlers return a `Problem`")]
pub(super) struct UnknownService(Problem);

/// The response about a key that does not exist, for the `OpenAPI` document.
#[derive(IntoResponses)]
#[response(status = 404, description = "The key does not exist")]
#[expect(dead_code, reason = "handlers return a `Problem`")]
pub(super) struct UnknownKey(Problem);
