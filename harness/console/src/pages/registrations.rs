//! The resources that a key protects, as their services registered them.

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

/// What the table is asked to show.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    filter: String,
    #[serde(flatten)]
    paging: Paging,
}

pub(super) fn table(path: KeyPath, asked: &Asked, all: &Registrations, key: &Key, now: Timestamp) -> Markup {
    let url = path.to("resources");
    let wanted = asked.filter.trim().to_lowercase();
    let matching: Vec<_> = all.found.iter().filter(|found| matches(found, &wanted)).collect();
    let (offset, limit) = (asked.paging.offset(), asked.paging.limit());
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
            "What the services said that this key protects. A sync goes to each service once, however many resources it has here."
        }),
        toolbar: (!all.found.is_empty()).then(|| toolbar(&url, asked)),
        columns: &columns,
        rows: page.iter().map(|registration| row(registration, key, now)).collect(),
        empty: Some(asked.paging.after_the_end(&url, "resources").unwrap_or_else(|| nothing(&url, asked))),
        below: (!all.found.is_empty())
            .then(|| asked.paging.bar(&url, &[("filter", asked.filter.as_str())], &shown)),
    })
}

fn matches(registration: &Registration, wanted: &str) -> bool {
    let text = format!("{} {}", registration.resource_crn, registration.description).to_lowercase();
    text.contains(wanted)
}

fn toolbar(url: &str, asked: &Asked) -> Markup {
    html! {
        form.toolbar method="get" action=(url) role="search" aria-label="Associated resources" {
            (search_field(Field {
                name: "filter",
                label: "Filter by resource, service or region",
                value: &asked.filter,
                placeholder: Some("Filter by resource, service or region"),
                autocomplete: Some("off"),
                ..Field::default()
            }))
            input type="hidden" name="limit" value=(asked.paging.limit());
            (button(Button::Secondary, "Filter"))
            @if !asked.filter.trim().is_empty() { (link_button(Button::Ghost, url, "Clear")) }
        }
    }
}

fn nothing(url: &str, asked: &Asked) -> Markup {
    if asked.filter.trim().is_empty() {
        let body = html! {
            p { "No service said that this key protects something. A sync is accepted and tells nobody." }
        };
        return empty_state("No associated resources", body, None);
    }
    let body = html! { p { "No associated resource has that in its name, service, region or description." } };
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
