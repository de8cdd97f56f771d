//! The journal of the page Harness: filters, and the side panel with headers and bodies.

use thirtyfour::Key;

use crate::{
    browser::{Options, browser_test},
    support::{STORAGE, in_process},
};

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn request_opens_in_a_side_panel() {
    browser_test("request_opens_in_a_side_panel", Options::wide(), async |browser| {
        let harness = in_process().start().await.unwrap();
        let key = harness.new_key("invoices").with_registration(STORAGE, "bucket").create().await.unwrap();
        key.sync().await.unwrap().assert_status(204);
        let sync = format!("POST /api/v2/keys/{}/actions/sync", key.id());

        browser.log_in(&harness, harness.api_key()).await;
        browser.click("Menu").await;
        browser.click("Harness").await;
        browser.fill("Path contains", "/actions/sync").await;
        browser.choose("Part", "Endpoint").await;
        browser.click("Filter").await;
        browser.wait_for_text("1 of 1 requests").await;
        browser.click(&sync).await;
        browser.wait_for_text("bluemix-instance").await;
        assert_eq!(browser.evaluate("return document.querySelectorAll('dialog:modal').length").await, 1);
        browser.assert_shows("authorization Bearer ***").await;
        browser.assert_page_accessible("request", "Received").await;
        browser.press(Key::Escape).await;
        browser.wait_until_gone("bluemix-instance").await;

        browser.go(&format!("{}/harness?to=services", harness.console_url())).await;
        browser.click("POST /cloud-object-storage/callbacks").await;
        browser.wait_for_text("\"specversion\": \"1.0\"").await;
        browser.assert_shows("webhook-signature v1a,").await;

        browser.go(&format!("{}/harness?status=soon", harness.console_url())).await;
        browser.assert_page_accessible("harness-filter", "Enter a number from 100 to 599.").await;
    })
    .await;
}
