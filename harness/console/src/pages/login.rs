//! Logging in with an API key, and out again.

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
    view::{Button, Field, Notice, NoticeKind, Page, button, csrf_field, password_field},
};

use super::{next, why::why};

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
    let notice = notice.map(|(kind, title, text)| Notice { kind, title, body: html! { p { (text) } } });
    page(cookies, notice, None, next::page(&wanted.next).as_deref())
}

/// `POST /console/login`
pub(crate) async fn log_in(
    State(console): State<Console>,
    cookies: CookieJar,
    form: Result<Form<Envelope<Fields>>, FormRejection>,
) -> Result<Response, Failure> {
    let Form(Envelope { csrf, fields }) = form.map_err(|_| Failure::BadForm)?;
    if !kept(&cookies).is_some_and(|kept| kept.is(&csrf)) {
        return Err(Failure::Forged);
    }
    let next = next::page(&fields.next);
    let again = |problem: &str| {
        let page = page(cookies.clone(), None, Some(problem), next.as_deref());
        (StatusCode::UNPROCESSABLE_ENTITY, page).into_response()
    };
    let api_key = fields.apikey.trim();
    if api_key.is_empty() {
        return Ok(again("Enter an API key."));
    }
    if api_key.len() > LONGEST_API_KEY {
        return Ok(again("That is too long for an API key. Copy it once more."));
    }
    let failed = |text: &str| {
        let body = html! { p { (text) } };
        let notice = Notice { kind: NoticeKind::Error, title: "You are not logged in", body };
        let page = page(cookies.clone(), Some(notice), None, next.as_deref());
        (StatusCode::BAD_GATEWAY, page).into_response()
    };
    match console.api.log_in(api_key).await {
        Ok(token) if token.expires_at <= console.now() => {
            Ok(failed("IAM's token has expired already. Do the clocks of IAM and of this machine agree?"))
        }
        Ok(token) => {
            let begun = console.sessions.begin(token, &cookies, console.now());
            let cookies = cookies.add(begun).remove(cookie(String::new()));
            Ok((cookies, Redirect::to(next.as_deref().unwrap_or(next::START))).into_response())
        }
        Err(error @ ApiError::Refused(_)) if !error.is_passing() => Ok(again(&why(&error))),
        Err(error) => Ok(failed(&why(&error))),
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
    cookies: CookieJar,
    notice: Option<Notice<'_>>,
    problem: Option<&str>,
    next: Option<&str>,
) -> (CookieJar, Markup) {
    // The same again, so that the login page of another tab goes on working.
    let csrf = kept(&cookies).unwrap_or_else(CsrfToken::random);
    let content = html! {
        form.form method="post" action="/console/login" {
            (csrf_field(csrf.as_str()))
            @if let Some(next) = next { input type="hidden" name="next" value=(next); }
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

fn kept(cookies: &CookieJar) -> Option<CsrfToken> {
    let kept = cookies.get(COOKIE).filter(|kept| !kept.value().is_empty());
    kept.map(|kept| CsrfToken::kept(kept.value()))
}

fn cookie(value: String) -> Cookie<'static> {
    Cookie::build((COOKIE, value)).path("/console/login").http_only(true).same_site(SameSite::Strict).build()
}
