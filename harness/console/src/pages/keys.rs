//! KMS keys: the Keys table of an instance.

use axum::extract::{Path, Query, State};
use jiff::Timestamp;
use maud::{Markup, html};
use serde::Deserialize;
use uuid::Uuid;

use super::{
    KeyPath, frame, not_acted,
    paging::{Paging, Shown},
    words,
};
use crate::{
    Console,
    api::{Key, KeyPage, KeyQuery, KeyState},
    failure::Failure,
    signed_in::SignedIn,
    view::{
        Button, Column, DataTable, Field, MenuItem, Page, button, copy_id, data_table, empty_state,
        link_button, overflow_menu, relative, search_field, select_field, tag,
    },
};

/// Query parameters of the page.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(crate) struct ListQuery {
    search: String,
    state: String,
    #[serde(flatten)]
    paging: Paging,
}

/// Path of the page.
pub(super) fn path(instance: Uuid) -> String {
    format!("/console/instances/{instance}/keys")
}

/// `GET /console/instances/{instance}/keys`
pub(crate) async fn show(
    State(console): State<Console>,
    SignedIn(session): SignedIn,
    Path(instance): Path<Uuid>,
    Query(query): Query<ListQuery>,
) -> Result<Markup, Failure> {
    let (instance, api) = console.instance(&session, instance).await?;
    let found = api.keys(&query.key_query()).await?;
    let lead = html! {
        (instance.name) ", " (instance.region) ". Root keys protect resources of other services. The ⋮ menu of a key shows them and \
        synchronizes their services."
    };
    Ok(Page {
        crumbs: &[frame::RESOURCES],
        lead: Some(lead),
        content: table(instance.id, &query, &found, console.now()),
        ..frame::page(&session, "KMS keys")
    }
    .render())
}

impl ListQuery {
    fn key_query(&self) -> KeyQuery {
        KeyQuery {
            search: self.search.trim().chars().take(90).collect(),
            state: self.state(),
            offset: self.paging.offset(),
            limit: self.paging.limit(),
        }
    }

    fn state(&self) -> Option<KeyState> {
        KeyState::ALL.into_iter().find(|state| state.number().to_string() == self.state)
    }

    fn is_filtered(&self) -> bool {
        !self.search.trim().is_empty() || self.state().is_some()
    }
}

fn table(instance: Uuid, query: &ListQuery, found: &KeyPage, now: Timestamp) -> Markup {
    let path = path(instance);
    let columns = ["Name", "ID", "Type", "State", "Key ring", "Last rotated", "Last notified", "Actions"]
        .map(|label| Column { label, hidden: label == "Actions" });
    let shown = Shown { items: "keys", number: found.keys.len(), more: found.more, total: found.total };
    let keep = [("search", query.search.as_str()), ("state", query.state.as_str())];
    data_table(DataTable {
        id: "keys",
        title: "Keys",
        toolbar: Some(toolbar(&path, &not_acted::path(instance), query)),
        columns: &columns,
        rows: found.keys.iter().map(|key| row(KeyPath { instance, key: key.id }, key, now)).collect(),
        empty: Some(query.paging.after_the_end(&path, "keys").unwrap_or_else(|| no_keys(&path, query))),
        below: Some(query.paging.bar(&path, &keep, &shown)),
        ..DataTable::default()
    })
}

fn toolbar(path: &str, not_acted: &str, query: &ListQuery) -> Markup {
    let states: Vec<(String, String)> =
        KeyState::ALL.iter().map(|state| (state.number().to_string(), state.name())).collect();
    let mut options = vec![("", "All states")];
    options.extend(states.iter().map(|(number, name)| (number.as_str(), name.as_str())));
    html! {
        form.toolbar method="get" action=(path) role="search" aria-label="Keys" {
            (search_field(Field {
                name: "search",
                label: "Search by name, alias or ID",
                value: &query.search,
                placeholder: Some("Search by name, alias or ID"),
                autocomplete: Some("off"),
                ..Field::default()
            }))
            (select_field(Field { name: "state", label: "State", value: &query.state, ..Field::default() }, &options))
            input type="hidden" name="limit" value=(query.paging.limit());
            (button(Button::Primary, "Search"))
            @if query.is_filtered() { (link_button(Button::Ghost, path, "Clear")) }
            (link_button(Button::Tertiary, not_acted, "Who has not acted?"))
        }
    }
}

fn no_keys(path: &str, query: &ListQuery) -> Markup {
    if query.is_filtered() {
        let body = html! { p { "No key of this instance matches this name, alias or ID, and state." } };
        return empty_state(
            "No keys found",
            body,
            Some(link_button(Button::Tertiary, path, "Show all keys")),
        );
    }
    let body = html! { p { "Create keys with the API or the command line." } };
    empty_state("No keys yet", body, None)
}

fn row(path: KeyPath, key: &Key, now: Timestamp) -> Vec<Markup> {
    let date = |at: Option<Timestamp>| {
        html! { @if let Some(at) = at { (relative(at, now)) } @else { span.nothing { "Never" } } }
    };
    let resources = path.to("resources");
    let name = html! { @if key.name.is_empty() { "(no name)" } @else { (key.name) } };
    vec![
        if key.extractable {
            name
        } else {
            html! { a href=(resources) { (name) } }
        },
        copy_id(&key.id.to_string(), &format!("ID of {}", key.title())),
        html! { (if key.extractable { "Standard" } else { "Root" }) },
        tag(words::state_tag(key.state), &key.state.name()),
        html! { (key.ring) },
        date(key.last_rotate_date),
        if key.extractable {
            html! { span.nothing { "–" } }
        } else {
            date(key.last_notification_date)
        },
        menu(path, key),
    ]
}

/// The actions of a key. Standard keys have no associated resources to show or synchronize.
fn menu(path: KeyPath, key: &Key) -> Markup {
    let mut links = Vec::new();
    if !key.extractable {
        links.push(("View associated resources", path.to("resources"), false));
        links.push(("Synchronize associated resources", path.to("resources#synchronize"), false));
    }
    for action in key.actions() {
        let wording = words::action(action);
        links.push((wording.name, path.to(&format!("actions/{}", action.name())), wording.danger));
    }
    if links.is_empty() {
        return html! { span.nothing { "–" } };
    }
    let items: Vec<_> =
        links.iter().map(|(label, href, danger)| MenuItem { label, href, danger: *danger }).collect();
    overflow_menu(&format!("menu-{}", key.id), &format!("Actions for {}", key.title()), &items)
}
