//! A guard for servers on loopback: allows requests of programs and of the server's own pages, and
//! denies requests that a browser sends for a page of another site.
//!
//! A server on loopback without credentials is exposed to every web page in a browser on the same
//! machine: the page cannot read the response, but its request takes effect. If the page's host
//! name resolves to this machine (DNS rebinding), it can read the response, too. Therefore, for
//! every request:
//!
//! 1. `Host` is a name of this machine, or one that the operator allowed. A browser sends the host
//!    name of the page's URL, and no page can change it.
//! 2. The request is not a CORS preflight: a page of the same origin needs none.
//! 3. `Sec-Fetch-Site` is missing, `same-origin` or `none`; or the user follows a link to a page of
//!    the console or the documentation.
//! 4. `Origin` is missing or this server's own, unless `Sec-Fetch-Site` is `same-origin`, which
//!    stays valid behind a proxy that rewrites `Host`.
//!
//! Of these headers, programs send only `Host`. `fetch` of Node also sends `Sec-Fetch-Mode`, which
//! alone does not deny a request. The guard removes `Access-Control-*` from every response.

#![forbid(unsafe_code)]

use std::{str::FromStr, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::Request,
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use url::{Host, Url};
use uuid::Uuid;

/// The path of the console, whose pages links of other sites may lead to.
pub const CONSOLE: &str = "/console";
/// The path of the documentation, the same.
pub const DOCS: &str = "/docs";

/// The guard. Clones share its configuration. By default, it allows only loopback names in `Host`.
///
/// ```
/// use keysync_browser_guard::Guard;
///
/// let guard = Guard::default().allowing("host.docker.internal".parse()?);
/// let router: axum::Router = guard.around(axum::Router::new());
/// # Ok::<(), keysync_browser_guard::InvalidHost>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Guard {
    allowed: Arc<[AllowedHost]>,
    /// Whether the hosts of the emulated API pass, on its paths.
    api_hosts: bool,
}

/// An additional host name of this machine, such as the one that containers use.
///
/// ```
/// use keysync_browser_guard::AllowedHost;
///
/// assert!("host.docker.internal".parse::<AllowedHost>().is_ok());
/// assert!("http://host.docker.internal:8080".parse::<AllowedHost>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedHost(String);

/// The error of a host name that cannot be allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a valid host name: use one name or address without scheme, port or `*`, such as `host.docker.internal`"
)]
pub struct InvalidHost(String);

/// The reason why a request is denied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Denied {
    /// `Host` is the name of another host.
    #[error(
        "the header `host` must name this machine, such as 127.0.0.1 or localhost: got {0:?}; \
         `harness up --allow-host NAME` allows another name"
    )]
    Host(String),
    /// A CORS preflight.
    #[error("web pages of other origins are denied, and so are their CORS preflights")]
    Preflight,
    /// A page of another site, by `Sec-Fetch-Site`.
    #[error(
        "this server is for programs on this machine, not for pages of other sites: got `sec-fetch-site` {0:?}"
    )]
    Site(String),
    /// A page of another origin, by `Origin`.
    #[error("this server is for programs on this machine, not for pages of other sites: got `origin` {0:?}")]
    Origin(String),
}

/// The number of characters of a header in an error message.
const MAX_SHOWN: usize = 100;

impl Guard {
    /// Allows another host name of this machine.
    #[must_use]
    pub fn allowing(mut self, host: AllowedHost) -> Self {
        self.allowed = self.allowed.iter().cloned().chain([host]).collect();
        self
    }

    /// Allows the production host names of the emulated API, such as
    /// `<instance>.api.<region>.hs-crypto.appdomain.cloud`, on its paths (`/api/…`,
    /// `/.well-known/…`), which need a token. Only the owner of these names can make them resolve
    /// to this machine.
    #[must_use]
    pub fn with_api_hosts(self) -> Self {
        Self { api_hosts: true, ..self }
    }

    /// Checks a request.
    ///
    /// # Errors
    ///
    /// The reason why the request is denied.
    pub fn check(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), Denied> {
        let authority = uri.authority().map(http::uri::Authority::as_str);
        let hosts = || values(headers, &header::HOST).chain(authority);
        if let Some(other) = hosts().find(|host| !self.is_own(host, uri.path())) {
            return Err(Denied::Host(shown(other)));
        }
        if headers.keys().any(|name| name.as_str().starts_with("access-control-request-")) {
            return Err(Denied::Preflight);
        }
        let site = HeaderName::from_static("sec-fetch-site");
        let is_own = |site: &str| matches!(site, "same-origin" | "none");
        if let Some(other) = values(headers, &site).find(|site| !is_own(site)) {
            let is_link = is_link(method, uri, headers) && matches!(other, "same-site" | "cross-site");
            return if is_link { Ok(()) } else { Err(Denied::Site(shown(other))) };
        }
        if values(headers, &site).any(|site| site == "same-origin") {
            return Ok(());
        }
        let is_own =
            |origin: &str| hosts().next().is_some_and(|own| origin.strip_prefix("http://") == Some(own));
        match values(headers, &header::ORIGIN).find(|origin| !is_own(origin)) {
            Some(other) => Err(Denied::Origin(shown(other))),
            None => Ok(()),
        }
    }

    /// Responds with `respond` to an allowed request, and with 403 to any other.
    pub async fn guard<B, F: Future<Output = Response>>(
        &self,
        request: http::Request<B>,
        respond: impl FnOnce(http::Request<B>) -> F,
    ) -> Response {
        let checked = self.check(request.method(), request.uri(), request.headers());
        let mut response = match checked {
            Ok(()) => respond(request).await,
            Err(denied) => denied.into_response(),
        };
        let shared = |name: &&HeaderName| name.as_str().starts_with("access-control-");
        for name in response.headers().keys().filter(shared).cloned().collect::<Vec<_>>() {
            response.headers_mut().remove(name);
        }
        response
    }

    /// Guards every route of `router`.
    pub fn around(&self, router: Router) -> Router {
        let guard = self.clone();
        router.layer(middleware::from_fn(move |request: Request, next: Next| {
            let guard = guard.clone();
            async move { guard.guard(request, |request| next.run(request)).await }
        }))
    }

    fn is_own(&self, host: &str, path: &str) -> bool {
        let is_api = path.starts_with("/api/") || path.starts_with("/.well-known/");
        is_this_machine(host)
            || self.allowed.iter().any(|allowed| name_of(host).as_deref() == Some(&allowed.0))
            || self.api_hosts && is_api && name_of(host).is_some_and(|host| is_api_host(&host))
    }
}

impl FromStr for AllowedHost {
    type Err = InvalidHost;

    fn from_str(text: &str) -> Result<Self, InvalidHost> {
        let name = name_of(text).filter(|name| text.eq_ignore_ascii_case(name) && !text.contains('*'));
        name.map(Self).ok_or_else(|| InvalidHost(text.to_owned()))
    }
}

impl IntoResponse for Denied {
    fn into_response(self) -> Response {
        let body = serde_json::json!({"error": self.to_string()}).to_string();
        let json = HeaderValue::from_static("application/json");
        (StatusCode::FORBIDDEN, [(header::CONTENT_TYPE, json)], Body::from(body)).into_response()
    }
}

/// Whether the user follows a link to a page of the console or the documentation: the browser shows
/// that page to the user, and not to the page with the link.
fn is_link(method: &Method, uri: &Uri, headers: &HeaderMap) -> bool {
    let is = |name: &'static str, expected: &str| {
        let values: Vec<&str> = values(headers, &HeaderName::from_static(name)).collect();
        !values.is_empty() && values.iter().all(|value| *value == expected)
    };
    let is_below = |base: &str| {
        uri.path().strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let is_page = [CONSOLE, DOCS].into_iter().any(is_below);
    *method == Method::GET && is_page && is("sec-fetch-mode", "navigate") && is("sec-fetch-dest", "document")
}

fn values<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> + use<'a> {
    headers.get_all(name).into_iter().map(|value| value.to_str().unwrap_or("unreadable"))
}

/// The host name of a `Host` header, normalized as in URLs.
fn name_of(host: &str) -> Option<String> {
    let url = Url::parse(&format!("http://{host}/")).ok()?;
    let plain = url.username().is_empty() && url.password().is_none() && url.path() == "/";
    plain.then(|| url.host_str().map(str::to_owned))?
}

/// Whether a name is a production host name of the API: the shared one of a region, or that of an
/// instance.
fn is_api_host(name: &str) -> bool {
    let is_region = |label: &str| !label.is_empty() && label != "private";
    match name.split('.').collect::<Vec<_>>()[..] {
        [region, "kms", "cloud", "ibm", "com"] | ["private", region, "kms", "cloud", "ibm", "com"] => {
            is_region(region)
        }
        [instance, "api", region, "hs-crypto" | "kms", "appdomain", "cloud"]
        | [instance, "api", "private", region, "hs-crypto" | "kms", "appdomain", "cloud"] => {
            Uuid::parse_str(instance).is_ok() && is_region(region)
        }
        _ => false,
    }
}

/// Whether `host`, with or without a port, names this machine. Does not resolve names: a page whose
/// site's name resolves to this machine (DNS rebinding) still sends that name.
///
/// ```
/// use keysync_browser_guard::is_this_machine;
///
/// for host in ["127.0.0.1:8080", "localhost", "[::1]:8080"] {
///     assert!(is_this_machine(host), "{host}");
/// }
/// assert!(!is_this_machine("evil.example:8080"));
/// ```
#[must_use]
pub fn is_this_machine(host: &str) -> bool {
    Url::parse(&format!("http://{host}/")).is_ok_and(|url| url.host().is_some_and(|host| is_loopback(&host)))
}

/// Whether a host is a loopback name or address.
#[must_use]
pub fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
    }
}

fn shown(value: &str) -> String {
    value.chars().take(MAX_SHOWN).collect()
}

#[cfg(test)]
mod tests;
