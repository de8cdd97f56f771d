//! A request that a harness received, with headers and bodies.

use axum::extract::{Path, State};
use maud::{Markup, html};
use serde_json::Value;
use url::form_urlencoded;

use super::{
    frame,
    harness::{PATH, duration, status},
};
use crate::{
    Console,
    api::{Exchange, Message},
    failure::Failure,
    signed_in::SignedIn,
    view::{Crumb, Page, definition_list, dialog_content, time},
};

/// Headers by which requests belong together.
const CORRELATION: [&str; 2] = ["correlation-id", "x-correlation-id"];

/// Bytes of a body that a harness stores.
const STORED: usize = 16 * 1024;

/// `GET /console/harness/requests/{number}`
pub(crate) async fn show(
    State(console): State<Console>,
    SignedIn(session): SignedIn,
    Path(number): Path<usize>,
) -> Result<Markup, Failure> {
    let control = console.control.as_ref().ok_or(Failure::NoPage)?;
    let request = control.find_request(number).await?.ok_or(Failure::NoPage)?;
    let title = format!("Request {number}");
    let content = dialog_content(&title, content(&request));
    let crumbs = [Crumb { label: "Harness", href: PATH }];
    Ok(Page { crumbs: &crumbs, content, ..frame::page(&session, &title) }.render())
}

fn content(exchange: &Exchange) -> Markup {
    let facts = vec![
        ("Request", html! { code { (exchange.method) " " (exchange.path) } }),
        ("To", html! { (exchange.to) }),
        ("Status", status(exchange)),
        ("Duration", duration(exchange)),
        ("Received", time(exchange.at())),
    ];
    let correlation = CORRELATION.iter().find_map(|name| Some((name, exchange.request.header(name)?)));
    html! {
        (definition_list(facts))
        @if let Some((name, value)) = correlation {
            @let header = format!("{name}:{value}");
            @let query: String = form_urlencoded::byte_serialize(header.as_bytes()).collect();
            p { a href={ (PATH) "?header=" (query) } { "Requests with the same correlation id" } }
        }
        (message("Request", &exchange.request))
        @if let Some(response) = &exchange.response { (message("Response", response)) }
    }
}

fn message(heading: &str, message: &Message) -> Markup {
    let headers = message.headers.iter().map(|(name, value)| (name.as_str(), html! { code { (value) } }));
    html! {
        section.message {
            h3 { (heading) }
            (definition_list(headers.collect()))
            @if message.body.is_empty() {
                p.nothing { "No body." }
            } @else {
                pre tabindex="0" { code { (readable(&message.body)) } }
            }
            @if message.body_bytes > STORED {
                p.nothing { "The body has " (message.body_bytes) " bytes, of which the first " (STORED) " are stored." }
            }
        }
    }
}

/// JSON with line breaks; any other text as it is.
fn readable(body: &str) -> String {
    let json = serde_json::from_str::<Value>(body).ok();
    json.and_then(|json| serde_json::to_string_pretty(&json).ok()).unwrap_or_else(|| body.to_owned())
}
