//! Lifecycle actions: the confirmation page and its form.

use axum::{
    extract::{Path, State},
    response::Redirect,
};
use maud::{Markup, html};
use serde::Deserialize;
use uuid::Uuid;

use super::{
    KeyPath, frame, keys,
    why::explain,
    words::{self, Wording},
};
use crate::{
    Console,
    api::{Action, Key},
    failure::Failure,
    flash::Flash,
    form::Posted,
    signed_in::SignedIn,
    view::{
        Button, Crumb, Field, Page, button, cancel, checkbox, copy_id, csrf_field, definition_list,
        dialog_content, isolated, name, tag,
    },
};

#[derive(Clone, Copy, Deserialize)]
pub(crate) struct ActionPath {
    instance: Uuid,
    key: Uuid,
    action: Action,
}

#[derive(Deserialize)]
pub(crate) struct Fields {
    /// Deletes the key although it protects resources.
    #[serde(default)]
    force: Option<String>,
}

impl ActionPath {
    fn key(self) -> KeyPath {
        KeyPath { instance: self.instance, key: self.key }
    }
}

/// `GET /console/instances/{instance}/keys/{key}/actions/{action}`
pub(crate) async fn confirm(
    State(console): State<Console>,
    SignedIn(session): SignedIn,
    Path(path): Path<ActionPath>,
) -> Result<Markup, Failure> {
    let (instance, api) = console.instance(&session, path.instance).await?;
    let (key, registrations) = tokio::try_join!(api.key(path.key), api.registrations(path.key))?;
    let keys = keys::path(instance.id);
    let resources = path.key().to("resources");
    let wording = words::action(path.action);
    if !key.actions().contains(&path.action) {
        return Err(Failure::InvalidState { title: wording.not_done, state: key.state.name() });
    }
    let title = key.title();
    Ok(Page {
        crumbs: &[
            frame::RESOURCES,
            Crumb { label: &instance.name, href: &keys },
            Crumb { label: &title, href: &resources },
        ],
        content: form(path, &key, registrations.total, session.csrf().as_str()),
        ..frame::page(&session, wording.title)
    }
    .render())
}

/// `POST /console/instances/{instance}/keys/{key}/actions/{action}`
pub(crate) async fn act(
    State(console): State<Console>,
    Path(path): Path<ActionPath>,
    Posted { session, fields }: Posted<Fields>,
) -> Result<Redirect, Failure> {
    let (_, api) = console.instance(&session, path.instance).await?;
    let flash = match api.act(path.key, path.action, fields.force.is_some()).await {
        Ok(()) => Flash::Done(path.action),
        Err(error) => {
            let (title, text) = (words::action(path.action).not_done, explain(&error));
            Flash::Problem { title, text, denied: error.is_denial(), again: None }
        }
    };
    session.set_flash(path.key, flash);
    Ok(Redirect::to(&path.key().to("resources")))
}

fn form(path: ActionPath, key: &Key, protects: usize, csrf: &str) -> Markup {
    let Wording { name: label, effect, danger, .. } = words::action(path.action);
    let resources = match protects {
        0 => "no resource".to_owned(),
        1 => "1 resource".to_owned(),
        number => format!("{number} resources"),
    };
    let facts = definition_list(vec![
        ("Key", name(&key.title())),
        ("Key ID", copy_id(&key.id.to_string(), "key ID")),
        ("State", tag(words::state_tag(key.state), &key.state.name())),
        ("Protects", html! { (resources) }),
    ]);
    let content = html! {
        (facts)
        p { (effect) }
        @if !key.extractable {
            p { "Every associated service is notified. The key cannot be synchronized for the next hour." }
        }
        form.form method="post" action=(path.key().to(&format!("actions/{}", path.action.name()))) {
            (csrf_field(csrf))
            @if path.action == Action::Delete && protects > 0 {
                (checkbox(Field {
                    name: "force",
                    label: &format!("Delete the key although it protects {resources}"),
                    value: "true",
                    required: true,
                    ..Field::default()
                }, false))
            }
            .row.row--buttons {
                (cancel(&keys::path(path.instance)))
                (button(if danger { Button::Danger } else { Button::Primary }, label))
            }
        }
    };
    dialog_content(&format!("{label} {}?", isolated(&key.title())), content)
}
