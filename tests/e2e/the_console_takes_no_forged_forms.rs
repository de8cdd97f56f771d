//! A form counts only if it comes from a page of the console, made for whoever sends it.

use http::StatusCode;
use keysync_testkit::{Harness, lambda::Mode};

use crate::visitor::Visitor;

/// A harness with a key, and where the console synchronizes it.
async fn world() -> (Harness, String, String) {
    let harness = Harness::builder().mode(Mode::InProcess).start().await.unwrap();
    let (key, _) = harness.sample_keys().await.unwrap();
    let path = format!("/console/instances/{}/keys/{key}", harness.instance());
    (harness, key, path)
}

fn with(mut form: Vec<(String, String)>, name: &str, value: &str) -> Vec<(String, String)> {
    form.retain(|(other, _)| other != name);
    form.push((name.to_owned(), value.to_owned()));
    form
}

#[tokio::test]
async fn without_the_sessions_own_token_nothing_happens() {
    let (harness, _, path) = world().await;
    let visitor = Visitor::logged_in(&harness, harness.api_key()).await;
    let somebody = Visitor::logged_in(&harness, harness.reader_api_key()).await;
    let sync = format!("{path}/sync");
    let form = visitor.open(&format!("{path}/resources")).await.hidden_fields(&sync);
    let theirs = somebody.open(&format!("{path}/resources")).await.hidden_fields(&sync);
    let token = |form: &[(String, String)]| form.iter().find(|(name, _)| name == "csrf").unwrap().1.clone();

    let without = form.iter().filter(|(name, _)| name != "csrf").cloned().collect::<Vec<_>>();
    for (what, form, status) in [
        ("none", without, StatusCode::BAD_REQUEST),
        ("an empty one", with(form.clone(), "csrf", ""), StatusCode::FORBIDDEN),
        ("somebody else's", with(form.clone(), "csrf", &token(&theirs)), StatusCode::FORBIDDEN),
        ("a part", with(form.clone(), "csrf", &token(&form)[1..]), StatusCode::FORBIDDEN),
    ] {
        assert_eq!(visitor.post(&sync, &form, &[]).await.status, status, "{what}");
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
async fn nobody_is_logged_in_by_another_sites_form() {
    let (harness, ..) = world().await;
    let visitor = Visitor::new(&harness);
    let form = |csrf: &str| {
        vec![("csrf".to_owned(), csrf.to_owned()), ("apikey".to_owned(), harness.api_key().to_owned())]
    };
    // Without the login page's cookie, whatever the token.
    for csrf in ["", "guessed"] {
        assert_eq!(visitor.post("/console/login", &form(csrf), &[]).await.status, StatusCode::FORBIDDEN);
    }
    let page = visitor.open("/console/login").await;
    let good = page.hidden_fields("/console/login")[0].1.clone();
    let cross = visitor.post("/console/login", &form(&good), &[("sec-fetch-site", "cross-site")]).await;
    assert_eq!((cross.status, visitor.cookie()), (StatusCode::FORBIDDEN, None));
    assert_eq!(visitor.post("/console/login", &form(&good), &[]).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_form_that_is_none_or_too_long_is_refused_on_a_page() {
    let (harness, _, path) = world().await;
    let visitor = Visitor::logged_in(&harness, harness.api_key()).await;
    let long = vec![("csrf".to_owned(), "x".repeat(70_000))];
    for (action, form) in
        [("/console/login", &vec![]), ("/console/login", &long), (&format!("{path}/sync"), &long)]
    {
        let page = visitor.post(action, form, &[]).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{action}");
        assert!(page.text().contains("This form cannot be read"), "{action}: {}", page.text());
    }
}

#[tokio::test]
async fn a_form_that_is_sent_twice_is_one_sync() {
    let (harness, key, path) = world().await;
    let visitor = Visitor::logged_in(&harness, harness.api_key()).await;
    let page = visitor.open(&format!("{path}/resources")).await;
    for _ in 0..2 {
        let after = visitor.submit(&page, &format!("{path}/sync"), &[]).await;
        assert!(after.text().contains("The associated services are told again"), "{}", after.text());
    }
    assert_eq!(harness.object_storage().received().len(), 1, "of key {key}");
}

#[tokio::test]
async fn nothing_is_done_by_looking() {
    let (harness, _, path) = world().await;
    let visitor = Visitor::logged_in(&harness, harness.api_key()).await;
    for page in ["sync", "actions/delete", "actions/rotate", "actions/restore", "actions/dance", "live"] {
        visitor.open(&format!("{path}/{page}")).await;
    }
    visitor.open("/console/logout").await;
    assert_eq!(harness.object_storage().received().len(), 0);
    assert_eq!(visitor.open("/console/resources").await.path, "/console/resources", "still logged in");
}
