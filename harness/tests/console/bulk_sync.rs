//! Synchronization of several keys, with its progress.

use std::time::Duration;

use http::StatusCode;
use keysync_testkit::{Harness, Key, lambda::Mode, services::Behaviour};
use tokio::time::{interval, timeout};

use crate::visitor::{Page, Visitor};

async fn key(harness: &Harness, name: &str) -> Key {
    harness.new_key(name).with_registration("cloud-object-storage", name).create().await.unwrap()
}

/// Sends the form of the page with these keys.
async fn start(harness: &Harness, visitor: &Visitor, keys: &[&Key]) -> Page {
    let (path, action) = (
        format!("/console/instances/{}/keys", harness.instance()),
        format!("/console/instances/{}/bulk-sync", harness.instance()),
    );
    let fields: Vec<_> = keys.iter().map(|key| format!("key-{}", key.id())).collect();
    let fields: Vec<_> = fields.iter().map(|name| (name.as_str(), "true")).collect();
    let page = visitor.open(&path).await;
    visitor.submit(&page, &action, &fields).await
}

async fn wait_for(visitor: &Visitor, path: &str, text: &str) -> String {
    let waiting = async {
        let mut again = interval(Duration::from_millis(20));
        loop {
            let shown = visitor.open(path).await.text();
            if shown.contains(text) {
                return shown;
            }
            again.tick().await;
        }
    };
    timeout(Duration::from_secs(20), waiting).await.unwrap_or_else(|_| panic!("no `{text}`"))
}

#[tokio::test]
async fn selected_keys_are_synchronized_with_progress() {
    let harness = Harness::builder().mode(Mode::InProcess).start().await.unwrap();
    let (one, other, third) =
        (key(&harness, "one").await, key(&harness, "other").await, key(&harness, "third").await);
    other.rotate().await.unwrap().assert_status(204);
    harness.object_storage().behave(Behaviour::Act);
    let visitor = Visitor::logged_in(&harness, harness.api_key()).await;
    let page = start(&harness, &visitor, &[&one, &other]).await;
    assert!(page.path.contains("/bulk-sync/") && page.html.contains("<progress"), "{}", page.html);
    let text = wait_for(&visitor, &page.path, "2 of 2 keys done: 1 notified, 1 too early").await;
    assert!(text.contains("one Notified") && text.contains("other Too early Possible from"), "{text}");
    harness.object_storage().assert_callbacks(&one, 1);
    harness.object_storage().assert_callbacks(&third, 0);

    let stranger = Visitor::logged_in(&harness, harness.api_key()).await;
    assert_eq!(stranger.open(&page.path).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn selection_form_sent_twice_syncs_once() {
    let harness = Harness::builder().mode(Mode::InProcess).start().await.unwrap();
    let key = key(&harness, "one").await;
    let visitor = Visitor::logged_in(&harness, harness.api_key()).await;
    let action = format!("/console/instances/{}/bulk-sync", harness.instance());
    let keys = visitor.open(&format!("/console/instances/{}/keys", harness.instance())).await;
    let name = format!("key-{}", key.id());
    for _ in 0..2 {
        let page = visitor.submit(&keys, &action, &[(&name, "true")]).await;
        wait_for(&visitor, &page.path, "1 of 1 keys done: 1 notified").await;
    }
    harness.object_storage().assert_callbacks(&key, 1);
    let empty = visitor.submit(&keys, &action, &[]).await;
    assert_eq!(empty.status, StatusCode::BAD_REQUEST);
    assert!(empty.text().contains("No key is selected"), "{}", empty.text());
}

#[tokio::test]
async fn failures_are_counted_and_explained() {
    let harness = Harness::builder().mode(Mode::InProcess).start().await.unwrap();
    let key = key(&harness, "one").await;
    let visitor = Visitor::logged_in(&harness, harness.reader_api_key()).await;
    let page = start(&harness, &visitor, &[&key]).await;
    let text = wait_for(&visitor, &page.path, "1 of 1 keys done: 1 failed").await;
    assert!(text.contains("takes Writer"), "{text}");
}

#[tokio::test]
async fn keys_whose_services_did_not_act_are_synchronized() {
    let harness = Harness::builder().mode(Mode::InProcess).start().await.unwrap();
    let key = key(&harness, "ledger").await;
    harness.object_storage().behave(Behaviour::respond(410));
    key.rotate().await.unwrap().assert_status(204);
    harness.object_storage().behave(Behaviour::Act);
    harness.advance_clock(Duration::from_mins(61)).await.unwrap();
    let visitor = Visitor::logged_in(&harness, harness.api_key()).await;
    let path = format!("/console/instances/{}", harness.instance());
    let page = visitor.open(&format!("{path}/not-acted")).await;
    assert!(page.text().contains("1 refused"), "{}", page.text());
    let page = visitor.submit(&page, &format!("{path}/bulk-sync"), &[]).await;
    wait_for(&visitor, &page.path, "1 of 1 keys done: 1 notified").await;
    harness.object_storage().assert_callbacks(&key, 2);
}
