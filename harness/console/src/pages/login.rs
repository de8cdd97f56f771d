//! Login with an API key, and logout.

use axum::{
    Form,
    extract::{Query, State, rejection::FormRejection},
    response::{IntoResponse, Redirect, Response},
};
use axum_extra::extract::{
    CookieJar,
    cookie::{Cookie, SameSite},
};
use http::StatusCode;
use maud::{Markup, html};
use serde::Deserialize;

use crate::{
    Console,
    api::ApiError,
    failure::Failure,
    form::{Envelope, Posted},
    session::CsrfToken,
    view::{Button, DOCUMENTATION, Field, Notice, NoticeKind, Page, button, csrf_field, password_field},
};

use super::{next, why::explain};

/// Cookie with the CSRF token of the login form, as there is no session yet.
const COOKIE: &str = "keysync-console-login";

/// Maximum length in bytes. API keys of IAM have 44 characters.
const MAX_API_KEY: usize = 1_000;

#[derive(Deserialize)]
pub(crate) struct LoginQuery {
    #[serde(default)]
    next: String,
    /// The session has ended.
    #[serde(default)]
    ended: bool,
    /// It ended before a form was sent.
    #[serde(default)]
    sent: bool,
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
pub(crate) async fn show(
    State(console): State<Console>,
    cookies: CookieJar,
    Query(query): Query<LoginQuery>,
) -> (CookieJar, Markup) {
    let notice = if query.ended {
        let text = if query.sent {
            "Nothing was changed. Log in to return to the page, and repeat the action."
        } else {
            "Your access token has expired or was withdrawn. Log in to return to the page."
        };
        Some((NoticeKind::Warning, "Your session has ended", text))
    } else if query.out {
        Some((NoticeKind::Success, "You are logged out", "The console has deleted your access token."))
    } else {
        None
    };
    let notice = notice.map(|(kind, title, text)| Notice { kind, title, body: html! { p { (text) } } });
    page(&console, cookies, notice, None, next::page(&query.next).as_deref())
}

/// `POST /console/login`
pub(crate) async fn log_in(
    State(console): State<Console>,
    cookies: CookieJar,
    form: Result<Form<Envelope<Fields>>, FormRejection>,
) -> Result<Response, Failure> {
    let Form(Envelope { csrf, fields }) = form.map_err(|_| Failure::InvalidForm)?;
    if !kept(&cookies).is_some_and(|kept| kept.matches(&csrf)) {
        return Err(Failure::Forged);
    }
    let next = next::page(&fields.next);
    let invalid = |problem: &str| {
        let page = page(&console, cookies.clone(), None, Some(problem), next.as_deref());
        (StatusCode::UNPROCESSABLE_ENTITY, page).into_response()
    };
    let api_key = fields.apikey.trim();
    if api_key.is_empty() {
        return Ok(invalid("Enter an API key."));
    }
    if api_key.len() > MAX_API_KEY {
        return Ok(invalid("This is too long for an API key. Copy it again."));
    }
    let failed = |text: &str| {
        let body = html! { p { (text) } };
        let notice = Notice { kind: NoticeKind::Error, title: "You are not logged in", body };
        let page = page(&console, cookies.clone(), Some(notice), None, next.as_deref());
        (StatusCode::BAD_GATEWAY, page).into_response()
    };
    match console.api.log_in(api_key).await {
        Ok(token) if token.expires_at <= console.now() => {
            Ok(failed("The token of IAM has already expired. Compare the clocks of IAM and of this machine."))
        }
        Ok(token) => {
            let begun = console.sessions.begin(token, &cookies, console.now());
            let cookies = cookies.add(begun).remove(cookie(String::new()));
            Ok((cookies, Redirect::to(next.as_deref().unwrap_or(next::START))).into_response())
        }
        Err(error @ ApiError::Rejected(_)) if !error.is_transient() => Ok(invalid(&explain(&error))),
        Err(error) => Ok(failed(&explain(&error))),
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

fn page(
    console: &Console,
    cookies: CookieJar,
    notice: Option<Notice<'_>>,
    problem: Option<&str>,
    next: Option<&str>,
) -> (CookieJar, Markup) {
    // The token is reused, so that the login page of another tab keeps working.
    let csrf = kept(&cookies).unwrap_or_else(CsrfToken::random);
    let content = html! {
        form.form method="post" action="/console/login" {
            (csrf_field(csrf.as_str()))
            @if let Some(next) = next { input type="hidden" name="next" value=(next); }
            p {
                "See which resources your keys protect, and synchronize their services."
                @if console.sessions.has_documentation() { " New here? Read the " a href=(DOCUMENTATION) { "documentation" } "." }
            }
            (password_field(Field {
                name: "apikey",
                label: "API key",
                help: Some("The console exchanges it at IAM for an access token, which is valid for an hour, and does not keep it. You have the access of its owner."),
                error: problem,
                required: true,
                autocomplete: Some("current-password"),
                autofocus: true,
                ..Field::default()
            }))
            (button(Button::Primary, "Log in"))
        }
    };
    let page = Page { title: "Log in", notice, content, ..Page::default() };
    (cookies.add(cookie(csrf.as_str().to_owned())), page.render())
}

fn kept(cookies: &CookieJar) -> Option<CsrfToken> {
    let kept = cookies.get(COOKIE).filter(|kept| !kept.value().is_empty());
    kept.map(|kept| CsrfToken::from_cookie(kept.value()))
}

fn cookie(value: String) -> Cookie<'static> {
    Cookie::build((COOKIE, value)).path("/console/login").http_only(true).same_site(SameSite::Strict).build()
}
