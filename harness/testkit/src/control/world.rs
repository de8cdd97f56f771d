//! The harness as a whole: its addresses, reset, the clock, redelivery, requests and dead letters.

use axum::Json;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Running, problem::Problem, request::Body, response::Done};
use crate::{Info, RedeliverSummary, events::DeadLetter, journal::Exchange, limits};

/// Addresses, instance and API keys of this harness.
#[utoipa::path(get, operation_id = "get_harness", path = "/_harness", tag = "harness", responses((status = 200, body = Info, description = "Addresses, instance and API keys")))]
pub(super) async fn info(Running(parts): Running) -> Result<Json<Info>, Problem> {
    Ok(Json(parts.info().await?))
}

/// Resets all state but the clock, and creates the sample keys again.
///
/// Addresses, API keys and signing keys stay. Send it while no other request is in progress.
#[utoipa::path(post, operation_id = "reset_harness", path = "/_harness/reset", tag = "harness", responses((status = 200, body = Info, description = "Addresses, instance and API keys")))]
pub(super) async fn reset(Running(parts): Running) -> Result<Json<Info>, Problem> {
    parts.reset().await?;
    Ok(Json(parts.info().await?))
}

#[derive(Deserialize, ToSchema)]
pub(super) struct Advance {
    /// The duration, such as `61m` or `1h 30m`: from 1ms to 366d.
    #[schema(example = "61m")]
    advance: String,
}

/// Advances the clock.
///
/// If the function runs as its binary, all instants in the table are moved back instead: tokens and
/// cached decisions do not age.
#[utoipa::path(
    post, operation_id = "advance_time", path = "/_harness/time", tag = "harness", request_body = Advance,
    responses(Done)
)]
pub(super) async fn advance(
    Running(parts): Running,
    Body(Advance { advance }): Body<Advance>,
) -> Result<Done, Problem> {
    let by = limits::advance(&advance).map_err(|error| Problem::bad(format!("`advance` {error}")))?;
    if parts.context.clock.now().plus(by).get() > limits::LATEST {
        return Err(Problem::bad("`advance` must not take the clock past the year 9999"));
    }
    parts.lambda.advance_clock(by).await?;
    Ok(Done)
}

/// Runs the function `redeliver` once, and returns its summary.
#[utoipa::path(
    post, operation_id = "run_redeliver", path = "/_harness/redeliver", tag = "harness",
    responses((status = 200, body = serde_json::Value, description = "The function's summary"), (status = 502, body = Problem, description = "The function failed"))
)]
pub(super) async fn redeliver(Running(parts): Running) -> Result<Json<RedeliverSummary>, Problem> {
    Ok(Json(parts.lambda.redeliver().await?))
}

/// The requests that endpoint, IAM and services received, oldest first, without headers and bodies.
#[utoipa::path(
    get, operation_id = "list_requests", path = "/_harness/requests", tag = "harness", responses((status = 200, body = Vec<Exchange>, description = "The requests"))
)]
pub(super) async fn requests(Running(parts): Running) -> Json<Vec<Exchange>> {
    Json(parts.context.journal.exchanges())
}

/// Deletes the stored requests.
#[utoipa::path(delete, path = "/_harness/requests", tag = "harness", responses(Done))]
pub(super) async fn forget_requests(Running(parts): Running) -> Done {
    parts.context.journal.clear();
    Done
}

/// The malformed events in the dead-letter queue, oldest first.
#[utoipa::path(
    get, operation_id = "list_dead_letters", path = "/_harness/dead-letters", tag = "harness", responses((status = 200, body = Vec<DeadLetter>, description = "The events, each with the reason"))
)]
pub(super) async fn dead_letters(Running(parts): Running) -> Json<Vec<DeadLetter>> {
    Json(parts.lambda.dead_letters.letters())
}
