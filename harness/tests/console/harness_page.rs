//! The page Harness: the journal of requests, and forms that inject faults.

use http::StatusCode;
use keysync_testkit::{Harness, lambda::Mode};

use crate::visitor::Visitor;

async fn world() -> (Harness, Visitor) {
    let harness = Harness::builder().mode(Mode::InProcess).start().await.unwrap();
    let visitor = Visitor::logged_in(&harness, harness.api_key()).await;
    (harness, visitor)
}

async fn set(visitor: &Visitor, system: &str, fields: &[(&str, &str)]) -> String {
    let page = visitor.open("/console/harness").await;
    visitor.submit(&page, &format!("/console/harness/{system}"), fields).await.text()
}

#[tokio::test]
async fn journal_shows_requests_newest_first() {
    let (harness, visitor) = world().await;
    let key =
        harness.new_key("invoices").with_registration("cloud-object-storage", "b").create().await.unwrap();
    key.sync().await.unwrap().assert_status(204);
    let sync = format!("POST /api/v2/keys/{}/actions/sync", key.id());
    let page = visitor.open("/console/harness?part=endpoint").await;
    let text = page.text();
    let at = |words: &str| text.find(words).unwrap_or_else(|| panic!("no `{words}` in {text}"));
    assert!(at(&sync) < at("POST /api/v2/keys "), "{text}");
    let text = visitor.open("/console/harness?part=endpoint&filter=actions/SYNC").await.text();
    assert!(text.contains("1 of 1 requests"), "{text}");
    assert!(visitor.open("/console/resources").await.html.contains("href=\"/console/harness\""), "the menu");
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
