//! Recordings of a client's run.

use axum::Json;

use super::{Running, problem::Problem, request::Body};
use crate::{Recording, Replay};

/// The requests that the endpoint received since the start or the last reset, to send them again.
#[utoipa::path(
    get, operation_id = "get_recording", path = "/_harness/recording", tag = "harness",
    responses(
        (status = 200, body = Recording, description = "The recording"),
        (status = 400, body = Problem, description = "A body is longer than 16 KiB")
    )
)]
pub(super) async fn get(Running(parts): Running) -> Result<Json<Recording>, Problem> {
    Ok(Json(parts.recording()?))
}

/// Sends the requests of a recording to the endpoint, in order, and returns their statuses.
///
/// They are sent as the Manager. The clock is advanced by the gaps between them of at least 1 s,
/// and ids of the recorded responses are replaced by those of the present ones.
#[utoipa::path(
    post, operation_id = "replay_recording", path = "/_harness/recording/replay", tag = "harness", request_body = Recording,
    responses((status = 200, body = Replay, description = "The statuses"))
)]
pub(super) async fn replay(
    Running(parts): Running,
    Body(recording): Body<Recording>,
) -> Result<Json<Replay>, Problem> {
    Ok(Json(parts.replay(&recording).await?))
}
