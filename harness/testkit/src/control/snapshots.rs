//! Named snapshots of the harness's state.

use axum::Json;
use keysync_emulator_support::limits;
use serde::Deserialize;
use utoipa::{IntoParams, IntoResponses};

use super::{
    Running,
    problem::Problem,
    request::{Body, Path},
    response::Done,
};
use crate::{Snapshot, parts::Parts};

/// The path parameter of a snapshot.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct SnapshotName {
    /// The name: 1 to 60 of `A-Z`, `a-z`, `0-9`, `_` and `-`.
    #[param(pattern = "^[A-Za-z0-9_-]{1,60}$", example = "two-keys")]
    name: String,
}

/// The response about a snapshot that does not exist, for the `OpenAPI` document.
#[derive(IntoResponses)]
#[response(status = 404, description = "The snapshot does not exist")]
#[expect(dead_code, reason = "handlers return a `Problem`")]
pub(super) struct UnknownSnapshot(Problem);

/// The largest number of named snapshots.
const MAX_SNAPSHOTS: usize = 100;

impl SnapshotName {
    fn validated(self) -> Result<String, Problem> {
        limits::snapshot_name(&self.name).map_err(Problem::bad)
    }
}

fn store(parts: &Parts, name: String, snapshot: Snapshot) -> Result<Done, Problem> {
    let mut snapshots = parts.snapshots.lock();
    if snapshots.len() >= MAX_SNAPSHOTS && !snapshots.contains_key(&name) {
        return Err(Problem::bad(format!("there are already {MAX_SNAPSHOTS} snapshots: delete one")));
    }
    snapshots.insert(name, snapshot);
    Ok(Done)
}

fn find(parts: &Parts, name: &str) -> Result<Snapshot, Problem> {
    let found = parts.snapshots.lock().get(name).cloned();
    found.ok_or_else(|| {
        Problem::not_found(format!("no snapshot `{name}`; GET /_harness/snapshots lists them"))
    })
}

/// The names of the snapshots.
#[utoipa::path(
    get, operation_id = "list_snapshots", path = "/_harness/snapshots", tag = "snapshots",
    responses((status = 200, body = Vec<String>, description = "The names"))
)]
pub(super) async fn list(Running(parts): Running) -> Json<Vec<String>> {
    Json(parts.snapshots.lock().keys().cloned().collect())
}

/// Saves the present state under a name.
///
/// Replaces an earlier snapshot with this name. Send it while no other request is in progress.
#[utoipa::path(
    post,
    operation_id = "save_snapshot",
    path = "/_harness/snapshots/{name}",
    tag = "snapshots",
    params(SnapshotName),
    responses(Done)
)]
pub(super) async fn save(Running(parts): Running, Path(name): Path<SnapshotName>) -> Result<Done, Problem> {
    let name = name.validated()?;
    let snapshot = parts.snapshot().await?;
    store(&parts, name, snapshot)
}

/// A snapshot, to be stored as a file.
#[utoipa::path(
    get, operation_id = "get_snapshot", path = "/_harness/snapshots/{name}", tag = "snapshots", params(SnapshotName),
    responses((status = 200, body = Snapshot, description = "The snapshot"), UnknownSnapshot)
)]
pub(super) async fn get(
    Running(parts): Running,
    Path(SnapshotName { name }): Path<SnapshotName>,
) -> Result<Json<Snapshot>, Problem> {
    Ok(Json(find(&parts, &name)?))
}

/// Stores a snapshot of this or another harness under a name.
#[utoipa::path(
    put, operation_id = "put_snapshot", path = "/_harness/snapshots/{name}", tag = "snapshots", params(SnapshotName),
    request_body = Snapshot, responses(Done)
)]
pub(super) async fn put(
    Running(parts): Running,
    Path(name): Path<SnapshotName>,
    Body(snapshot): Body<Snapshot>,
) -> Result<Done, Problem> {
    store(&parts, name.validated()?, snapshot)
}

/// Deletes a snapshot.
#[utoipa::path(
    delete,
    operation_id = "delete_snapshot",
    path = "/_harness/snapshots/{name}",
    tag = "snapshots",
    params(SnapshotName),
    responses(Done, UnknownSnapshot)
)]
pub(super) async fn delete(
    Running(parts): Running,
    Path(SnapshotName { name }): Path<SnapshotName>,
) -> Result<Done, Problem> {
    find(&parts, &name)?;
    parts.snapshots.lock().remove(&name);
    Ok(Done)
}

/// Resets the harness, and restores the state of a snapshot.
///
/// Instants are moved by the time that has passed since the snapshot. Send it while no other
/// request is in progress.
#[utoipa::path(
    post,
    operation_id = "load_snapshot",
    path = "/_harness/snapshots/{name}/load",
    tag = "snapshots",
    params(SnapshotName),
    responses(Done, UnknownSnapshot)
)]
pub(super) async fn load(
    Running(parts): Running,
    Path(SnapshotName { name }): Path<SnapshotName>,
) -> Result<Done, Problem> {
    let snapshot = find(&parts, &name)?;
    parts.restore(&snapshot).await?;
    Ok(Done)
}
