//! A function URL: converts an HTTP request to an event, and the function's result to a response.

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use keysync_browser_guard::Guard;

use super::{FunctionError, MAX_BODY_BYTES, ProcessFunction, event, process::Invoker, runtime_api::Outcome};
use keysync_emulator_support::{secret_scanner::KnownSecrets, server::Server};

/// Starts a function URL for `function`.
pub(super) async fn start(
    function: &ProcessFunction,
    secrets: &KnownSecrets,
    guard: &Guard,
) -> Result<Server, FunctionError> {
    let router = Router::new().fallback(invoke).with_state(function.invoker());
    Ok(Server::start(secrets.scan_responses(router), guard).await?)
}

async fn invoke(State(function): State<Invoker>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY_BYTES).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    match function.invoke(&event::from_http(&parts, &body)).await {
        Outcome::Responded(result) => {
            event::to_http(&result).map_or_else(failed, |response| response.map(Body::from))
        }
        Outcome::Failed => failed(),
    }
}

/// The response of a function URL whose function failed.
fn failed() -> Response {
    (StatusCode::BAD_GATEWAY, "Internal Server Error").into_response()
}
