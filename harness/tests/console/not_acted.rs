//! The page "Who has not acted?": over all keys of an instance, the worst first.

use std::time::Duration;

use keysync_testkit::{Harness, lambda::Mode, services::Behaviour};

use crate::visitor::Visitor;

#[tokio::test]
async fn overdue_services_are_listed_before_retried_ones() {
    let harness = Harness::builder()
        .mode(Mode::InProcess)
        .service_setting("databases-for-postgresql", "acknowledges", true)
        .start()
        .await
        .unwrap();
    let key =
        harness.new_key("ledger").with_registration("databases-for-postgresql", "db").create().await.unwrap();
    key.sync().await.unwrap().assert_status(204);
    harness.advance_clock(Duration::from_hours(4) + Duration::from_millis(1)).await.unwrap();
    let other = harness
        .new_key("archive")
        .with_registration("cloud-object-storage", "bucket")
        .create()
        .await
        .unwrap();
    harness.object_storage().behave(Behaviour::respond(503));
    other.sync().await.unwrap().assert_status(204);

    let visitor = Visitor::logged_in(&harness, harness.api_key()).await;
    let keys = visitor.open(&format!("/console/instances/{}/keys", harness.instance())).await;
    let link = format!("/console/instances/{}/not-acted", harness.instance());
    assert!(keys.html.contains(&link) && keys.text().contains("Who has not acted?"), "one click");
    let page = visitor.open(&link).await;
    let text = page.text();
    let at = |words: &str| text.find(words).unwrap_or_else(|| panic!("no `{words}` in {text}"));
    assert!(at("ledger") < at("archive") && at("Overdue") < at("Retrying"), "{text}");

    for (sort, first, last) in [
        ("key", "archive", "ledger"),
        ("-key", "ledger", "archive"),
        ("service", "archive", "ledger"),
        ("-status", "archive", "ledger"),
    ] {
        let text = visitor.open(&format!("{link}?sort={sort}")).await.text();
        assert!(text.find(first) < text.find(last), "{sort}: {text}");
    }

    harness.object_storage().behave(Behaviour::Act);
    let resources =
        visitor.open(&format!("/console/instances/{}/keys/{}/resources", harness.instance(), key.id())).await;
    assert!(resources.text().contains("Had to report that it acted"), "{}", resources.text());
}

#[tokio::test]
async fn acted_services_are_not_listed() {
    let harness = Harness::builder().mode(Mode::InProcess).start().await.unwrap();
    let key = harness.sample_keys().await.unwrap().root;
    harness.key(&key).await.unwrap().sync().await.unwrap().assert_status(204);
    let visitor = Visitor::logged_in(&harness, harness.api_key()).await;
    let page = visitor.open(&format!("/console/instances/{}/not-acted", harness.instance())).await;
    assert!(page.text().contains("Every service has acted"), "{}", page.text());
}
