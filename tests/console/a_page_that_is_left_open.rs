//! A page that somebody left open: what it says when it cannot be kept up to date, and what whoever comes by finds in it.

use std::time::Duration;

use serde_json::json;

use crate::{
    browser::{Options, browser_test},
    support::{STORAGE, in_process},
};

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn a_page_says_when_it_cannot_be_kept_up_to_date() {
    browser_test("a_page_says_when_it_cannot_be_kept_up_to_date", Options::wide(), async |browser| {
        let harness = in_process().start().await.unwrap();
        let key = harness.new_key("invoices").with_registration(STORAGE, "bucket").create().await.unwrap();
        browser.logs_in(&harness, harness.api_key()).await;
        browser.opens(&harness, &key).await;
        browser.asks("window.neverLeft = true").await;

        browser.has_network(false).await;
        browser.waits_for("Not up to date since ").await;
        browser.assert_sees("You can synchronize now.").await;
        // What happens meanwhile is shown as soon as it can be.
        key.rotate().await.unwrap().assert_status(204);
        browser.has_network(true).await;
        browser.waits_until_gone("Not up to date since ").await;
        browser.assert_sees("Key rotated").await;

        harness.advance_clock(Duration::from_hours(1)).await.unwrap();
        browser.waits_for("Your session has ended. Log in again").await;
        assert_eq!(browser.asks("return window.neverLeft").await, true, "it was loaded again");
        browser.assert_accessible().await;
        browser.click("Log in again").await;
        browser.fill("API key", harness.api_key()).await;
        browser.click("Log in").await;
        browser.arrives_at(&format!("/{}/resources", key.id())).await;
        browser.waits_for("View associated resources").await;
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn nobody_who_comes_by_finds_a_token_or_what_was_shown() {
    browser_test("nobody_who_comes_by_finds_a_token_or_what_was_shown", Options::wide(), async |browser| {
        let harness = in_process().start().await.unwrap();
        let key = harness.new_key("invoices").create().await.unwrap();
        browser.logs_in(&harness, harness.api_key()).await;
        browser.opens(&harness, &key).await;
        let kept = "return [document.cookie, localStorage.length, sessionStorage.length, window.name]";
        assert_eq!(browser.asks(kept).await, json!(["", 0, 0, ""]));
        let resources = "return performance.getEntries().map(entry => entry.name).join()";
        let asked_for = browser.asks(resources).await.to_string();
        assert!(!asked_for.contains(harness.api_key()) && !asked_for.contains("eyJ"), "{asked_for}");

        browser.click("Log out").await;
        browser.waits_for("You are logged out").await;
        browser.back().await;
        browser.waits_for("API key").await;
        browser.assert_sees_no("invoices").await;
    })
    .await;
}
