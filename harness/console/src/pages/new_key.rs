//! Create key: the form, shown as a dialog, and its result.

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use http::StatusCode;
use maud::{Markup, html};
use serde::Deserialize;
use uuid::Uuid;

use super::{KeyPath, frame, keys, why::explain};
use crate::{
    Console,
    api::{ApiError, Instance, NewKey},
    failure::Failure,
    flash::Flash,
    form::Posted,
    session::Session,
    signed_in::SignedIn,
    view::{
        Button, Crumb, Field, Notice, NoticeKind, Page, button, cancel, csrf_field, dialog_content,
        select_field, text_field,
    },
};

const STANDARD: &str = "standard";

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Fields {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    alias: String,
    description: String,
}

/// Path of the page.
pub(super) fn path(instance: Uuid) -> String {
    format!("/console/instances/{instance}/new-key")
}

/// `GET /console/instances/{instance}/new-key`
pub(crate) async fn show(
    State(console): State<Console>,
    SignedIn(session): SignedIn,
    Path(instance): Path<Uuid>,
) -> Result<Markup, Failure> {
    let (instance, _) = console.instance(&session, instance).await?;
    Ok(page(&session, &instance, &Fields::default(), None))
}

/// `POST /console/instances/{instance}/new-key`
pub(crate) async fn create(
    State(console): State<Console>,
    Path(instance): Path<Uuid>,
    Posted { session, fields }: Posted<Fields>,
) -> Result<Response, Failure> {
    let (instance, api) = console.instance(&session, instance).await?;
    let key = NewKey {
        name: fields.name.trim(),
        extractable: fields.kind == STANDARD,
        alias: fields.alias.trim(),
        description: fields.description.trim(),
    };
    match api.create(&key).await {
        Ok(key) => {
            session.set_flash(key, Flash::Created);
            Ok(Redirect::to(&KeyPath { instance: instance.id, key }.to("resources")).into_response())
        }
        // Not for a missing login, which leads to the login page.
        Err(error @ ApiError::Rejected(_)) if !error.is_denial() && !error.is_transient() => {
            let page = page(&session, &instance, &fields, Some(&explain(&error)));
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

fn page(session: &Session, instance: &Instance, fields: &Fields, problem: Option<&str>) -> Markup {
    let keys = keys::path(instance.id);
    let notice = problem.map(|problem| Notice {
        kind: NoticeKind::Error,
        title: "The key was not created",
        body: html! { p { (problem) } },
    });
    Page {
        crumbs: &[frame::RESOURCES, Crumb { label: &instance.name, href: &keys }],
        notice,
        content: form(instance.id, fields, session.csrf().as_str()),
        ..frame::page(session, "Create key")
    }
    .render()
}

fn form(instance: Uuid, fields: &Fields, csrf: &str) -> Markup {
    let text = |name, label, value, help| {
        let field = Field { name, label, value, help, autocomplete: Some("off"), ..Field::default() };
        Field { required: name == "name", autofocus: name == "name", ..field }
    };
    let kinds = [("root", "Root key"), (STANDARD, "Standard key")];
    let kind = Field {
        name: "type",
        label: "Type",
        value: &fields.kind,
        help: Some("Root keys protect resources of other services. Standard keys are secrets of your own."),
        ..Field::default()
    };
    let content = html! {
        form.form method="post" action=(path(instance)) {
            (csrf_field(csrf))
            (text_field(text("name", "Name", &fields.name, Some("Do not use personal data."))))
            (select_field(kind, &kinds))
            (text_field(text("alias", "Alias (optional)", &fields.alias, Some("2–90 letters, digits, - and _."))))
            (text_field(text("description", "Description (optional)", &fields.description, None)))
            .row.row--buttons {
                (cancel(&keys::path(instance)))
                (button(Button::Primary, "Create"))
            }
        }
    };
    dialog_content("New key", content)
}
