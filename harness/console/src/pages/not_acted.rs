//! Who has not acted? The services of all keys of an instance that need attention, the worst first.

use std::collections::BTreeSet;

use axum::extract::{Path, Query, State};
use jiff::Timestamp;
use maud::{Markup, html};
use serde::Deserialize;
use uuid::Uuid;

use super::{
    KeyPath, bulk_sync, frame, keys, notifications,
    paging::{Paging, Shown},
    sorting::{Property, Sorting},
    words,
};
use crate::{
    Console,
    api::{KeyPage, KeyQuery, Notification},
    failure::Failure,
    signed_in::SignedIn,
    view::{
        Button, Crumb, DataTable, Field, Page, button, data_table, empty_state, link_button, name,
        select_field, tag,
    },
};

/// Maximum number of keys that one page covers.
const KEYS: u32 = 200;

/// The properties by which the table is sorted. By status, the worst come first.
const PROPERTIES: &[Property] = &[
    Property { name: "key", label: "Key" },
    Property { name: "service", label: "Service" },
    Property { name: "status", label: "Status" },
];

/// Query parameters of the page.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct ListQuery {
    service: String,
    status: String,
    sort: String,
    #[serde(flatten)]
    paging: Paging,
}

/// Path of the page.
pub(super) fn path(instance: Uuid) -> String {
    format!("/console/instances/{instance}/not-acted")
}

/// `GET /console/instances/{instance}/not-acted`
pub(crate) async fn show(
    State(console): State<Console>,
    SignedIn(session): SignedIn,
    Path(instance): Path<Uuid>,
    Query(query): Query<ListQuery>,
) -> Result<Markup, Failure> {
    let (instance, api) = console.instance(&session, instance).await?;
    let query = ListQuery { paging: query.paging.with_fixed_limit(KEYS), ..query };
    let (offset, limit) = (query.paging.offset(), query.paging.limit());
    let page = api.keys(&KeyQuery { root_keys_only: true, offset, limit, ..KeyQuery::default() }).await?;
    let services = api.not_acted(&page.keys).await?;
    let keys_path = keys::path(instance.id);
    let lead = html! {
        "Services that were notified and did not act, as far as is known: they did not report it within four hours, \
         reported another state, or could not be reached."
    };
    Ok(Page {
        crumbs: &[frame::RESOURCES, Crumb { label: &instance.name, href: &keys_path }],
        lead: Some(lead),
        content: table(instance.id, session.csrf().as_str(), &query, &page, &services, console.now()),
        ..frame::page(&session, "Who has not acted?")
    }
    .render())
}

impl ListQuery {
    fn matches(&self, service: &Notification) -> bool {
        (self.service.is_empty() || self.service == service.service)
            && (self.status.is_empty() || self.status == words::status_name(service.status))
    }

    fn sorting(&self) -> Sorting {
        Sorting::parse(&self.sort, PROPERTIES, "status")
    }

    /// The services that match, in order. `all` has the worst first.
    fn select<'a>(&self, page: &KeyPage, all: &'a [(usize, Notification)]) -> Vec<&'a (usize, Notification)> {
        let mut selected: Vec<_> = all.iter().filter(|(_, service)| self.matches(service)).collect();
        let sorting = self.sorting();
        match sorting.property() {
            "key" => selected.sort_by_key(|(at, _)| page.keys[*at].title().to_lowercase()),
            "service" => selected.sort_by(|(_, one), (_, other)| one.service.cmp(&other.service)),
            _ => {}
        }
        if sorting.is_descending() {
            selected.reverse();
        }
        selected
    }

    /// All parameters but the paging's.
    fn parameters(&self) -> [(&str, &str); 3] {
        [("service", &self.service), ("status", &self.status), ("sort", &self.sort)]
    }

    fn is_filtered(&self) -> bool {
        !self.service.is_empty() || !self.status.is_empty()
    }
}

fn toolbar(path: &str, query: &ListQuery, services: &[(usize, Notification)]) -> Markup {
    let mut names: Vec<_> = services.iter().map(|(_, service)| service.service.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let mut options = vec![("", "All services")];
    options.extend(names.into_iter().map(|name| (name, name)));
    let statuses = words::status_options(services.iter().map(|(_, service)| service));
    html! {
        form.toolbar method="get" action=(path) role="search" aria-label="Services" {
            (select_field(Field { name: "service", label: "Service", value: &query.service, ..Field::default() }, &options))
            (select_field(Field { name: "status", label: "Status", value: &query.status, ..Field::default() }, &statuses))
            (query.sorting().field())
            (button(Button::Secondary, "Filter"))
            @if query.is_filtered() { (link_button(Button::Ghost, path, "Clear")) }
        }
    }
}

/// The keys of `services`, each once.
fn keys_of(page: &KeyPage, services: &[&(usize, Notification)]) -> impl Iterator<Item = Uuid> {
    let positions: BTreeSet<usize> = services.iter().map(|(at, _)| *at).collect();
    positions.into_iter().map(|at| page.keys[at].id)
}

fn table(
    instance: Uuid,
    csrf: &str,
    query: &ListQuery,
    page: &KeyPage,
    services: &[(usize, Notification)],
    now: Timestamp,
) -> Markup {
    let path = path(instance);
    let (sorting, keep) = (query.sorting(), query.parameters());
    let links = sorting.links(&path, &keep);
    let columns = ["Key", "Service", "Status", "Details"].map(|label| sorting.column(label, &links));
    let ListQuery { paging, .. } = query;
    let shown = Shown { items: "keys", number: page.keys.len(), more: page.more, total: page.total };
    let row = |(at, service): &(usize, Notification)| {
        let key = &page.keys[*at];
        let resources = KeyPath { instance, key: key.id }.to("resources");
        let (kind, text) = words::status(service.status);
        vec![
            html! { a href=(resources) { (name(&key.title())) } },
            name(&service.service),
            tag(kind, text),
            notifications::details(service, now),
        ]
    };
    let nothing = || {
        if query.is_filtered() && !services.is_empty() {
            let all = link_button(Button::Tertiary, &path, "Show all services");
            return empty_state(
                "No services found",
                html! { p { "No service matches the filter." } },
                Some(all),
            );
        }
        let body = html! { p { "Every service of these keys has received its notification, and acted in time if it reports so." } };
        empty_state("Every service has acted", body, None)
    };
    let selected = query.select(page, services);
    let description = match words::not_acted(services.iter().map(|(_, service)| service)) {
        text if text.is_empty() => "Of all root keys, up to 200 on a page.".to_owned(),
        text if query.sorting().parameter() == "status" => format!("{text}. The worst come first."),
        text => format!("{text}."),
    };
    data_table(DataTable {
        id: "not-acted",
        title: "Services",
        description: Some(&description),
        toolbar: (!services.is_empty()).then(|| {
            html! {
                (toolbar(&path, query, services))
                @if !selected.is_empty() { (bulk_sync::these(instance, csrf, keys_of(page, &selected))) }
            }
        }),
        columns: &columns,
        rows: selected.iter().map(|found| row(found)).collect(),
        empty: Some(if page.keys.is_empty() {
            paging.after_the_end(&path, "keys").unwrap_or_else(nothing)
        } else {
            nothing()
        }),
        below: Some(paging.bar(&path, &keep, &shown)),
    })
}
