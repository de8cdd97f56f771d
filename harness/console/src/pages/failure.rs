//! A page that says what went wrong, and what to do.

use http::StatusCode;
use maud::{Markup, html};

use super::frame;
use crate::{
    failure::Failure,
    session::Session,
    view::{Button, Page, error_page, link_button},
};

/// The page, for whoever is logged in or for nobody.
pub(crate) fn show(failure: &Failure, session: Option<&Session>) -> Markup {
    let of_state;
    let (title, text) = match failure {
        Failure::Api { text, .. } => ("This cannot be shown", text.as_str()),
        Failure::NoPage => {
            ("There is no such page", "The address may be mistyped, or of another version of this console.")
        }
        Failure::NoInstance => (
            "There is no such instance",
            "It does not exist, or it belongs to an account that you are not logged in to.",
        ),
        Failure::NotInThisState { title, state } => {
            of_state = format!("The key is {state}. Somebody may have changed it since you opened the list.");
            (*title, of_state.as_str())
        }
        Failure::BadForm => (
            "This form cannot be read",
            "Something that belongs to it did not arrive, or it is too long. Nothing was changed.",
        ),
        Failure::Forged => (
            "This form is not from this page",
            "It was sent from elsewhere, or its page is older than your login. Nothing was changed.",
        ),
    };
    let happened = html! {
        p { (text) }
        @if let Failure::Api { correlation_id: Some(id), .. } = failure {
            p { "Whoever runs the service finds more about it by the correlation ID " code { (id) } "." }
        }
    };
    let first = match failure.status() {
        status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
            "Load this page again in a moment. If that does not help, "
        }
        StatusCode::FORBIDDEN if !matches!(failure, Failure::Forged) => {
            "Ask whoever manages this instance for the role that it takes, or "
        }
        _ => "Open the page anew: ",
    };
    let to_do = html! {
        p { (first) "start from the list." }
        @match session {
            Some(_) => (link_button(Button::Tertiary, "/console/resources", "Resource list")),
            None => (link_button(Button::Tertiary, "/console/login", "Log in")),
        }
    };
    let content = error_page(happened, to_do);
    let page = session.map_or(Page { title, ..Page::default() }, |session| frame::page(session, title));
    Page { content, ..page }.render()
}
