//! Harness: the requests that a harness received, and forms for faults.

use axum::extract::{Query, State};
use http::HeaderMap;
use jiff::Timestamp;
use maud::{Markup, html};

use super::{
    frame, harness_faults,
    paging::Shown,
    requests_query::{RequestsQuery, toolbar},
};
use crate::{
    Console,
    api::Exchange,
    failure::Failure,
    signed_in::SignedIn,
    view::{
        Column, DataTable, Dialog, Notice, NoticeKind, Page, Tag, data_table, empty_state, live, relative,
        tag,
    },
};

pub(super) const PATH: &str = "/console/harness";

/// Interval of live updates, in ms.
const UPDATE_INTERVAL: u32 = 3_000;

/// `GET /console/harness`
pub(crate) async fn show(
    State(console): State<Console>,
    SignedIn(session): SignedIn,
    Query(query): Query<RequestsQuery>,
    headers: HeaderMap,
) -> Result<Markup, Failure> {
    let control = console.control.as_ref().ok_or(Failure::NoPage)?;
    let (filter, paging) = (query.filter(), &query.paging);
    let (services, mut requests, total) = tokio::try_join!(
        control.services(),
        control.requests(&filter, paging.limit(), paging.offset()),
        control.count_requests(&filter),
    )?;
    requests.reverse();
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
    let journal = journal(&query, &requests, total, console.now());
    let content = html! {
        (harness_faults::forms(&services, session.csrf().as_str()))
        (toolbar(&query))
        (live("journal", &query.url(), UPDATE_INTERVAL, journal))
    };
    let lead = html! { "Inject faults into the emulated systems, and see the requests that they received." };
    Ok(Page { notice, lead: Some(lead), content, ..frame::page(&session, "Harness") }.render())
}

fn journal(query: &RequestsQuery, requests: &[Exchange], total: usize, now: Timestamp) -> Markup {
    let (offset, number) = (query.paging.offset(), requests.len());
    let shown = Shown { items: "requests", number, more: total > offset + number, total: Some(total) };
    let columns =
        ["Request", "To", "Status", "Duration", "When"].map(|label| Column { label, ..Column::default() });
    let nothing = || {
        let body = html! { p { "No request meets all conditions of the filter, or none was received yet." } };
        empty_state("No requests", body, None)
    };
    data_table(DataTable {
        id: "requests",
        title: "Requests",
        description: Some(
            "Newest first. Choose one for its headers and bodies, in which secrets are masked.",
        ),
        columns: &columns,
        rows: requests.iter().map(|request| row(request, now)).collect(),
        empty: Some(query.paging.after_the_end(PATH, "requests").unwrap_or_else(nothing)),
        below: Some(query.paging.bar(PATH, &query.parameters(), &shown)),
        ..DataTable::default()
    })
}

fn row(request: &Exchange, now: Timestamp) -> Vec<Markup> {
    let details = format!("{PATH}/requests/{}", request.number);
    vec![
        html! {
            a href=(details) data-dialog=(Dialog::SidePanel.name()) { code { (request.method) " " (request.path) } }
        },
        html! { (request.to) },
        status(request),
        duration(request),
        relative(request.at(), now),
    ]
}

pub(super) fn status(request: &Exchange) -> Markup {
    match (request.status, request.millis) {
        (Some(status @ 200..=399), _) => tag(Tag::Active, &status.to_string()),
        (Some(status @ 400..=499), _) => tag(Tag::Suspended, &status.to_string()),
        (Some(status), _) => tag(Tag::Failed, &status.to_string()),
        (None, Some(_)) => tag(Tag::Failed, "Connection cut"),
        (None, None) => tag(Tag::Pending, "No response yet"),
    }
}

pub(super) fn duration(request: &Exchange) -> Markup {
    html! { @if let Some(millis) = request.millis { (millis) " ms" } @else { span.nothing { "–" } } }
}
