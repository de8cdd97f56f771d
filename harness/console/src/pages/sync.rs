//! Synchronize: has the services told again, and says what came of it on the page of the key.

use axum::{
    extract::{Path, State},
    response::Redirect,
};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use uuid::Uuid;

use super::{KeyPath, why::why};
use crate::{
    Console,
    api::{ApiError, ErrorResponse},
    failure::Failure,
    flash::Flash,
    form::Posted,
};

#[derive(Deserialize)]
pub(crate) struct Fields {
    /// Made with the page, so that a form that is sent twice is the same sync.
    request: String,
}

/// `POST /console/instances/{instance}/keys/{key}/sync`
pub(crate) async fn post(
    State(console): State<Console>,
    Path(path): Path<KeyPath>,
    Posted { session, fields }: Posted<Fields>,
) -> Result<Redirect, Failure> {
    let request: Uuid = fields.request.parse().map_err(|_| Failure::BadForm)?;
    let (_, api) = console.instance(&session, path.instance).await?;
    let flash = match api.sync(path.key, request).await {
        Ok(()) => Flash::Synchronized,
        Err(error) => refused(&error, request, console.now()),
    };
    session.leave(path.key, flash);
    Ok(Redirect::to(&path.to("resources")))
}

fn refused(error: &ApiError, request: Uuid, now: Timestamp) -> Flash {
    if let ApiError::Refused(refusal) = error
        && refusal.code == "REQ_TOO_EARLY_ERR"
        && let Some(not_before) = not_before(refusal, now)
    {
        return Flash::TooEarly { not_before };
    }
    let again = error.is_passing().then_some(request);
    Flash::Problem { title: "The services were not told again", text: why(error), again }
}

/// The instant that the answer names; else the one that `retry-after` comes to.
fn not_before(refusal: &ErrorResponse, now: Timestamp) -> Option<Timestamp> {
    let after = || now.checked_add(SignedDuration::try_from(refusal.retry_after?).ok()?).ok();
    refusal.not_before().or_else(after)
}
