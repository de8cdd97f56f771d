//! Error pages: the problem, and what to do.

use http::StatusCode;
use maud::{Markup, html};

use super::frame;
use crate::{
    failure::Failure,
    session::Session,
    view::{Button, Page, error_page, link_button},
};

/// Renders a failure, with or without a session.
pub(crate) fn show(failure: &Failure, session: Option<&Session>) -> Markup {
    let state_text;
    let (title, text) = match failure {
        Failure::Api { text, .. } => ("This page cannot be shown", text.as_str()),
        Failure::NoPage => (
            "There is no such page",
            "The address may be mistyped, or belong to another version of this console.",
        ),
        Failure::NoInstance => {
            ("There is no such instance", "It does not exist, or it belongs to another account.")
        }
        Failure::InvalidState { title, state } => {
            state_text = format!("The key is {state}. It may have been changed since you opened the list.");
            (*title, state_text.as_str())
        }
        Failure::NothingSelected => (
            "No key is selected",
            "Go back, and tick the boxes of the keys to synchronize. No service was notified.",
        ),
        Failure::InvalidForm => {
            ("The form is invalid", "A field is missing, or the form is too large. Nothing was changed.")
        }
        Failure::Forged => (
            "The form is not from this session",
            "It was sent from another site, or its page is older than your login. Nothing was changed.",
        ),
    };
    let problem = html! {
        p { (text) }
        @if let Failure::Api { correlation_id: Some(id), .. } = failure {
            p { "The operator of the service can find details by the correlation ID " code { (id) } "." }
        }
    };
    let first = match failure.status() {
        status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
            "Reload this page in a moment. If that does not help, "
        }
        StatusCode::FORBIDDEN if !matches!(failure, Failure::Forged) => {
            "Ask the administrator of this instance for the required role, or "
        }
        _ => "Reopen the page: ",
    };
    let remedy = html! {
        p { (first) "start from the list." }
        @match session {
            Some(_) => (link_button(Button::Tertiary, "/console/resources", "Resource list")),
            None => (link_button(Button::Tertiary, "/console/login", "Log in")),
        }
    };
    let content = error_page(problem, remedy);
    let page = session.map_or(Page { title, ..Page::default() }, |session| frame::page(session, title));
    Page { content, ..page }.render()
}
