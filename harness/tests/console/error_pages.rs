//! Error pages of the console: each failure is explained, with what to do.

use http::StatusCode;
use keysync_testkit::{
    Harness,
    dynamodb::{Fault, Times},
    iam::{Health, Identity, Role},
    lambda::Mode,
};

use crate::visitor::Visitor;

async fn harness() -> Harness {
    Harness::builder().mode(Mode::InProcess).start().await.unwrap()
}

async fn key_path(harness: &Harness) -> String {
    let key = harness.sample_keys().await.unwrap().root;
    format!("/console/instances/{}/keys/{key}", harness.instance())
}

#[tokio::test]
async fn wrong_api_key_is_reported_and_not_repeated() {
    let harness = harness().await;
    let visitor = Visitor::new(&harness);
    for (key, message) in [
        ("mistyped", "There is no such API key"),
        ("  ", "Enter an API key"),
        (&"x".repeat(1_001), "too long for an API key"),
    ] {
        let page = visitor.log_in(key).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.text().contains(message), "{}", page.text());
        assert!(
            page.html.contains("aria-invalid=\"true\"") && !page.html.contains("mistyped"),
            "{}",
            page.html
        );
    }
    assert_eq!(visitor.cookie(), None);
}

#[tokio::test]
async fn login_during_iam_outage_is_explained() {
    let harness = harness().await;
    harness.iam().set_health(Health::Down);
    let page = Visitor::new(&harness).log_in(harness.api_key()).await;
    assert_eq!(page.status, StatusCode::BAD_GATEWAY);
    assert!(page.text().contains("You are not logged in"), "{}", page.text());
}

#[tokio::test]
async fn unreadable_resource_list_offers_retry() {
    let harness = harness().await;
    let visitor = Visitor::logged_in(&harness, harness.api_key()).await;
    harness.iam().set_health(Health::Down);
    let page = visitor.open("/console/resources").await;
    assert_eq!(page.status, StatusCode::BAD_GATEWAY);
    assert!(page.text().contains("Try again") && page.html.contains("Log out"), "{}", page.text());
}

#[tokio::test]
async fn account_without_instances_sees_none() {
    let harness = harness().await;
    let api_key = "another-account-key".to_owned();
    let (iam_id, account) = ("IBMid-another".to_owned(), "another-account".to_owned());
    harness.iam().add_identity(Identity { iam_id, account, api_key: api_key.clone() });
    let visitor = Visitor::logged_in(&harness, &api_key).await;
    assert!(visitor.open("/console/resources").await.text().contains("No instances"));
    let page = visitor.open(&format!("/console/instances/{}/keys", harness.instance())).await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert!(page.text().contains("There is no such instance"), "{}", page.text());
}

#[tokio::test]
async fn unknown_page_or_key_returns_404() {
    let harness = harness().await;
    let visitor = Visitor::logged_in(&harness, harness.api_key()).await;
    let keys = format!("/console/instances/{}/keys", harness.instance());
    for path in [
        "/console/nothing",
        "/console/instances/no-uuid/keys",
        &format!("{keys}/no-uuid/resources"),
        &format!("{keys}/02fd6835-6001-4482-a892-13bd2085f75d/actions/dance"),
    ] {
        let page = visitor.open(path).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
        assert!(page.text().contains("There is no such page"), "{path}: {}", page.text());
    }
    let page = visitor.open(&format!("{keys}/02fd6835-6001-4482-a892-13bd2085f75d/resources")).await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert!(page.text().contains("There is no such key") && page.text().contains("correlation ID"));
}

#[tokio::test]
async fn reader_sees_keys_and_cannot_synchronize() {
    let harness = harness().await;
    let path = key_path(&harness).await;
    let visitor = Visitor::logged_in(&harness, harness.reader_api_key()).await;
    let page = visitor.open(&format!("{path}/resources")).await;
    assert!(page.text().contains("sample-bucket"), "{}", page.text());
    let page = visitor.submit(&page, &format!("{path}/sync"), &[]).await;
    let text = page.text();
    assert!(text.contains("The services were not notified") && text.contains("takes Writer"), "{text}");
    assert_eq!(harness.object_storage().received().len(), 0);
}

#[tokio::test]
async fn caller_without_role_sees_nothing() {
    let harness = harness().await;
    let path = key_path(&harness).await;
    let (iam_id, account) = ("IBMid-new".to_owned(), harness.account().to_owned());
    harness.iam().add_identity(Identity { iam_id: iam_id.clone(), account, api_key: "new".to_owned() });
    let visitor = Visitor::logged_in(&harness, "new").await;
    let page = visitor.open(&format!("{path}/resources")).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert!(page.text().contains("Reader") && !page.text().contains("sample"), "{}", page.text());
    harness.iam().grant(&iam_id, harness.instance(), Role::Reader);
    assert_eq!(visitor.open(&format!("{path}/resources")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn lost_sync_response_can_be_retried() {
    let harness = harness().await;
    let path = key_path(&harness).await;
    let visitor = Visitor::logged_in(&harness, harness.api_key()).await;
    let sync = format!("{path}/sync");
    let page = visitor.open(&format!("{path}/resources")).await;
    harness.dynamodb().proxy().inject(Fault::LoseResponse, Times::Always);
    let page = visitor.submit(&page, &sync, &[]).await;
    assert!(page.text().contains("Synchronize once more: the same request"), "{}", page.text());
    assert!(page.text().contains("The status is unavailable at the moment"), "{}", page.text());
    harness.dynamodb().proxy().clear_faults();
    let page = visitor.submit(&page, &sync, &[]).await;
    assert!(page.text().contains("The associated services are notified again"), "{}", page.text());
}

#[tokio::test]
async fn action_in_wrong_state_is_explained() {
    let harness = harness().await;
    let path = key_path(&harness).await;
    let visitor = Visitor::logged_in(&harness, harness.api_key()).await;
    let page = visitor.open(&format!("{path}/actions/restore")).await;
    assert_eq!(page.status, StatusCode::CONFLICT);
    assert!(page.text().contains("The key is Active"), "{}", page.text());
    // Another client disables the key meanwhile.
    let (delete, disable) = (format!("{path}/actions/delete"), format!("{path}/actions/disable"));
    let form = visitor.open(&disable).await.hidden_fields(&disable);
    visitor.post(&disable, &form, &[]).await;
    let form = visitor.open(&delete).await.hidden_fields(&delete);
    let response = visitor.post(&disable, &form, &[]).await;
    assert_eq!(response.status, StatusCode::SEE_OTHER);
    let text = visitor.open(&format!("{path}/resources")).await.text();
    assert!(
        text.contains("The key was not disabled") && text.contains("state does not allow this action"),
        "{text}"
    );
    // The key protects two resources, and the box is not ticked.
    visitor.post(&delete, &form, &[]).await;
    let text = visitor.open(&format!("{path}/resources")).await.text();
    assert!(text.contains("The key was not deleted") && text.contains("tick the box"), "{text}");
    let page = visitor.submit(&visitor.open(&delete).await, &delete, &[("force", "true")]).await;
    assert!(
        page.text().contains("The key is deleted") && page.text().contains("Destroyed"),
        "{}",
        page.text()
    );
}

#[tokio::test]
async fn page_past_the_end_shows_the_total() {
    let harness = harness().await;
    let path = key_path(&harness).await;
    let keys = format!("/console/instances/{}/keys", harness.instance());
    let visitor = Visitor::logged_in(&harness, harness.api_key()).await;
    for (page, items) in [(&keys, "keys"), (&format!("{path}/resources"), "resources")] {
        let text = visitor.open(&format!("{page}?page=9")).await.text();
        assert!(text.contains(&format!("No {items} on this page")), "{text}");
        assert!(text.contains(&format!("0 of 2 {items}")), "{text}");
    }
    let text = visitor.open(&format!("{keys}?search=no-such-name")).await.text();
    assert!(text.contains("No keys found") && text.contains(" 0 keys"), "{text}");
}

#[tokio::test]
async fn standard_key_page_mentions_no_notifications() {
    let harness = harness().await;
    let key = harness.sample_keys().await.unwrap().standard;
    let path = format!("/console/instances/{}/keys/{key}", harness.instance());
    let visitor = Visitor::logged_in(&harness, harness.api_key()).await;
    let delete = format!("{path}/actions/delete");
    let page = visitor.submit(&visitor.open(&delete).await, &delete, &[]).await;
    assert!(page.text().contains("The key is deleted"), "{}", page.text());
    assert!(
        !page.text().contains("associated services are notified. Each has")
            && !page.html.contains(&format!("{path}/sync"))
    );
}
