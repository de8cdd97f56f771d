//! The documentation as a browser gets it.
#![allow(clippy::unwrap_used, missing_docs, reason = "a failed setup step fails the test")]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use axum::{Router, body::Body};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use keysync_documentation::Docs;
use keysync_testkit::control_api_document;
use regex::Regex;
use tower::ServiceExt;

/// Links and pictures of a page.
static LINK: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#"(?:href|src|action)="([^"]*)""#).unwrap());
static ID: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#" id="([^"]*)""#).unwrap());

/// Bytes of the largest page: the operations of the control API have about half of it.
const MAX_PAGE: usize = 600_000;

struct Response {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Response {
    fn text(&self) -> &str {
        str::from_utf8(&self.body).unwrap()
    }

    fn is_page(&self) -> bool {
        self.headers["content-type"] == "text/html; charset=utf-8"
    }
}

fn router() -> Router {
    Docs::new().with_control_api(control_api_document()).router()
}

async fn get(router: &Router, url: &str) -> Response {
    let request = Request::get(url).body(Body::empty()).unwrap();
    let (head, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    Response { status: head.status, headers: head.headers, body }
}

/// Everything that can be reached from the overview, by URL without fragment.
async fn crawl(router: &Router) -> BTreeMap<String, Response> {
    let mut found = BTreeMap::new();
    let mut waiting = BTreeSet::from(["/docs".to_owned()]);
    while let Some(url) = waiting.pop_first() {
        let response = get(router, &url).await;
        if response.is_page() {
            let links = LINK.captures_iter(response.text()).map(|link| link[1].to_owned());
            let links = links.map(|link| link.split('#').next().unwrap().to_owned());
            waiting.extend(links.filter(|link| link.starts_with("/docs") && !found.contains_key(link)));
        }
        found.insert(url, response);
        waiting.retain(|url| !found.contains_key(url));
    }
    found
}

#[tokio::test]
async fn every_link_and_anchor_resolves() {
    let found = crawl(&router()).await;
    let mut broken = Vec::new();
    for (url, response) in &found {
        if response.status != StatusCode::OK {
            broken.push(format!("{url}: {}", response.status));
        }
        if !response.is_page() {
            continue;
        }
        for link in LINK.captures_iter(response.text()).map(|link| link[1].to_owned()) {
            let (path, fragment) = link.split_once('#').unwrap_or((&link, ""));
            let target = if path.is_empty() { url } else { path };
            let has_anchor =
                |text: &str| fragment.is_empty() || ID.captures_iter(text).any(|id| &id[1] == fragment);
            let is_valid = match found.get(target) {
                Some(target) => !target.is_page() || has_anchor(target.text()),
                None => {
                    path.starts_with("https://")
                        || path.starts_with("http://")
                        || path.starts_with("/console")
                }
            };
            if !is_valid {
                broken.push(format!("{url}: {link}"));
            }
        }
    }
    // A link to a file of the repository that is not embedded: add it to harness/docs/content.
    assert!(broken.is_empty(), "{broken:#?}");
}

#[tokio::test]
async fn every_page_is_reached_and_bounded() {
    let found = crawl(&router()).await;
    let pages: Vec<_> = found.iter().filter(|(_, response)| response.is_page()).collect();
    for (url, page) in &pages {
        let text = page.text();
        assert!(text.contains("<h1") && text.contains("– keysync documentation</title>"), "{url}");
        assert!(!text.contains(" style="), "{url} has inline styles, which its policy denies");
        assert!(page.body.len() < MAX_PAGE, "{url} has {} bytes", page.body.len());
        let ids: Vec<_> = ID.captures_iter(text).map(|id| id[1].to_owned()).collect();
        let different: BTreeSet<_> = ids.iter().collect();
        assert_eq!(ids.len(), different.len(), "{url} has an id twice: {ids:?}");
    }
    let mut files = Vec::new();
    markdown_files("content".as_ref(), &mut files);
    // The search, and the operations of both APIs, are not files.
    assert_eq!(
        pages.len(),
        files.len() + 3,
        "{:?}\n{files:?}",
        pages.iter().map(|(url, _)| url).collect::<Vec<_>>()
    );
}

fn markdown_files(folder: &std::path::Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            markdown_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path.display().to_string());
        }
    }
}

#[tokio::test]
async fn operations_of_both_apis_are_pages() {
    let router = router();
    let sync = get(&router, "/docs/reference/sync-api-operations").await;
    for expected in [
        "<code>POST /api/v2/keys/{id}/actions/sync</code>",
        "Example of a response 409:",
        "<code>resources[].reasons[].code</code>",
    ] {
        assert!(sync.text().contains(expected), "{expected}");
    }
    let control = get(&router, "/docs/reference/control-api-operations").await;
    for path in control_api_document()["paths"].as_object().unwrap().keys() {
        assert!(control.text().contains(&format!(" {path}</code>")), "{path}");
    }
    let hits = get(&router, "/docs/search?q=signing-key/rotate+operations").await;
    assert!(hits.text().contains("/docs/reference/control-api-operations#"), "{}", hits.text());
}

#[tokio::test]
async fn search_marks_words_and_links_to_sections() {
    let response = get(&router(), "/docs/search?q=Troubleshoot%20not_found").await;
    let text = response.text();
    assert_eq!(response.status, StatusCode::OK);
    assert!(text.contains("<mark>Troubleshoot</mark>"), "{text}");
    assert!(text.contains(r#"value="Troubleshoot not_found""#), "{text}");
    assert!(Regex::new(r#"<li><a href="/docs/[a-z/-]+#[a-z0-9-_]+">"#).unwrap().is_match(text), "{text}");
}

#[tokio::test]
async fn search_shows_query_as_text() {
    let router = router();
    for query in
        ["%3Cscript%3Ealert(1)%3C%2Fscript%3E", "%22%20onfocus%3Dalert(1)%20x%3D%22", "%00%E2%80%AE%27%26"]
    {
        let response = get(&router, &format!("/docs/search?q={query}")).await;
        assert_eq!(response.status, StatusCode::OK);
        assert!(!response.text().contains("<script") && !response.text().contains("\" onfocus="), "{query}");
    }
    let long = get(&router, &format!("/docs/search?q={}", "sync+".repeat(5_000))).await;
    assert!(long.status == StatusCode::OK && long.body.len() < 100_000, "{} bytes", long.body.len());
    let many = get(&router, "/docs/search?q=a").await;
    assert!(many.body.len() < 100_000, "{} bytes", many.body.len());
    let nothing = get(&router, "/docs/search?q=zzzz").await;
    assert!(nothing.text().contains("No section has all of these words"), "{}", nothing.text());
}

#[tokio::test]
async fn unknown_path_is_a_404_page() {
    let router = router();
    for path in
        ["/docs/missing", "/docs/reference/sync-api.md", "/docs/..%2f..%2fCargo.toml", "/docs/repository/"]
    {
        let response = get(&router, path).await;
        assert_eq!(response.status, StatusCode::NOT_FOUND, "{path}");
        assert!(response.text().contains("Page not found"), "{path}");
    }
    assert_eq!(get(&router, "/docs/").await.headers["location"], "/docs");
}

#[tokio::test]
async fn responses_have_the_consoles_security_headers() {
    let router = router();
    for url in ["/docs", "/docs/search?q=key", "/docs/docs.css", "/docs/missing"] {
        let headers = get(&router, url).await.headers;
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'self'"), "{url}: {policy}");
        assert_eq!(headers["x-content-type-options"], "nosniff", "{url}");
    }
}
