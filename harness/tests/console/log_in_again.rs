//! Login after a token was withdrawn or has expired: the visitor returns to where they were.

use http::StatusCode;
use keysync_testkit::{Harness, lambda::Mode};

use crate::visitor::Visitor;

async fn world() -> (Harness, String) {
    let harness = Harness::builder().mode(Mode::InProcess).start().await.unwrap();
    let key = harness.sample_keys().await.unwrap().root;
    let path = format!("/console/instances/{}/keys/{key}/resources", harness.instance());
    (harness, path)
}

#[tokio::test]
async fn withdrawn_token_leads_to_login_and_back() {
    let (harness, path) = world().await;
    let visitor = Visitor::logged_in(&harness, harness.api_key()).await;
    let page = visitor.open(&path).await;
    harness.iam().rotate_key().unwrap();
    harness.iam().withdraw_old_keys();

    let login = visitor.open(&format!("{path}?sort=-service")).await;
    assert!(login.path.starts_with("/console/login?"), "{}", login.path);
    assert!(login.text().contains("Your session has ended"), "{}", login.text());
    assert_eq!(visitor.cookie(), None);
    let back = visitor.submit(&login, "/console/login", &[("apikey", harness.api_key())]).await;
    assert_eq!((back.status, back.path), (StatusCode::OK, format!("{path}?sort=-service")));

    // A form of the old session, as a browser sends it.
    let sync = path.replace("resources", "sync");
    let visitor = Visitor::new(&harness);
    let referrer = format!("{}{path}", harness.endpoint_url());
    let response = visitor.post(&sync, &page.hidden_fields(&sync), &[("referer", &referrer)]).await;
    assert_eq!(response.status, StatusCode::SEE_OTHER);
    let login = visitor.open(response.headers["location"].to_str().unwrap()).await;
    assert!(login.text().contains("Nothing was changed"), "{}", login.text());
    let back = visitor.submit(&login, "/console/login", &[("apikey", harness.api_key())]).await;
    assert_eq!(back.path, path);
}

#[tokio::test]
async fn foreign_referrer_is_not_returned_to() {
    let (harness, path) = world().await;
    let sync = path.replace("resources", "sync");
    for referrer in
        ["https://evil.example/console/elsewhere", "https://evil.example", "nonsense", "//evil.example"]
    {
        let visitor = Visitor::new(&harness);
        let response = visitor.post(&sync, &[], &[("referer", referrer)]).await;
        let login = visitor.open(response.headers["location"].to_str().unwrap()).await;
        let back = visitor.submit(&login, "/console/login", &[("apikey", harness.api_key())]).await;
        assert_eq!(back.path, "/console/resources", "{referrer}");
    }
}

#[tokio::test]
async fn missing_role_does_not_end_session() {
    let (harness, path) = world().await;
    let (iam_id, account) = ("IBMid-new".to_owned(), harness.account().to_owned());
    let identity = keysync_testkit::iam::Identity { iam_id, account, api_key: "new".to_owned() };
    harness.iam().add_identity(identity);
    let visitor = Visitor::logged_in(&harness, "new").await;
    assert_eq!(visitor.open(&path).await.status, StatusCode::FORBIDDEN);
    assert!(visitor.cookie().is_some());
}
