//! KMS keys: the Keys table of an instance.

use axum::extract::{Path, Query, State};
use jiff::Timestamp;
use maud::{Markup, html};
use serde::Deserialize;
use uuid::Uuid;

use super::{
    KeyPath, bulk_sync, frame, new_key, not_acted,
    paging::{Paging, Shown},
    sorting::{Property, Sorting},
    words,
};
use crate::{
    Console,
    api::{Instance, Key, KeyPage, KeyQuery, KeyState},
    failure::Failure,
    signed_in::SignedIn,
    view::{
        Button, Column, DataTable, Dialog, Field, MenuItem, Page, button, copy_id, data_table, dialog_button,
        empty_state, isolated, link_button, name, overflow_menu, relative, row_checkbox, search_field,
        select_field, tag,
    },
};

/// Query parameters of the page.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(crate) struct ListQuery {
    search: String,
    state: String,
    sort: String,
    #[serde(flatten)]
    paging: Paging,
}

const COLUMNS: [&str; 8] =
    ["Name", "ID", "Type", "State", "Key ring", "Last rotated", "Last notified", "Actions"];

/// The properties by which the API sorts. Names are not among them.
const PROPERTIES: &[Property] = &[
    Property { name: "creationDate", label: "Created" },
    Property { name: "id", label: "ID" },
    Property { name: "extractable", label: "Type" },
    Property { name: "state", label: "State" },
    Property { name: "lastRotateDate", label: "Last rotated" },
];

/// The documented way to a sync, which differs by service.
#[derive(Clone, Copy)]
enum Walk {
    /// KMS keys, ⋮, Synchronize associated resources, and the page with the button.
    HyperProtect,
    /// Keys, ⋯, Sync, and a side panel with the button.
    KeyProtect,
}

impl Walk {
    fn of(instance: &Instance) -> Self {
        if instance.service() == "kms" { Self::KeyProtect } else { Self::HyperProtect }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::HyperProtect => "KMS keys",
            Self::KeyProtect => "Keys",
        }
    }
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
        (name(&instance.name)) ", " (instance.region) ". Root keys protect resources of other services. The ⋮ menu of a key shows them and \
        synchronizes their services."
    };
    Ok(Page {
        crumbs: &[frame::RESOURCES],
        lead: Some(lead),
        content: table(&instance, session.csrf().as_str(), &query, &found, console.now()),
        ..frame::page(&session, Walk::of(&instance).title())
    }
    .render())
}

impl ListQuery {
    fn key_query(&self) -> KeyQuery {
        KeyQuery {
            search: self.search.trim().chars().take(90).collect(),
            state: self.state(),
            root_keys_only: false,
            sort: self.sorting().parameter().to_owned(),
            offset: self.paging.offset(),
            limit: self.paging.limit(),
        }
    }

    fn sorting(&self) -> Sorting {
        Sorting::parse(&self.sort, PROPERTIES, "-creationDate")
    }

    fn state(&self) -> Option<KeyState> {
        KeyState::ALL.into_iter().find(|state| state.number().to_string() == self.state)
    }

    fn is_filtered(&self) -> bool {
        !self.search.trim().is_empty() || self.state().is_some()
    }
}

fn table(instance: &Instance, csrf: &str, query: &ListQuery, found: &KeyPage, now: Timestamp) -> Markup {
    let (path, walk) = (path(instance.id), Walk::of(instance));
    let keep = [("search", query.search.as_str()), ("state", &query.state), ("sort", &query.sort)];
    let sorting = query.sorting();
    let links = sorting.links(&path, &keep);
    let columns = COLUMNS.map(|label| Column { hidden: label == "Actions", ..sorting.column(label, &links) });
    let shown = Shown { items: "keys", number: found.keys.len(), more: found.more, total: found.total };
    data_table(DataTable {
        id: "keys",
        title: "Keys",
        toolbar: Some(html! {
            (toolbar(&path, query))
            (actions(instance.id, csrf, found))
        }),
        columns: &columns,
        rows: found
            .keys
            .iter()
            .map(|key| row(walk, KeyPath { instance: instance.id, key: key.id }, key, now))
            .collect(),
        empty: Some(query.paging.after_the_end(&path, "keys").unwrap_or_else(|| no_keys(&path, query))),
        below: Some(query.paging.bar(&path, &keep, &shown)),
        ..DataTable::default()
    })
}

/// What concerns several keys, or none yet.
fn actions(instance: Uuid, csrf: &str, found: &KeyPage) -> Markup {
    html! {
        .row.row--buttons {
            @if found.keys.iter().any(|key| !key.extractable) { (bulk_sync::selected(instance, csrf)) }
            (link_button(Button::Ghost, &not_acted::path(instance), "Who has not acted?"))
            (dialog_button(Button::Primary, &new_key::path(instance), "Create key"))
        }
    }
}

fn toolbar(path: &str, query: &ListQuery) -> Markup {
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
            (query.sorting().field())
            input type="hidden" name="limit" value=(query.paging.limit());
            (button(Button::Secondary, "Search"))
            @if query.is_filtered() { (link_button(Button::Ghost, path, "Clear")) }
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
    let body = html! { p { "Create the first one here, with the API or with the command line." } };
    empty_state("No keys yet", body, None)
}

fn row(walk: Walk, path: KeyPath, key: &Key, now: Timestamp) -> Vec<Markup> {
    let date = |at: Option<Timestamp>| {
        html! { @if let Some(at) = at { (relative(at, now)) } @else { span.nothing { "Never" } } }
    };
    let resources = path.to("resources");
    let label = html! { @if key.name.is_empty() { "(no name)" } @else { (name(&key.name)) } };
    vec![
        if key.extractable {
            label
        } else {
            html! {
                (row_checkbox(bulk_sync::FORM, &bulk_sync::field(key.id), &format!("Select {}", isolated(&key.title()))))
                a href=(resources) { (label) }
            }
        },
        copy_id(&key.id.to_string(), &format!("ID of {}", isolated(&key.title()))),
        html! { (if key.extractable { "Standard" } else { "Root" }) },
        tag(words::state_tag(key.state), &key.state.name()),
        name(&key.ring),
        date(key.last_rotate_date),
        if key.extractable {
            html! { span.nothing { "–" } }
        } else {
            date(key.last_notification_date)
        },
        menu(walk, path, key),
    ]
}

/// The actions of a key. Standard keys have no associated resources to show or synchronize.
fn menu(walk: Walk, path: KeyPath, key: &Key) -> Markup {
    let mut links = Vec::new();
    if !key.extractable {
        links.push(("View associated resources", path.to("resources"), false, None));
        links.push(match walk {
            Walk::HyperProtect => {
                ("Synchronize associated resources", path.to("resources#synchronize"), false, None)
            }
            Walk::KeyProtect => ("Sync", path.to("sync"), false, Some(Dialog::SidePanel)),
        });
    }
    for action in key.actions() {
        let wording = words::action(action);
        let page = path.to(&format!("actions/{}", action.name()));
        links.push((wording.name, page, wording.danger, Some(Dialog::Modal)));
    }
    if links.is_empty() {
        return html! { span.nothing { "–" } };
    }
    let items: Vec<_> = links
        .iter()
        .map(|(label, href, danger, dialog)| MenuItem { label, href, danger: *danger, dialog: *dialog })
        .collect();
    overflow_menu(&format!("menu-{}", key.id), &format!("Actions for {}", isolated(&key.title())), &items)
}
