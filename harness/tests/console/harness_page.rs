//! The page Harness: the journal of requests, and forms that inject faults.

use http::{Method, StatusCode};
use keysync_testkit::{Harness, lambda::Mode};

use crate::visitor::{Page, Visitor};

async fn world() -> (Harness, Visitor) {
    let harness = Harness::builder().mode(Mode::InProcess).start().await.unwrap();
    let visitor = Visitor::logged_in(&harness, harness.api_key()).await;
    (harness, visitor)
}

async fn set(visitor: &Visitor, system: &str, fields: &[(&str, &str)]) -> String {
    let page = visitor.open("/console/harness").await;
    visitor.submit(&page, &format!("/console/harness/{system}"), fields).await.text()
}

/// The first link of a page to a URL that starts like this.
fn link(page: &Page, start: &str) -> String {
    let mut links = page.html.split("href=\"").filter_map(|part| part.split('"').next());
    links.find(|link| link.starts_with(start)).unwrap().to_owned()
}

#[tokio::test]
async fn journal_shows_requests_newest_first() {
    let (harness, visitor) = world().await;
    let key =
        harness.new_key("invoices").with_registration("cloud-object-storage", "b").create().await.unwrap();
    key.sync().await.unwrap().assert_status(204);
    let sync = format!("POST /api/v2/keys/{}/actions/sync", key.id());
    let page = visitor.open("/console/harness?to=endpoint").await;
    let text = page.text();
    let at = |words: &str| text.find(words).unwrap_or_else(|| panic!("no `{words}` in {text}"));
    assert!(at(&sync) < at("POST /api/v2/keys "), "{text}");
    let text = visitor.open("/console/harness?to=endpoint&path=actions/sync").await.text();
    assert!(text.contains("1 of 1 requests"), "{text}");
    assert!(visitor.open("/console/resources").await.html.contains("href=\"/console/harness\""), "the menu");
}

#[tokio::test]
async fn journal_is_filtered_and_paged() {
    let (harness, visitor) = world().await;
    let manager = harness.manager().await.unwrap();
    let get = async |path: &str| manager.send(manager.request(Method::GET, path)).await.unwrap();
    for _ in 0..12 {
        get("/api/v2/keys?limit=7").await.assert_status(200);
    }
    get("/api/v2/keys/no%20id").await.assert_status(400);
    for (query, expected) in [
        ("path=limit%3D7&status=200", "1–10 of 12 requests"),
        ("path=limit%3D7&page=2", "11–12 of 12 requests"),
        ("status=400&method=GET&to=endpoint", "1 of 1 requests"),
        ("header=accept:no/such", "No requests"),
        ("status=abc", "Enter a number from 100 to 599."),
        ("header=none", "Enter name and value, such as correlation-id:4f2a."),
    ] {
        let text = visitor.open(&format!("/console/harness?{query}")).await.text();
        assert!(text.contains(expected), "{query}: {text}");
    }
}

#[tokio::test]
async fn request_shows_headers_and_bodies() {
    let (harness, visitor) = world().await;
    harness.new_key("<b>invoices</b>").create().await.unwrap();
    let list = visitor.open("/console/harness?to=endpoint&method=POST&path=/api/v2/keys").await;
    let page = visitor.open(&link(&list, "/console/harness/requests/")).await;
    let text = page.text();
    for expected in ["authorization Bearer ***", "content-type application/", "&lt;b&gt;invoices", "201"] {
        assert!(text.contains(expected) || page.html.contains(expected), "{expected}: {text}");
    }
    assert!(!page.html.contains("<b>invoices"), "{}", page.html);
    for number in ["99999", "x"] {
        let status = visitor.open(&format!("/console/harness/requests/{number}")).await.status;
        assert_eq!(status, StatusCode::NOT_FOUND, "{number}");
    }
}

#[tokio::test]
async fn same_correlation_id_is_one_click_away() {
    let (harness, visitor) = world().await;
    let key = harness.new_key("invoices").create().await.unwrap();
    let manager = harness.manager().await.unwrap();
    let path = format!("/api/v2/keys/{}/actions/sync", key.id());
    for _ in 0..2 {
        let sync = manager.request(Method::POST, &path).header("correlation-id", "c-1");
        manager.send(sync).await.unwrap().assert_status(204);
    }
    let list = visitor.open("/console/harness?path=/actions/sync").await;
    let page = visitor.open(&link(&list, "/console/harness/requests/")).await;
    let found = visitor.open(&link(&page, "/console/harness?header=")).await.text();
    assert!(found.contains("of 2 requests") && found.contains("/actions/sync"), "{found}");
}

#[tokio::test]
async fn faults_are_injected_and_cleared() {
    let (harness, visitor) = world().await;
    let service = "cloud-object-storage";
    let key = harness.new_key("invoices").with_registration(service, "b").create().await.unwrap();
    let text = set(&visitor, "service", &[("of", service), ("fault", "503"), ("times", "1")]).await;
    assert!(text.contains("The fault is set") && text.contains("Responds with 503, 1 times"), "{text}");
    key.sync().await.unwrap().assert_status(204);
    assert_eq!(key.notifications().await.unwrap().len(), 1);

    set(&visitor, "dynamodb", &[("of", "sync"), ("fault", "fail")]).await;
    key.sync().await.unwrap().assert_status(503);
    set(&visitor, "dynamodb", &[("of", "sync"), ("fault", "clear")]).await;
    key.sync().await.unwrap().assert_status(409);

    set(&visitor, "iam", &[("fault", "down")]).await;
    assert_eq!(visitor.open("/console/resources").await.status, StatusCode::BAD_GATEWAY);
    set(&visitor, "iam", &[("fault", "up")]).await;
    assert_eq!(visitor.open("/console/resources").await.status, StatusCode::OK);
}

#[tokio::test]
async fn invalid_faults_are_rejected() {
    let (harness, visitor) = world().await;
    let text = set(&visitor, "service", &[("of", "unknown"), ("fault", "503")]).await;
    assert!(text.contains("The fault is not set") && text.contains("unknown"), "{text}");
    for (system, fields) in [
        ("service", [("fault", "dance"), ("times", "")]),
        ("iam", [("fault", "503"), ("times", "")]),
        ("dynamodb", [("fault", "fail"), ("times", "many")]),
    ] {
        let text = set(&visitor, system, &fields).await;
        assert!(text.contains("The form is invalid"), "{system}: {text}");
    }
    let stranger = Visitor::new(&harness);
    assert!(stranger.open("/console/harness").await.path.starts_with("/console/login"));
    let form = vec![("fault".to_owned(), "down".to_owned())];
    assert_eq!(stranger.post("/console/harness/iam", &form, &[]).await.status, StatusCode::SEE_OTHER);
}
