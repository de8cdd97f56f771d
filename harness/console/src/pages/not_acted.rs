//! Who has not acted? The services of all keys of an instance that need attention, the worst first.

use axum::extract::{Path, Query, State};
use jiff::Timestamp;
use maud::{Markup, html};
use uuid::Uuid;

use super::{
    KeyPath, frame, keys, notifications,
    paging::{Paging, Shown},
    words,
};
use crate::{
    Console,
    api::{KeyPage, KeyQuery, Notification},
    failure::Failure,
    signed_in::SignedIn,
    view::{Column, Crumb, DataTable, Page, data_table, empty_state, tag},
};

/// Path of the page.
pub(super) fn path(instance: Uuid) -> String {
    format!("/console/instances/{instance}/not-acted")
}

/// `GET /console/instances/{instance}/not-acted`
pub(crate) async fn show(
    State(console): State<Console>,
    SignedIn(session): SignedIn,
    Path(instance): Path<Uuid>,
    Query(paging): Query<Paging>,
) -> Result<Markup, Failure> {
    let (instance, api) = console.instance(&session, instance).await?;
    let query = KeyQuery { offset: paging.offset(), limit: paging.limit(), ..KeyQuery::default() };
    let page = api.keys(&query).await?;
    let services = api.not_acted(&page.keys).await?;
    let keys_path = keys::path(instance.id);
    let lead = html! {
        "Services that were notified and did not act, as far as is known: they did not report it within four hours, \
         reported another state, or could not be reached."
    };
    Ok(Page {
        crumbs: &[frame::RESOURCES, Crumb { label: &instance.name, href: &keys_path }],
        lead: Some(lead),
        content: table(instance.id, &paging, &page, &services, console.now()),
        ..frame::page(&session, "Who has not acted?")
    }
    .render())
}

fn table(
    instance: Uuid,
    paging: &Paging,
    page: &KeyPage,
    services: &[(usize, Notification)],
    now: Timestamp,
) -> Markup {
    let path = path(instance);
    let columns = ["Key", "Service", "Status", "Details"].map(|label| Column { label, ..Column::default() });
    let shown = Shown { items: "keys", number: page.keys.len(), more: page.more, total: page.total };
    let row = |(at, service): &(usize, Notification)| {
        let key = &page.keys[*at];
        let resources = KeyPath { instance, key: key.id }.to("resources");
        let (kind, text) = words::status(service.status);
        vec![
            html! { a href=(resources) { (key.title()) } },
            html! { (service.service) },
            tag(kind, text),
            notifications::details(service, now),
        ]
    };
    let nothing = || {
        let body = html! { p { "Every service of these keys has received its notification, and acted in time if it reports so." } };
        empty_state("Every service has acted", body, None)
    };
    data_table(DataTable {
        id: "not-acted",
        title: "Services",
        description: Some("Of the keys on this page, the worst first."),
        columns: &columns,
        rows: services.iter().map(row).collect(),
        empty: Some(if page.keys.is_empty() {
            paging.after_the_end(&path, "keys").unwrap_or_else(nothing)
        } else {
            nothing()
        }),
        below: Some(paging.bar(&path, &[], &shown)),
        ..DataTable::default()
    })
}
