//! Synchronize: the side panel of Key Protect, and the form that sends the sync and shows its
//! result on the page of the key.

use axum::{
    extract::{Path, State},
    response::Redirect,
};
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};
use serde::Deserialize;
use uuid::Uuid;

use super::{KeyPath, frame, keys, notifications, synchronize::window, why::explain, words};
use crate::{
    Console,
    api::{ApiError, ErrorResponse},
    failure::Failure,
    flash::Flash,
    form::Posted,
    signed_in::SignedIn,
    view::{Button, Crumb, Page, button_described_by, cancel, csrf_field, dialog_content, name, tag},
};

#[derive(Deserialize)]
pub(crate) struct Fields {
    /// Correlation id from the page, so that a form that is sent twice is an idempotent replay.
    request: String,
}

/// `GET /console/instances/{instance}/keys/{key}/sync`: the page of Key Protect's menu item Sync,
/// shown as a side panel.
pub(crate) async fn show(
    State(console): State<Console>,
    SignedIn(session): SignedIn,
    Path(path): Path<KeyPath>,
) -> Result<Markup, Failure> {
    let (instance, api) = console.instance(&session, path.instance).await?;
    let (key, last) = tokio::try_join!(api.key(path.key), api.last_notification(path.key))?;
    let (keys, resources, title) = (keys::path(instance.id), path.to("resources"), key.title());
    let content = html! {
        p { (name(&title)) " " (tag(words::state_tag(key.state), &key.state.name())) }
        p { "Notifies the associated services again of the key’s latest event." }
        @if let Some(summary) = notifications::summary(&last) { p { "Last notification: " (summary) "." } }
        div #sync-window { (window(&key, &last, console.now())) }
        form.form method="post" action=(path.to("sync")) {
            (csrf_field(session.csrf().as_str()))
            input type="hidden" name="request" value=(Uuid::new_v4());
            .row.row--buttons {
                (cancel(&keys))
                (button_described_by(Button::Primary, "Sync key", "sync-window"))
            }
        }
        p { a href=(resources) { "View associated resources" } }
    };
    Ok(Page {
        section: Some("Sync key"),
        crumbs: &[frame::RESOURCES, Crumb { label: &instance.name, href: &keys }],
        content: dialog_content("Sync key", content),
        ..frame::page(&session, &title)
    }
    .render())
}

/// `POST /console/instances/{instance}/keys/{key}/sync`
pub(crate) async fn post(
    State(console): State<Console>,
    Path(path): Path<KeyPath>,
    Posted { session, fields }: Posted<Fields>,
) -> Result<Redirect, Failure> {
    let request: Uuid = fields.request.parse().map_err(|_| Failure::InvalidForm)?;
    let (_, api) = console.instance(&session, path.instance).await?;
    let outcome = outcome(api.sync(path.key, request).await, request, console.now());
    let flash = match outcome {
        Outcome::Synchronized => Flash::Synchronized,
        Outcome::TooEarly { not_before } => Flash::TooEarly { not_before },
        Outcome::Rejected { text, denied, again } => {
            Flash::Problem { title: "The services were not notified", text, denied, again }
        }
    };
    session.set_flash(path.key, flash);
    Ok(Redirect::to(&path.to("resources")))
}

/// Result of a sync.
#[derive(Clone)]
pub(crate) enum Outcome {
    Synchronized,
    /// The window is closed.
    TooEarly {
        /// First instant at which a sync is allowed.
        not_before: Timestamp,
    },
    /// Another error response, or no response.
    Rejected {
        /// Explanation.
        text: String,
        /// Whether the user lacks the role.
        denied: bool,
        /// Correlation id for a retry, if the sync may have been accepted.
        again: Option<Uuid>,
    },
}

/// The outcome of a sync with the correlation id `request`.
pub(crate) fn outcome(result: Result<(), ApiError>, request: Uuid, now: Timestamp) -> Outcome {
    let Err(error) = result else { return Outcome::Synchronized };
    if let ApiError::Rejected(response) = &error
        && response.code == "REQ_TOO_EARLY_ERR"
        && let Some(not_before) = not_before(response, now)
    {
        return Outcome::TooEarly { not_before };
    }
    let again = error.is_transient().then_some(request);
    Outcome::Rejected { text: explain(&error), denied: error.is_denial(), again }
}

/// First instant at which a sync is allowed: from the message, else from `retry-after`.
fn not_before(response: &ErrorResponse, now: Timestamp) -> Option<Timestamp> {
    let after = || now.checked_add(SignedDuration::try_from(response.retry_after?).ok()?).ok();
    response.not_before().or_else(after)
}
