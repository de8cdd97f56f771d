//! Synchronize keys: the form of the Keys table, and the page with the progress.

use std::collections::HashMap;

use axum::{
    extract::{Path, State},
    response::Redirect,
};
use maud::{Markup, html};
use serde::Deserialize;
use uuid::Uuid;

use super::{KeyPath, frame, keys, sync::Outcome};
use crate::{
    Console,
    bulk::{KeyProgress, MAX_KEYS, Task},
    failure::Failure,
    form::Posted,
    signed_in::SignedIn,
    view::{
        Button, Column, Crumb, DataTable, Page, Tag, button, csrf_field, data_table, link_button, live, name,
        progress, tag, time,
    },
};

/// Id of the form, to which the checkboxes of the table belong.
pub(super) const FORM: &str = "bulk-sync";

/// Interval of live updates, in ms.
const UPDATE_INTERVAL: u32 = 1_000;

const PREFIX: &str = "key-";

#[derive(Deserialize)]
pub(crate) struct Fields {
    request: Uuid,
    /// The selected keys: `key-<id>`.
    #[serde(flatten)]
    selected: HashMap<String, String>,
}

#[derive(Clone, Copy, Deserialize)]
pub(crate) struct TaskPath {
    instance: Uuid,
    task: Uuid,
}

/// Name of the field that selects a key.
pub(super) fn field(key: Uuid) -> String {
    format!("{PREFIX}{key}")
}

fn path(instance: Uuid) -> String {
    format!("/console/instances/{instance}/bulk-sync")
}

/// The form for keys that are selected in a table.
pub(super) fn selected(instance: Uuid, csrf: &str) -> Markup {
    html! {
        (form(instance, csrf, &button(Button::Tertiary, "Synchronize selected")))
        button.button.button--ghost type="button" data-select-all=(FORM) hidden { "Select all" }
    }
}

/// The form for these keys.
pub(super) fn these(instance: Uuid, csrf: &str, keys: impl Iterator<Item = Uuid>) -> Markup {
    let content = html! {
        @for key in keys { input type="hidden" name=(field(key)) value="true"; }
        (button(Button::Tertiary, "Synchronize these keys"))
    };
    form(instance, csrf, &content)
}

fn form(instance: Uuid, csrf: &str, content: &Markup) -> Markup {
    html! {
        form id=(FORM) method="post" action=(path(instance)) {
            (csrf_field(csrf))
            input type="hidden" name="request" value=(Uuid::new_v4());
            (content)
        }
    }
}

/// `POST /console/instances/{instance}/bulk-sync`
pub(crate) async fn start(
    State(console): State<Console>,
    Path(instance): Path<Uuid>,
    Posted { session, fields }: Posted<Fields>,
) -> Result<Redirect, Failure> {
    let (instance, api) = console.instance(&session, instance).await?;
    let keys = fields.selected.keys().filter_map(|name| name.strip_prefix(PREFIX)?.parse().ok());
    let mut keys: Vec<Uuid> = keys.collect();
    keys.sort_unstable();
    if keys.is_empty() {
        return Err(Failure::NothingSelected);
    }
    if keys.len() > MAX_KEYS {
        return Err(Failure::InvalidForm);
    }
    let task = fields.request;
    session.tasks().start(task, instance.id, keys, api, move || console.now());
    Ok(Redirect::to(&format!("{}/{task}", path(instance.id))))
}

/// `GET /console/instances/{instance}/bulk-sync/{task}`
pub(crate) async fn show(
    State(console): State<Console>,
    SignedIn(session): SignedIn,
    Path(TaskPath { instance, task: id }): Path<TaskPath>,
) -> Result<Markup, Failure> {
    let (instance, _) = console.instance(&session, instance).await?;
    let task = session.tasks().find(id).filter(|task| task.instance == instance.id).ok_or(Failure::NoPage)?;
    let (keys, here) = (keys::path(instance.id), format!("{}/{id}", path(instance.id)));
    let content = html! {
        (live("progress", &here, UPDATE_INTERVAL, content(&task, &here)))
        (link_button(Button::Tertiary, &keys, "Back to the keys"))
    };
    Ok(Page {
        crumbs: &[frame::RESOURCES, Crumb { label: &instance.name, href: &keys }],
        content,
        ..frame::page(&session, "Synchronize keys")
    }
    .render())
}

fn content(task: &Task, here: &str) -> Markup {
    let keys = task.progress();
    let done = keys.iter().filter(|key| key.outcome.is_some()).count();
    let columns = ["Key", "Result", "Details"].map(|label| Column { label, ..Column::default() });
    let text = summary(&keys);
    html! {
        (progress("Synchronized keys", done, keys.len()))
        (data_table(DataTable {
            id: "keys",
            title: "Keys",
            description: Some(&text),
            columns: &columns,
            rows: keys.iter().map(|key| row(task.instance, key)).collect(),
            below: (done < keys.len()).then(|| html! { p.data-table__none { a href=(here) { "Reload" } } }),
            ..DataTable::default()
        }))
    }
}

/// `7 of 12 keys done: 5 notified, 1 too early, 1 failed`
fn summary(keys: &[KeyProgress]) -> String {
    let number = |is: fn(&Outcome) -> bool| {
        keys.iter().filter_map(|key| key.outcome.as_ref()).filter(|o| is(o)).count()
    };
    let results = [
        (number(|outcome| matches!(outcome, Outcome::Synchronized)), "notified"),
        (number(|outcome| matches!(outcome, Outcome::TooEarly { .. })), "too early"),
        (number(|outcome| matches!(outcome, Outcome::Rejected { .. })), "failed"),
    ];
    let done: usize = results.iter().map(|(number, _)| number).sum();
    let parts: Vec<_> = results
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, of)| format!("{number} {of}"))
        .collect();
    let colon = if parts.is_empty() { "" } else { ": " };
    format!("{done} of {} keys done{colon}{}", keys.len(), parts.join(", "))
}

fn row(instance: Uuid, progress: &KeyProgress) -> Vec<Markup> {
    let resources = KeyPath { instance, key: progress.key }.to("resources");
    let title = progress.title.clone().unwrap_or_else(|| progress.key.to_string());
    let (result, details) = match &progress.outcome {
        None => (tag(Tag::Pending, "Waiting"), html! {}),
        Some(Outcome::Synchronized) => {
            (tag(Tag::Delivered, "Notified"), html! { "The services have up to four hours to act." })
        }
        Some(Outcome::TooEarly { not_before }) => {
            (tag(Tag::Suspended, "Too early"), html! { "Possible from " (time(*not_before)) " on" })
        }
        Some(Outcome::Rejected { text, .. }) => (tag(Tag::Failed, "Failed"), html! { (text) }),
    };
    vec![html! { a href=(resources) { (name(&title)) } }, result, details]
}
