//! Logging in with an API key, and out again.

use axum::{
    Form,
    extract::{Query, State},
    response::{IntoResponse, Redirect, Response},
};
use axum_extra::extract::{
    CookieJar,
    cookie::{Cookie, SameSite},
};
use http::{HeaderMap, StatusCode};
use maud::{Markup, html};
use serde::Deserialize;

use crate::{
    BASE, Console,
    api::ApiError,
    failure::Failure,
    form::{Envelope, Posted, same_origin},
    session::CsrfToken,
    view::{Button, Field, Notice, NoticeKind, Page, button, csrf_field, password_field},
};

use super::why::why;

/// Nobody is logged in yet, so the token that the form must bring along is kept in a cookie.
const COOKIE: &str = "keysync-console-login";

/// IAM's have 44 characters.
const LONGEST_API_KEY: usize = 1_000;

#[derive(Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    next: String,
    /// A form came too late.
    #[serde(default)]
    ended: bool,
    #[serde(default)]
    out: bool,
}

#[derive(Deserialize)]
pub(crate) struct Fields {
    #[serde(default)]
    apikey: String,
    #[serde(default)]
    next: String,
}

/// `GET /console/login`
pub(crate) async fn show(cookies: CookieJar, Query(wanted): Query<Wanted>) -> (CookieJar, Markup) {
    let notice = if wanted.ended {
        Some((NoticeKind::Warning, "Your session has ended", "Nothing was changed. Log in, and do it again."))
    } else if wanted.out {
        Some((
            NoticeKind::Success,
            "You are logged out",
            "The access token that was yours here is forgotten.",
        ))
    } else {
        None
    };
    let notice =
        notice.map(|(kind, title, text)| Notice { kind, title, body: html! { p { (text) } }, action: None });
    form(cookies, notice, None, &wanted.next)
}

/// `POST /console/login`
pub(crate) async fn log_in(
    State(console): State<Console>,
    cookies: CookieJar,
    headers: HeaderMap,
    Form(Envelope { csrf, fields }): Form<Envelope<Fields>>,
) -> Result<Response, Failure> {
    same_origin(&headers)?;
    let kept = cookies.get(COOKIE).map_or_else(|| CsrfToken::kept(""), |kept| CsrfToken::kept(kept.value()));
    if !kept.is(&csrf) {
        return Err(Failure::Forged);
    }
    let again = |problem: &str| {
        let page = form(cookies.clone(), None, Some(problem), &fields.next);
        (StatusCode::UNPROCESSABLE_ENTITY, page).into_response()
    };
    let api_key = fields.apikey.trim();
    if api_key.is_empty() {
        return Ok(again("Enter an API key."));
    }
    if api_key.len() > LONGEST_API_KEY {
        return Ok(again("That is too long for an API key. Copy it once more."));
    }
    match console.api.log_in(api_key).await {
        Ok(token) => {
            let begun = console.sessions.begin(token, console.now());
            let cookies = cookies.add(begun).remove(cookie(String::new()));
            Ok((cookies, Redirect::to(onwards(&fields.next))).into_response())
        }
        Err(error @ ApiError::Refused(_)) if !error.is_passing() => Ok(again(&why(&error))),
        Err(error) => {
            let body = html! { p { (why(&error)) } };
            let notice =
                Notice { kind: NoticeKind::Error, title: "You are not logged in", body, action: None };
            Ok((StatusCode::BAD_GATEWAY, form(cookies, Some(notice), None, &fields.next)).into_response())
        }
    }
}

/// `POST /console/logout`
pub(crate) async fn log_out(
    State(console): State<Console>,
    cookies: CookieJar,
    Posted { session, fields: () }: Posted<()>,
) -> (CookieJar, Redirect) {
    (cookies.add(console.sessions.end(&session)), Redirect::to("/console/login?out=true"))
}

fn form(
    cookies: CookieJar,
    notice: Option<Notice<'_>>,
    problem: Option<&str>,
    next: &str,
) -> (CookieJar, Markup) {
    let csrf = CsrfToken::random();
    let content = html! {
        form.form method="post" action="/console/login" {
            (csrf_field(csrf.as_str()))
            @if !next.is_empty() { input type="hidden" name="next" value=(next); }
            p { "See which resources your keys protect, and have the services that own them told again." }
            (password_field(Field {
                name: "apikey",
                label: "API key",
                help: Some("It goes to IAM for an access token that lasts an hour, and is not kept. You may do here what its owner may do."),
                error: problem,
                required: true,
                autocomplete: Some("current-password"),
                ..Field::default()
            }))
            (button(Button::Primary, "Log in"))
        }
    };
    let page = Page { title: "Log in", notice, content, ..Page::default() };
    (cookies.add(cookie(csrf.as_str().to_owned())), page.render())
}

fn cookie(value: String) -> Cookie<'static> {
    Cookie::build((COOKIE, value)).path("/console/login").http_only(true).same_site(SameSite::Strict).build()
}

/// Where somebody wanted to go: a page of this console, and nothing else.
fn onwards(next: &str) -> &str {
    let ours = next.strip_prefix(BASE).is_some_and(|rest| rest.starts_with('/'));
    let plain = next.bytes().all(|c| c.is_ascii_graphic() && c != b'\\');
    if ours && plain { next } else { "/console/resources" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_leads_nowhere_else() {
        let keys = "/console/instances/5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11/keys?state=5";
        assert_eq!(onwards(keys), keys);
        for elsewhere in [
            "",
            "https://evil.example",
            "//evil.example",
            "/consolevil",
            "/console/\\evil",
            "/console/a\r\nb",
        ] {
            assert_eq!(onwards(elsewhere), "/console/resources", "{elsewhere}");
        }
    }
}
