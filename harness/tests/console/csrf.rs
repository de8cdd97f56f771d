//! CSRF protection: the console accepts a form only from its own pages, created for the same
//! session.

use http::StatusCode;
use keysync_testkit::{Harness, lambda::Mode};

use crate::visitor::Visitor;

/// A harness, its root key, and the key's path in the console.
async fn world() -> (Harness, String, String) {
    let harness = Harness::builder().mode(Mode::InProcess).start().await.unwrap();
    let key = harness.sample_keys().await.unwrap().root;
    let path = format!("/console/instances/{}/keys/{key}", harness.instance());
    (harness, key, path)
}

fn with(mut form: Vec<(String, String)>, name: &str, value: &str) -> Vec<(String, String)> {
    form.retain(|(other, _)| other != name);
    form.push((name.to_owned(), value.to_owned()));
    form
}

#[tokio::test]
async fn form_without_session_token_is_rejected() {
    let (harness, _, path) = world().await;
    let visitor = Visitor::logged_in(&harness, harness.api_key()).await;
    let other = Visitor::logged_in(&harness, harness.reader_api_key()).await;
    let sync = format!("{path}/sync");
    let form = visitor.open(&format!("{path}/resources")).await.hidden_fields(&sync);
    let other_form = other.open(&format!("{path}/resources")).await.hidden_fields(&sync);
    let token = |form: &[(String, String)]| form.iter().find(|(name, _)| name == "csrf").unwrap().1.clone();

    let without = form.iter().filter(|(name, _)| name != "csrf").cloned().collect::<Vec<_>>();
    for (defect, form, status) in [
        ("no token", without, StatusCode::BAD_REQUEST),
        ("an empty token", with(form.clone(), "csrf", ""), StatusCode::FORBIDDEN),
        ("another session's token", with(form.clone(), "csrf", &token(&other_form)), StatusCode::FORBIDDEN),
        ("a truncated token", with(form.clone(), "csrf", &token(&form)[1..]), StatusCode::FORBIDDEN),
    ] {
        assert_eq!(visitor.post(&sync, &form, &[]).await.status, status, "{defect}");
    }
    for site in ["cross-site", "same-site", "nonsense"] {
        let page = visitor.post(&sync, &form, &[("sec-fetch-site", site)]).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{site}");
        assert!(page.html.contains("not for pages of other sites"), "{}", page.html);
    }
    assert_eq!(harness.object_storage().received().len(), 0);

    let accepted = visitor.post(&sync, &form, &[("sec-fetch-site", "same-origin")]).await;
    assert_eq!(accepted.status, StatusCode::SEE_OTHER);
    assert_eq!(harness.object_storage().received().len(), 1);
}

#[tokio::test]
async fn cross_site_login_form_is_rejected() {
    let (harness, ..) = world().await;
    let visitor = Visitor::new(&harness);
    let form = |csrf: &str| {
        vec![("csrf".to_owned(), csrf.to_owned()), ("apikey".to_owned(), harness.api_key().to_owned())]
    };
    // Without the login page's cookie, any token is rejected.
    for csrf in ["", "guessed"] {
        assert_eq!(visitor.post("/console/login", &form(csrf), &[]).await.status, StatusCode::FORBIDDEN);
    }
    let page = visitor.open("/console/login").await;
    let csrf = page.hidden_fields("/console/login")[0].1.clone();
    let cross = visitor.post("/console/login", &form(&csrf), &[("sec-fetch-site", "cross-site")]).await;
    assert_eq!((cross.status, visitor.cookie()), (StatusCode::FORBIDDEN, None));
    assert_eq!(visitor.post("/console/login", &form(&csrf), &[]).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn unreadable_form_is_rejected_with_a_page() {
    let (harness, _, path) = world().await;
    let visitor = Visitor::logged_in(&harness, harness.api_key()).await;
    let long = vec![("csrf".to_owned(), "x".repeat(70_000))];
    for (action, form) in
        [("/console/login", &vec![]), ("/console/login", &long), (&format!("{path}/sync"), &long)]
    {
        let page = visitor.post(action, form, &[]).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{action}");
        assert!(page.text().contains("The form is invalid"), "{action}: {}", page.text());
    }
}

#[tokio::test]
async fn form_sent_twice_syncs_once() {
    let (harness, key, path) = world().await;
    let visitor = Visitor::logged_in(&harness, harness.api_key()).await;
    let page = visitor.open(&format!("{path}/resources")).await;
    for _ in 0..2 {
        let after = visitor.submit(&page, &format!("{path}/sync"), &[]).await;
        assert!(after.text().contains("The associated services are notified again"), "{}", after.text());
    }
    assert_eq!(harness.object_storage().received().len(), 1, "key {key}");
}

#[tokio::test]
async fn get_requests_change_nothing() {
    let (harness, _, path) = world().await;
    let visitor = Visitor::logged_in(&harness, harness.api_key()).await;
    for page in ["sync", "actions/delete", "actions/rotate", "actions/restore", "actions/dance", "live"] {
        visitor.open(&format!("{path}/{page}")).await;
    }
    visitor.open("/console/logout").await;
    assert_eq!(harness.object_storage().received().len(), 0);
    assert_eq!(
        visitor.open("/console/resources").await.path,
        "/console/resources",
        "the visitor is still logged in"
    );
}
