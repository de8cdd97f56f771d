//! The documentation as pages with search, for the server of `harness up`.
//!
//! The files below `content` are links to those of the repository, and are embedded. Pages are
//! rendered from Markdown when the first one is requested. They look like the console's, load
//! nothing from other hosts and need no JavaScript, also for the search. The operations of both
//! APIs are pages made of their `OpenAPI` documents.
//!
//! ```
//! let router: axum::Router = keysync_documentation::Docs::new().router();
//! ```

#![forbid(unsafe_code)]

mod markdown;
mod navigation;
mod openapi;
mod search;
mod site;
mod source;
mod view;

use std::sync::{Arc, OnceLock};

use axum::{
    Router,
    extract::{Path, Query, State},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use http::{StatusCode, header};
use keysync_console::with_security_headers;
use serde::Deserialize;
use serde_json::Value;

use site::Site;

/// Path of the documentation on its server.
pub use keysync_console::DOCS as BASE;

const STYLES: &str = include_str!("../assets/docs.css");

/// The documentation. Clones share the rendered pages.
#[derive(Clone, Debug, Default)]
pub struct Docs(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    control_api: Option<Value>,
    site: OnceLock<Site>,
}

#[derive(Deserialize)]
struct SearchQuery {
    #[serde(default)]
    q: String,
}

impl Docs {
    /// The documentation, with the operations of the sync API.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the operations of the control API, from its `OpenAPI` document.
    #[must_use]
    pub fn with_control_api(self, document: Value) -> Self {
        Self(Arc::new(Inner { control_api: Some(document), site: OnceLock::new() }))
    }

    /// The routes, all below [`BASE`]; do not nest them below another path.
    pub fn router(&self) -> Router {
        let router = Router::new()
            .route("/docs", get(overview))
            .route("/docs/", get(async || Redirect::permanent(BASE)))
            .route("/docs/search", get(search))
            .route("/docs/docs.css", get(styles))
            .route("/docs/{*path}", get(page))
            .with_state(self.clone());
        with_security_headers(router)
    }

    fn site(&self) -> &Site {
        self.0.site.get_or_init(|| Site::new(self.0.control_api.as_ref()))
    }
}

/// `GET /docs`
async fn overview(State(docs): State<Docs>) -> Response {
    show(docs.site(), BASE)
}

/// `GET /docs/{path}`: a page, or a file to which pages link.
async fn page(State(docs): State<Docs>, Path(path): Path<String>) -> Response {
    show(docs.site(), &format!("{BASE}/{path}"))
}

/// `GET /docs/search`
async fn search(State(docs): State<Docs>, Query(query): Query<SearchQuery>) -> Response {
    let site = docs.site();
    let query = search::Query::parse(&query.q);
    view::search_page(site, &query, &search::find(site, &query)).into_response()
}

/// `GET /docs/docs.css`
async fn styles() -> Response {
    file("text/css; charset=utf-8", STYLES.as_bytes())
}

fn show(site: &Site, url: &str) -> Response {
    if let Some(page) = site.page(url) {
        return view::page(site, page).into_response();
    }
    match source::file(url) {
        Some((kind, bytes)) => file(kind, bytes),
        None => (StatusCode::NOT_FOUND, view::no_page(site)).into_response(),
    }
}

fn file(kind: &'static str, bytes: &'static [u8]) -> Response {
    // Revalidated each time: another build may serve a different file with this name.
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], bytes).into_response()
}
