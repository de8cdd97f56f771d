//! Harness: the requests that a harness received, and forms for faults.

use axum::extract::{Query, State};
use http::HeaderMap;
use jiff::Timestamp;
use maud::{Markup, html};
use serde::Deserialize;

use super::{
    frame, harness_faults,
    paging::{Paging, Shown},
};
use crate::{
    Console,
    api::Exchange,
    failure::Failure,
    signed_in::SignedIn,
    view::{
        Button, Column, DataTable, Field, Notice, NoticeKind, Page, Tag, button, data_table, link_button,
        live, relative, search_field, select_field, tag,
    },
};

pub(super) const PATH: &str = "/console/harness";

/// Interval of live updates, in ms.
const UPDATE_INTERVAL: u32 = 3_000;

const PARTS: [(&str, &str); 4] =
    [("", "All parts"), ("endpoint", "Endpoint"), ("iam", "IAM"), ("services", "Services")];

/// Query parameters of the journal.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct ListQuery {
    filter: String,
    part: String,
    #[serde(flatten)]
    paging: Paging,
}

/// `GET /console/harness`
pub(crate) async fn show(
    State(console): State<Console>,
    SignedIn(session): SignedIn,
    Query(query): Query<ListQuery>,
    headers: HeaderMap,
) -> Result<Markup, Failure> {
    let control = console.control.as_ref().ok_or(Failure::NoPage)?;
    let (services, mut requests) = tokio::try_join!(control.services(), control.requests())?;
    requests.reverse();
    requests.retain(|request| query.matches(request));
    // An update of the page must not take the message from the page that follows.
    let is_update = headers.contains_key("x-requested-with");
    let fault = if is_update { None } else { session.take_fault() };
    let notice = fault.as_ref().map(|fault| match fault {
        Ok(text) => {
            Notice { kind: NoticeKind::Success, title: "The fault is set", body: html! { p { (text) } } }
        }
        Err(text) => {
            Notice { kind: NoticeKind::Error, title: "The fault is not set", body: html! { p { (text) } } }
        }
    });
    let url = query.url();
    let content = html! {
        (harness_faults::forms(&services, session.csrf().as_str()))
        (toolbar(&query))
        (live("journal", &url, UPDATE_INTERVAL, journal(&query, &requests, console.now())))
    };
    let lead = html! { "Inject faults into the emulated systems, and see the requests that they received." };
    Ok(Page { notice, lead: Some(lead), content, ..frame::page(&session, "Harness") }.render())
}

impl ListQuery {
    fn matches(&self, request: &Exchange) -> bool {
        let text = format!("{} {} {}", request.method, request.path, request.status.unwrap_or_default());
        text.to_lowercase().contains(&self.filter.trim().to_lowercase())
            && (self.part.is_empty() || self.part == request.to)
    }

    fn url(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.parameters()).append_pair("limit", &self.paging.limit().to_string());
        format!("{PATH}?{}", query.append_pair("page", &self.paging.page().to_string()).finish())
    }

    fn parameters(&self) -> [(&str, &str); 2] {
        [("filter", &self.filter), ("part", &self.part)]
    }

    fn is_filtered(&self) -> bool {
        !self.filter.trim().is_empty() || !self.part.is_empty()
    }
}

fn toolbar(query: &ListQuery) -> Markup {
    let part = Field { name: "part", label: "Part", value: &query.part, ..Field::default() };
    html! {
        .data-table__toolbar { form.toolbar method="get" action=(PATH) role="search" aria-label="Requests" {
            (search_field(Field {
                name: "filter",
                label: "Filter by method, path or status",
                value: &query.filter,
                placeholder: Some("Filter by method, path or status"),
                autocomplete: Some("off"),
                ..Field::default()
            }))
            (select_field(part, &PARTS))
            (button(Button::Secondary, "Filter"))
            @if query.is_filtered() { (link_button(Button::Ghost, PATH, "Clear")) }
        } }
    }
}

fn journal(query: &ListQuery, requests: &[Exchange], now: Timestamp) -> Markup {
    let (offset, limit) = (query.paging.offset(), query.paging.limit());
    let page: Vec<_> = requests.iter().skip(offset).take(limit).collect();
    let more = requests.len() > offset.saturating_add(limit);
    let shown = Shown { items: "requests", number: page.len(), more, total: Some(requests.len()) };
    let columns =
        ["Request", "To", "Status", "Duration", "When"].map(|label| Column { label, ..Column::default() });
    data_table(DataTable {
        id: "requests",
        title: "Requests",
        description: Some("Without headers and bodies, newest first."),
        columns: &columns,
        rows: page.into_iter().map(|request| row(request, now)).collect(),
        empty: query.paging.after_the_end(PATH, "requests"),
        below: Some(query.paging.bar(PATH, &query.parameters(), &shown)),
        ..DataTable::default()
    })
}

fn row(request: &Exchange, now: Timestamp) -> Vec<Markup> {
    let status = match (request.status, request.millis) {
        (Some(status @ 200..=399), _) => tag(Tag::Active, &status.to_string()),
        (Some(status @ 400..=499), _) => tag(Tag::Suspended, &status.to_string()),
        (Some(status), _) => tag(Tag::Failed, &status.to_string()),
        (None, Some(_)) => tag(Tag::Failed, "Connection cut"),
        (None, None) => tag(Tag::Pending, "No response yet"),
    };
    vec![
        html! { code { (request.method) " " (request.path) } },
        html! { (request.to) },
        status,
        html! { @if let Some(millis) = request.millis { (millis) " ms" } @else { span.nothing { "–" } } },
        relative(request.at(), now),
    ]
}
