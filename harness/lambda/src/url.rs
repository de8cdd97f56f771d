//! A function URL: HTTP in, an event to the function, its answer out.

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
    Ok(Server::start(secrets.look_through_answers(router), guard).await?)
}

async fn invoke(State(function): State<Invoker>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY_BYTES).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    match function.invoke(&event::from_http(&parts, &body)).await {
        Outcome::Answered(answer) => {
            event::to_http(&answer).map_or_else(failed, |answer| answer.map(Body::from))
        }
        Outcome::Failed => failed(),
    }
}

/// What a function URL says when its function failed.
fn failed() -> Response {
    (StatusCode::BAD_GATEWAY, "Internal Server Error").into_response()
}
