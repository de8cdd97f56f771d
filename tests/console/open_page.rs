//! A page that stays open: its message while it cannot be updated, and what remains after logging
//! out.

use std::time::Duration;

use serde_json::json;

use crate::{
    browser::{Options, browser_test},
    support::{STORAGE, in_process},
};

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn page_reports_lost_connection_and_ended_session() {
    browser_test("page_reports_lost_connection_and_ended_session", Options::wide(), async |browser| {
        let harness = in_process().start().await.unwrap();
        let key = harness.new_key("invoices").with_registration(STORAGE, "bucket").create().await.unwrap();
        browser.log_in(&harness, harness.api_key()).await;
        browser.open_resources(&harness, &key).await;
        browser.evaluate("window.notReloaded = true").await;

        browser.set_network(false).await;
        browser.wait_for_text("Not up to date since ").await;
        browser.assert_shows("You can synchronize now.").await;
        // Changes during the outage appear once the network is back.
        key.rotate().await.unwrap().assert_status(204);
        browser.set_network(true).await;
        browser.wait_until_gone("Not up to date since ").await;
        browser.assert_shows("Key rotated").await;

        harness.advance_clock(Duration::from_hours(1)).await.unwrap();
        browser.wait_for_text("Your session has ended. Log in again").await;
        assert_eq!(browser.evaluate("return window.notReloaded").await, true, "the page was reloaded");
        browser.assert_accessible().await;
        browser.click("Log in again").await;
        browser.fill("API key", harness.api_key()).await;
        browser.click("Log in").await;
        browser.wait_for_url(&format!("/{}/resources", key.id())).await;
        browser.wait_for_text("View associated resources").await;
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn logged_out_page_reveals_no_token_or_data() {
    browser_test("logged_out_page_reveals_no_token_or_data", Options::wide(), async |browser| {
        let harness = in_process().start().await.unwrap();
        let key = harness.new_key("invoices").create().await.unwrap();
        browser.log_in(&harness, harness.api_key()).await;
        browser.open_resources(&harness, &key).await;
        let storage = "return [document.cookie, localStorage.length, sessionStorage.length, window.name]";
        assert_eq!(browser.evaluate(storage).await, json!(["", 0, 0, ""]));
        let resources = "return performance.getEntries().map(entry => entry.name).join()";
        let requested = browser.evaluate(resources).await.to_string();
        assert!(!requested.contains(harness.api_key()) && !requested.contains("eyJ"), "{requested}");

        browser.click("Log out").await;
        browser.wait_for_text("You are logged out").await;
        browser.back().await;
        browser.wait_for_text("API key").await;
        browser.assert_not_shown("invoices").await;
    })
    .await;
}
