//! The harness as a whole: its addresses, reset, the clock, redelivery, requests and dead letters.

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Running,
    problem::Problem,
    request::{Body, Path, Query},
    response::Done,
};
use crate::{
    Info, RedeliverSummary,
    events::DeadLetter,
    journal::{Exchange, Newest, RequestFilter},
    limits,
};

/// Addresses, instance and API keys of this harness.
#[utoipa::path(get, operation_id = "get_harness", path = "/_harness", tag = "harness", responses((status = 200, body = Info, description = "Addresses, instance and API keys")))]
pub(super) async fn info(Running(parts): Running) -> Result<Json<Info>, Problem> {
    Ok(Json(parts.info().await?))
}

/// Resets all state but the clock.
///
/// Addresses, API keys, signing keys and the ids of the sample keys stay. Send it while no other
/// request is in progress.
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

#[derive(Deserialize, ToSchema)]
pub(super) struct ScheduleRequest {
    /// The interval, such as `30s`: from 1s to 1d. Null ends the schedule.
    #[schema(example = "30s")]
    #[serde(deserialize_with = "Option::deserialize")]
    every: Option<String>,
}

/// Sets the interval at which `redeliver` runs, in real time, or ends its schedule.
#[utoipa::path(
    put, operation_id = "set_redeliver_schedule", path = "/_harness/redeliver/schedule", tag = "harness", request_body = ScheduleRequest,
    responses(Done)
)]
pub(super) async fn schedule(
    Running(parts): Running,
    Body(ScheduleRequest { every }): Body<ScheduleRequest>,
) -> Result<Done, Problem> {
    let every = every.map(|text| limits::duration(&text, &limits::SCHEDULE)).transpose();
    let every = every.map_err(|error| Problem::bad(format!("`every` {error}, or null")))?;
    parts.lambda.redeliver_every(every);
    Ok(Done)
}

#[derive(Deserialize, ToSchema)]
pub(super) struct SigningKeyRotation {
    /// Whether to withdraw the old key, instead of adding a new one.
    #[serde(default)]
    withdraw: bool,
}

#[derive(Serialize, ToSchema)]
pub(super) struct PublicKeys {
    /// The keys that verify callbacks, `whpk_…`, newest last.
    public_keys: Vec<String>,
}

/// Rotates the key that signs callbacks, in two steps.
///
/// First callbacks are signed with the old key and a new one; then, with `withdraw`, with the new
/// one only. The functions restart: send it while no other request is in progress.
#[utoipa::path(
    post, operation_id = "rotate_signing_key", path = "/_harness/signing-key/rotate", tag = "harness", request_body = SigningKeyRotation,
    responses((status = 200, body = PublicKeys, description = "The public keys"))
)]
pub(super) async fn rotate_signing_key(
    Running(parts): Running,
    Body(SigningKeyRotation { withdraw }): Body<SigningKeyRotation>,
) -> Result<Json<PublicKeys>, Problem> {
    let rotated =
        if withdraw { parts.withdraw_old_signing_key().await } else { parts.rotate_signing_key().await };
    Ok(Json(PublicKeys { public_keys: rotated? }))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Secrets {
    /// Whether the response has secrets, such as tokens and API keys. They are masked by default.
    #[serde(default)]
    secrets: bool,
}

/// The requests that endpoint, IAM and services received, oldest first.
///
/// Each has headers and body, and its response's. Parameters select some of the requests, or the
/// newest of them. The first 16 KiB of a body are stored.
#[utoipa::path(
    get, operation_id = "list_requests", path = "/_harness/requests", tag = "harness", params(RequestFilter, Newest, Secrets),
    responses((status = 200, body = Vec<Exchange>, description = "The requests"))
)]
pub(super) async fn requests(
    Running(parts): Running,
    Query(filter): Query<RequestFilter>,
    Query(newest): Query<Newest>,
    Query(Secrets { secrets }): Query<Secrets>,
) -> Json<Vec<Exchange>> {
    let journal = &parts.context.journal;
    Json(if secrets { journal.page_with_secrets(&filter, newest) } else { journal.page(&filter, newest) })
}

/// A request, with masked secrets.
#[utoipa::path(
    get, operation_id = "get_request", path = "/_harness/requests/{number}", tag = "harness",
    params(("number" = usize, Path, description = "The request's number")),
    responses(
        (status = 200, body = Exchange, description = "The request"),
        (status = 404, body = Problem, description = "There is no such request, or it is no longer stored")
    )
)]
pub(super) async fn request(
    Running(parts): Running,
    Path(number): Path<usize>,
) -> Result<Json<Exchange>, Problem> {
    let request = parts.context.journal.exchange(number);
    let unknown =
        || Problem::not_found(format!("there is no request with the number {number}, or no longer"));
    request.map(Json).ok_or_else(unknown)
}

#[derive(Serialize, ToSchema)]
pub(super) struct Count {
    /// The number of requests.
    count: usize,
}

/// The number of requests that endpoint, IAM and services received.
///
/// Parameters select some of the requests.
#[utoipa::path(
    get, operation_id = "count_requests", path = "/_harness/requests/count", tag = "harness", params(RequestFilter),
    responses((status = 200, body = Count, description = "The number"))
)]
pub(super) async fn count_requests(
    Running(parts): Running,
    Query(filter): Query<RequestFilter>,
) -> Json<Count> {
    Json(Count { count: parts.context.journal.count(&filter) })
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
