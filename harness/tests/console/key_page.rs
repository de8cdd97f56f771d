//! The page of a key: its name, the summary of its last notification, and the Synchronize button.

use std::time::Duration;

use http::StatusCode;
use keysync_testkit::{Harness, Key, lambda::Mode, services::Behaviour};

use crate::visitor::{Page, Visitor};

async fn harness() -> Harness {
    Harness::builder().mode(Mode::InProcess).start().await.unwrap()
}

fn path(harness: &Harness, key: &Key) -> String {
    format!("/console/instances/{}/keys/{}", harness.instance(), key.id())
}

async fn two_services(harness: &Harness) -> Key {
    let key = harness.new_key("invoices").with_registration("cloud-object-storage", "bucket");
    key.with_registration("databases-for-postgresql", "ledger").create().await.unwrap()
}

async fn synchronize(visitor: &Visitor, path: &str) -> Page {
    let page = visitor.open(&format!("{path}/resources")).await;
    visitor.submit(&page, &format!("{path}/sync"), &[]).await
}

#[tokio::test]
async fn key_name_is_heading_title_and_breadcrumb() {
    let harness = harness().await;
    let key = harness.new_key("invoices").create().await.unwrap();
    let visitor = Visitor::logged_in(&harness, harness.api_key()).await;
    let page = visitor.open(&format!("{}/resources", path(&harness, &key))).await;
    for part in [
        "<title>invoices – View associated resources – keysync</title>",
        "<h1><bdi>invoices</bdi></h1>",
        "<span aria-current=\"page\"><bdi>invoices</bdi></span>",
    ] {
        assert!(page.html.contains(part), "{part}: {}", page.html);
    }
    let page = visitor.open(&format!("{}/actions/rotate", path(&harness, &key))).await;
    assert!(page.text().contains("My key-management instance invoices Rotate key"), "{}", page.text());
}

#[tokio::test]
async fn success_message_summarizes_deliveries() {
    let harness = harness().await;
    let key = two_services(&harness).await;
    harness.databases().behave(Behaviour::respond(503));
    let visitor = Visitor::logged_in(&harness, harness.api_key()).await;
    let page = synchronize(&visitor, &path(&harness, &key)).await;
    let notice = page.html.split("class=\"notice ").nth(1).unwrap().split("<h1>").next().unwrap();
    assert!(notice.contains("notified again") && notice.contains("1 of 2 delivered, 1 retrying"), "{notice}");
    let live = visitor.open(&format!("{}/live", path(&harness, &key))).await;
    assert!(live.html.contains("id=\"summary\""), "{}", live.html);

    let reloaded = visitor.open(&format!("{}/resources", path(&harness, &key))).await;
    assert_eq!(reloaded.text().matches("1 of 2 delivered, 1 retrying").count(), 1, "{}", reloaded.text());
}

#[tokio::test]
async fn button_is_explained_where_it_cannot_work() {
    let harness = harness().await;
    let (key, alone) = (two_services(&harness).await, harness.new_key("alone").create().await.unwrap());
    let visitor = Visitor::logged_in(&harness, harness.api_key()).await;
    let open = async |key: &Key| visitor.open(&format!("{}/resources", path(&harness, key))).await;
    let page = open(&key).await;
    assert!(page.html.contains("window--open") && page.html.contains("aria-describedby=\"window\""));
    key.rotate().await.unwrap().assert_status(204);
    assert!(open(&key).await.html.contains("window--closed"));
    let page = open(&alone).await;
    assert!(
        page.html.contains("window--idle") && page.text().contains("notifies no service"),
        "{}",
        page.text()
    );
}

#[tokio::test]
async fn button_is_disabled_after_denial() {
    let harness = harness().await;
    let key = two_services(&harness).await;
    let visitor = Visitor::logged_in(&harness, harness.reader_api_key()).await;
    let page = synchronize(&visitor, &path(&harness, &key)).await;
    assert!(page.text().contains("You may not synchronize this key"), "{}", page.text());
    assert!(page.html.contains("disabled aria-describedby=\"denied\""), "{}", page.html);
    // The role may have been granted since.
    let page = visitor.open(&format!("{}/resources", path(&harness, &key))).await;
    assert!(!page.html.contains(" disabled"), "{}", page.html);
}

#[tokio::test]
async fn names_in_any_script_are_isolated() {
    let harness = harness().await;
    let name = "مفاتيح \u{202e}txt.exe";
    let key = harness.new_key(name).create().await.unwrap();
    let visitor = Visitor::logged_in(&harness, harness.api_key()).await;
    let keys = format!("/console/instances/{}/keys", harness.instance());
    for page in [
        &format!("{}/resources", path(&harness, &key)),
        &format!("{}/actions/delete", path(&harness, &key)),
        &keys,
    ] {
        let html = visitor.open(page).await.html;
        let mut rest = html.as_str();
        while let Some((before, after)) = rest.split_once(name) {
            let isolated = before.ends_with("<bdi>") && after.starts_with("</bdi>")
                || before.ends_with('\u{2068}') && after.starts_with('\u{2069}');
            assert!(isolated, "{page}: …{}", &before[before.len().saturating_sub(80)..]);
            rest = after;
        }
        assert_ne!(rest, html, "{page} does not show the name");
    }
}

#[tokio::test]
async fn side_panel_page_synchronizes_key() {
    let harness = harness().await;
    let key = two_services(&harness).await;
    let visitor = Visitor::logged_in(&harness, harness.api_key()).await;
    let sync = format!("{}/sync", path(&harness, &key));
    let page = visitor.open(&sync).await;
    assert!(page.html.contains("data-dialog-content") && page.text().contains("You can synchronize now."));
    let page = visitor.submit(&page, &sync, &[]).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text().contains("2 of 2 delivered"), "{}", page.text());
    harness.advance_clock(Duration::from_mins(10)).await.unwrap();
    assert!(visitor.open(&sync).await.html.contains("window--closed"));
}
