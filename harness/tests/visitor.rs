//! A console client over HTTP, without a browser: it keeps cookies, follows redirects and fills in
//! forms as the page has them.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use http::{HeaderMap, Method, StatusCode, header};
use keysync_testkit::Harness;
use reqwest::redirect::Policy;

/// A client of the console with its cookies.
pub(crate) struct Visitor {
    http: reqwest::Client,
    origin: String,
    cookies: Mutex<BTreeMap<String, String>>,
}

/// A page, or another response of the console.
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) html: String,
    /// The path of the page, after all redirects.
    pub(crate) path: String,
}

impl Visitor {
    pub(crate) fn new(harness: &Harness) -> Self {
        let http = reqwest::Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
        Self { http, origin: harness.endpoint_url(), cookies: Mutex::default() }
    }

    /// A visitor who is logged in with `api_key`.
    pub(crate) async fn logged_in(harness: &Harness, api_key: &str) -> Self {
        let visitor = Self::new(harness);
        let page = visitor.log_in(api_key).await;
        assert_eq!(
            (page.status, page.path.as_str()),
            (StatusCode::OK, "/console/resources"),
            "{}",
            page.html
        );
        visitor
    }

    pub(crate) async fn log_in(&self, api_key: &str) -> Page {
        let page = self.open("/console/login").await;
        self.submit(&page, "/console/login", &[("apikey", api_key)]).await
    }

    /// Opens a page and follows redirects.
    pub(crate) async fn open(&self, path: &str) -> Page {
        let mut page = self.send(Method::GET, path, None, &[]).await;
        while page.status.is_redirection() {
            page = self.send(Method::GET, &text(&page.headers, header::LOCATION), None, &[]).await;
        }
        page
    }

    /// Submits the form of `page` for `action` with its hidden fields and `fields`, and follows
    /// redirects.
    pub(crate) async fn submit(&self, page: &Page, action: &str, fields: &[(&str, &str)]) -> Page {
        let mut form = page.hidden_fields(action);
        form.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let response = self.post(action, &form, &[]).await;
        if response.status.is_redirection() {
            self.open(&text(&response.headers, header::LOCATION)).await
        } else {
            response
        }
    }

    /// Sends a form as given, and returns the response.
    pub(crate) async fn post(&self, path: &str, form: &[(String, String)], headers: &[(&str, &str)]) -> Page {
        self.send(Method::POST, path, Some(form), headers).await
    }

    /// The session cookie.
    pub(crate) fn cookie(&self) -> Option<String> {
        self.jar().iter().find(|(name, _)| is_session(name)).map(|(name, value)| format!("{name}={value}"))
    }

    /// Replaces the session cookie.
    pub(crate) fn set_cookie(&self, cookie: &str) {
        let (name, value) = cookie.split_once('=').unwrap();
        self.jar().insert(name.to_owned(), value.to_owned());
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        form: Option<&[(String, String)]>,
        headers: &[(&str, &str)],
    ) -> Page {
        let mut request = self.http.request(method, format!("{}{path}", self.origin));
        let cookies = self.jar().iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>();
        if !cookies.is_empty() {
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(form) = form {
            request = request.form(form);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        for cookie in headers.get_all(header::SET_COOKIE) {
            self.keep(cookie.to_str().unwrap());
        }
        Page { status, headers, html: response.text().await.unwrap(), path: path.to_owned() }
    }

    fn keep(&self, cookie: &str) {
        let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
        let (name, value) = pair.split_once('=').unwrap();
        if attributes.contains("Max-Age=0") {
            self.jar().remove(name);
        } else {
            self.jar().insert(name.to_owned(), value.to_owned());
        }
    }

    fn jar(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, String>> {
        self.cookies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Page {
    /// The hidden fields of the form for `action`.
    pub(crate) fn hidden_fields(&self, action: &str) -> Vec<(String, String)> {
        let forms = self.html.split("<form").skip(1).map(|form| form.split("</form>").next().unwrap());
        let is_for_action =
            |form: &&str| form.split('>').next().unwrap().contains(&format!("action=\"{action}\""));
        let form = forms
            .clone()
            .find(is_for_action)
            .unwrap_or_else(|| panic!("no form for {action}: {}", self.html));
        let inputs = form.split("<input").skip(1).filter(|input| input.contains("type=\"hidden\""));
        inputs.map(|input| (attribute(input, "name"), attribute(input, "value"))).collect()
    }

    /// The visible text of the page, without tags.
    pub(crate) fn text(&self) -> String {
        let body = self.html.split("<body>").nth(1).unwrap_or(&self.html);
        let text = body.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text));
        text.collect::<Vec<_>>().join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// The name of the session cookie differs by console.
fn is_session(cookie: &str) -> bool {
    cookie.starts_with("keysync-session-")
}

fn attribute(tag: &str, name: &str) -> String {
    let after = tag.split(&format!("{name}=\"")).nth(1).unwrap_or_default();
    after.split('"').next().unwrap_or_default().to_owned()
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> String {
    headers.get(name).unwrap().to_str().unwrap().to_owned()
}
