//! Synchronize: sends the sync, and shows its result on the page of the key.

use axum::{
    extract::{Path, State},
    response::Redirect,
};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use uuid::Uuid;

use super::{KeyPath, why::explain};
use crate::{
    Console,
    api::{ApiError, ErrorResponse},
    failure::Failure,
    flash::Flash,
    form::Posted,
};

#[derive(Deserialize)]
pub(crate) struct Fields {
    /// Correlation id from the page, so that a form that is sent twice is an idempotent replay.
    request: String,
}

/// `POST /console/instances/{instance}/keys/{key}/sync`
pub(crate) async fn post(
    State(console): State<Console>,
    Path(path): Path<KeyPath>,
    Posted { session, fields }: Posted<Fields>,
) -> Result<Redirect, Failure> {
    let request: Uuid = fields.request.parse().map_err(|_| Failure::InvalidForm)?;
    let (_, api) = console.instance(&session, path.instance).await?;
    let flash = match api.sync(path.key, request).await {
        Ok(()) => Flash::Synchronized,
        Err(error) => rejected(&error, request, console.now()),
    };
    session.set_flash(path.key, flash);
    Ok(Redirect::to(&path.to("resources")))
}

fn rejected(error: &ApiError, request: Uuid, now: Timestamp) -> Flash {
    if let ApiError::Rejected(response) = error
        && response.code == "REQ_TOO_EARLY_ERR"
        && let Some(not_before) = not_before(response, now)
    {
        return Flash::TooEarly { not_before };
    }
    let again = error.is_transient().then_some(request);
    Flash::Problem { title: "The services were not notified", text: explain(error), again }
}

/// First instant at which a sync is allowed: from the message, else from `retry-after`.
fn not_before(response: &ErrorResponse, now: Timestamp) -> Option<Timestamp> {
    let after = || now.checked_add(SignedDuration::try_from(response.retry_after?).ok()?).ok();
    response.not_before().or_else(after)
}
