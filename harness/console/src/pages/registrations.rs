//! The registered resources of a key.

use jiff::Timestamp;
use maud::{Markup, html};

use super::{
    KeyPath,
    paging::Shown,
    registrations_query::{COLUMNS, ListQuery, NO_POLICY, PREVENTS_DELETION, Selected},
    words,
};
use crate::{
    api::{Key, LastNotification, Registration, Registrations},
    view::{
        Button, DataTable, Field, Tag, button, data_table, empty_state, link_button, name, relative,
        search_field, select_field, tag,
    },
};

pub(super) fn table(
    path: KeyPath,
    query: &ListQuery,
    all: &Registrations,
    last: &LastNotification,
    key: &Key,
    now: Timestamp,
) -> Markup {
    let url = path.to("resources");
    let matching = query.select(all, last);
    let (offset, limit) = (query.paging.offset(), query.paging.limit());
    let page: Vec<_> = matching.iter().skip(offset).take(limit).collect();
    let more = matching.len() > offset.saturating_add(limit);
    let shown = Shown { items: "resources", number: page.len(), more, total: Some(matching.len()) };
    let (sorting, keep) = (query.sorting(), query.parameters());
    let links = sorting.links(&url, &keep);
    let columns = COLUMNS.map(|label| sorting.column(label, &links));
    let only = format!("Only the first {} of {} are listed.", all.found.len(), all.total);
    data_table(DataTable {
        id: "registrations",
        title: "Associated resources",
        description: Some(if all.total > all.found.len() {
            &only
        } else {
            "Resources that services registered under this key. A sync notifies each service once, regardless of its number of resources."
        }),
        toolbar: (!all.found.is_empty()).then(|| toolbar(&url, query, all, last)),
        columns: &columns,
        rows: page.iter().map(|selected| row(selected, key, now)).collect(),
        empty: Some(
            query.paging.after_the_end(&url, "resources").unwrap_or_else(|| no_resources(&url, query)),
        ),
        below: (!all.found.is_empty()).then(|| query.paging.bar(&url, &keep, &shown)),
    })
}

fn toolbar(url: &str, query: &ListQuery, all: &Registrations, last: &LastNotification) -> Markup {
    let mut services: Vec<_> = all.found.iter().map(|found| found.resource().service).collect();
    services.dedup();
    let mut service_options = vec![("", "All services")];
    service_options.extend(services.into_iter().map(|service| (service, service)));
    let policies =
        [("", "All retention policies"), (PREVENTS_DELETION, "Prevents deletion"), (NO_POLICY, "None")];
    let select = |name, label, value, options: &[(&str, &str)]| {
        select_field(Field { name, label, value, ..Field::default() }, options)
    };
    html! {
        form.toolbar method="get" action=(url) role="search" aria-label="Associated resources" {
            (search_field(Field {
                name: "filter",
                label: "Filter by resource, service or region",
                value: &query.filter,
                placeholder: Some("Filter by resource, service or region"),
                autocomplete: Some("off"),
                ..Field::default()
            }))
            (select("service", "Service", &query.service, &service_options))
            (select("policy", "Retention policy", &query.policy, &policies))
            @if let Some(services) = last.services() {
                (select("status", "Status", &query.status, &words::status_options(services.iter())))
            }
            (query.sorting().field())
            input type="hidden" name="limit" value=(query.paging.limit());
            (button(Button::Secondary, "Filter"))
            @if query.is_filtered() { (link_button(Button::Ghost, url, "Clear")) }
        }
    }
}

fn no_resources(url: &str, query: &ListQuery) -> Markup {
    if !query.is_filtered() {
        let body = html! {
            p { "No service has registered a resource under this key. A sync is accepted and notifies no service." }
        };
        return empty_state("No associated resources", body, None);
    }
    let body = html! { p { "No associated resource matches the filter." } };
    empty_state("No resources found", body, Some(link_button(Button::Tertiary, url, "Show all resources")))
}

fn row(selected: &Selected<'_>, key: &Key, now: Timestamp) -> Vec<Markup> {
    let Selected { registration, status } = selected;
    let resource = registration.resource();
    vec![
        html! {
            bdi title=(registration.resource_crn) { (resource.name) }
            @if !registration.description.is_empty() { br; small { (name(&registration.description)) } }
        },
        name(resource.service),
        name(resource.kind),
        html! { (resource.region) },
        html! { @if registration.prevent_key_deletion { "Prevents deletion of the key" } @else { "None" } },
        key_version(registration, key),
        html! {
            @match status {
                // The script copies the status from the table of services.
                Some(status) => span data-status-of=(resource.service) {
                    @let (kind, text) = words::status(*status);
                    (tag(kind, text))
                },
                None => span.nothing { "–" },
            }
        },
        html! { @match registration.creation_date { Some(at) => (relative(at, now)), None => "–" } },
    ]
}

fn key_version(registration: &Registration, key: &Key) -> Markup {
    let latest = key.version.as_ref().map(|version| version.id.as_str());
    let version = registration.key_version.as_ref().map(|version| version.id.as_str());
    html! {
        @match version {
            None => span.nothing { "Unknown" },
            Some(version) if Some(version) == latest => (tag(Tag::Plain, "Latest")),
            Some(version) => { (tag(Tag::Outdated, "Older")) " " code title=(version) { (version.get(..8).unwrap_or(version)) } }
        }
    }
}
