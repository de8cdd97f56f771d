//! The registered resources of a key.

use jiff::Timestamp;
use maud::{Markup, html};
use serde::Deserialize;

use super::{
    KeyPath,
    paging::{Paging, Shown},
};
use crate::{
    api::{Key, Registration, Registrations},
    view::{
        Button, Column, DataTable, Field, Tag, button, data_table, empty_state, link_button, relative,
        search_field, tag,
    },
};

/// Query parameters of the table.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct ListQuery {
    filter: String,
    #[serde(flatten)]
    paging: Paging,
}

pub(super) fn table(
    path: KeyPath,
    query: &ListQuery,
    all: &Registrations,
    key: &Key,
    now: Timestamp,
) -> Markup {
    let url = path.to("resources");
    let filter = query.filter.trim().to_lowercase();
    let matching: Vec<_> = all.found.iter().filter(|found| matches(found, &filter)).collect();
    let (offset, limit) = (query.paging.offset(), query.paging.limit());
    let page: Vec<_> = matching.iter().skip(offset).take(limit).collect();
    let more = matching.len() > offset.saturating_add(limit);
    let shown = Shown { items: "resources", number: page.len(), more, total: Some(matching.len()) };
    let columns = ["Resource", "Service", "Type", "Region", "Retention policy", "Key version", "Since"]
        .map(|label| Column { label, ..Column::default() });
    let only = format!("Only the first {} of {} are listed.", all.found.len(), all.total);
    data_table(DataTable {
        id: "registrations",
        title: "Associated resources",
        description: Some(if all.total > all.found.len() {
            &only
        } else {
            "Resources that services registered under this key. A sync notifies each service once, regardless of its number of resources."
        }),
        toolbar: (!all.found.is_empty()).then(|| toolbar(&url, query)),
        columns: &columns,
        rows: page.iter().map(|registration| row(registration, key, now)).collect(),
        empty: Some(
            query.paging.after_the_end(&url, "resources").unwrap_or_else(|| no_resources(&url, query)),
        ),
        below: (!all.found.is_empty())
            .then(|| query.paging.bar(&url, &[("filter", query.filter.as_str())], &shown)),
    })
}

fn matches(registration: &Registration, filter: &str) -> bool {
    let text = format!("{} {}", registration.resource_crn, registration.description).to_lowercase();
    text.contains(filter)
}

fn toolbar(url: &str, query: &ListQuery) -> Markup {
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
            input type="hidden" name="limit" value=(query.paging.limit());
            (button(Button::Secondary, "Filter"))
            @if !query.filter.trim().is_empty() { (link_button(Button::Ghost, url, "Clear")) }
        }
    }
}

fn no_resources(url: &str, query: &ListQuery) -> Markup {
    if query.filter.trim().is_empty() {
        let body = html! {
            p { "No service has registered a resource under this key. A sync is accepted and notifies no service." }
        };
        return empty_state("No associated resources", body, None);
    }
    let body = html! { p { "No associated resource matches in its name, service, region or description." } };
    empty_state("No resources found", body, Some(link_button(Button::Tertiary, url, "Show all resources")))
}

fn row(registration: &Registration, key: &Key, now: Timestamp) -> Vec<Markup> {
    let resource = registration.resource();
    let current = key.version.as_ref().map(|version| version.id.as_str());
    let version = registration.key_version.as_ref().map(|version| version.id.as_str());
    vec![
        html! {
            span title=(registration.resource_crn) { (resource.name) }
            @if !registration.description.is_empty() { br; small { (registration.description) } }
        },
        html! { (resource.service) },
        html! { (resource.kind) },
        html! { (resource.region) },
        html! { @if registration.prevent_key_deletion { "Prevents deletion of the key" } @else { "None" } },
        html! {
            @match version {
                None => span.nothing { "Unknown" },
                Some(version) if Some(version) == current => (tag(Tag::Plain, "Latest")),
                Some(version) => { (tag(Tag::Outdated, "Older")) " " code title=(version) { (version.get(..8).unwrap_or(version)) } }
            }
        },
        html! { @match registration.creation_date { Some(at) => (relative(at, now)), None => "–" } },
    ]
}
