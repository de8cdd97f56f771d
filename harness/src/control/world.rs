//! The harness as a whole: what it is, from the start again, later.

use axum::{Json, http::StatusCode};
use jiff::Span;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    Running,
    problem::{Body, Problem},
};
use crate::{Info, events::DeadLetter, journal::Exchange};

/// Addresses, instance and API keys of this harness.
#[utoipa::path(get, operation_id = "get_harness", path = "/_harness", tag = "harness", responses((status = 200, body = Info, description = "Addresses, instance and API keys")))]
pub(super) async fn info(Running(parts): Running) -> Result<Json<Info>, Problem> {
    Ok(Json(parts.info().await?))
}

/// Makes everything as it was at the start: no keys but the samples, no faults, services that know nothing.
///
/// Addresses, API keys and signing keys stay, and so does the time. Do it when nothing else happens.
#[utoipa::path(post, operation_id = "reset_harness", path = "/_harness/reset", tag = "harness", responses((status = 200, body = Info, description = "Addresses, instance and API keys")))]
pub(super) async fn reset(Running(parts): Running) -> Result<Json<Info>, Problem> {
    parts.reset().await?;
    Ok(Json(parts.info().await?))
}

#[derive(Deserialize, ToSchema)]
pub(super) struct Advance {
    /// How much later, such as `61m` or `1h 30m`.
    #[schema(example = "61m")]
    advance: String,
}

/// Makes it later.
///
/// Where the function is the real binary, the past that the table holds is moved back instead: tokens and
/// cached decisions do not age.
#[utoipa::path(
    post, operation_id = "advance_time", path = "/_harness/time", tag = "harness", request_body = Advance,
    responses((status = 204, description = "Done"), (status = 400, body = Problem, description = "What is wrong with the request, and the mend"))
)]
pub(super) async fn advance(
    Running(parts): Running,
    Body(Advance { advance }): Body<Advance>,
) -> Result<StatusCode, Problem> {
    let by = parse_duration(&advance).map_err(|error| Problem::bad(format!("`advance` {error}")))?;
    parts.travel(by).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A duration as people write it: `1h`, `90m`, `3600s`, `1h 30m`.
pub(super) fn parse_duration(text: &str) -> Result<std::time::Duration, String> {
    let wrong = |why: String| format!("must be a duration such as `1h` or `90m`: got `{text}` ({why})");
    let span: Span = text.parse().map_err(|error: jiff::Error| wrong(error.to_string()))?;
    let duration = span
        .to_duration(jiff::SpanRelativeTo::days_are_24_hours())
        .map_err(|error| wrong(error.to_string()))?;
    std::time::Duration::try_from(duration).map_err(|_| wrong("time goes forward only".to_owned()))
}

/// Runs the function `redeliver` once, and returns its summary.
#[utoipa::path(
    post, operation_id = "run_redeliver", path = "/_harness/redeliver", tag = "harness",
    responses((status = 200, body = Value, description = "The function's summary"), (status = 502, body = Problem, description = "The function failed"))
)]
pub(super) async fn redeliver(Running(parts): Running) -> Result<Json<Value>, Problem> {
    Ok(Json(parts.redeliver().await?))
}

/// What endpoint, IAM and services were asked so far, oldest first, without headers and bodies.
#[utoipa::path(
    get, operation_id = "list_requests", path = "/_harness/requests", tag = "harness", responses((status = 200, body = Vec<Exchange>, description = "The requests"))
)]
pub(super) async fn requests(Running(parts): Running) -> Json<Vec<Exchange>> {
    Json(parts.journal.exchanges())
}

/// Forgets what was asked so far.
#[utoipa::path(delete, path = "/_harness/requests", tag = "harness", responses((status = 204, description = "Done")))]
pub(super) async fn forget_requests(Running(parts): Running) -> StatusCode {
    parts.journal.clear();
    StatusCode::NO_CONTENT
}

/// The events that will never come right, oldest first.
#[utoipa::path(
    get, operation_id = "list_dead_letters", path = "/_harness/dead-letters", tag = "harness", responses((status = 200, body = Vec<DeadLetter>, description = "The events, each with the reason"))
)]
pub(super) async fn dead_letters(Running(parts): Running) -> Json<Vec<DeadLetter>> {
    Json(parts.dead_letters.letters())
}
