//! Creating keys and synchronizing several of them, with and without JavaScript.

use keysync_testkit::Harness;

use crate::{
    browser::{Browser, Options, browser_test},
    support::{STORAGE, in_process, keys_url},
};

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn keys_are_created_and_synchronized_together() {
    browser_test("keys_are_created_and_synchronized_together", Options::wide(), async |browser| {
        let harness = in_process().start().await.unwrap();
        browser.log_in(&harness, harness.api_key()).await;
        browser.go(&keys_url(&harness)).await;
        browser.click("Create key").await;
        browser.wait_for_focus_on("textbox \"Name\"").await;
        browser.assert_accessible().await;
        browser.click("Close").await;
        browser.wait_for_focus_on("link \"Create key\"").await;
        create_and_synchronize(browser, &harness, "Select all").await;
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn keys_are_synchronized_together_without_javascript() {
    let name = "keys_are_synchronized_together_without_javascript";
    browser_test(name, Options::narrow().without_script(), async |browser| {
        let harness = in_process().start().await.unwrap();
        browser.log_in(&harness, harness.api_key()).await;
        create_and_synchronize(browser, &harness, "Select invoices").await;
    })
    .await;
}

async fn create_and_synchronize(browser: &Browser, harness: &Harness, select: &str) {
    browser.go(&keys_url(harness)).await;
    browser.click("Create key").await;
    browser.fill("Name", "invoices").await;
    browser.fill("Alias (optional)", "billing").await;
    browser.click("Create").await;
    browser.wait_for_text("The key is created").await;
    browser.assert_shows("invoices Active").await;
    let id = browser.url().await.rsplit('/').nth(1).unwrap().to_owned();
    let key = harness.key(&id).await.unwrap();
    key.protect(STORAGE, "bucket").await.unwrap();

    browser.go(&keys_url(harness)).await;
    browser.click(select).await;
    browser.click("Synchronize selected").await;
    let done = "1 of 1 keys done: 1 notified";
    for _ in 0..50 {
        if browser.shows(done).await {
            break;
        }
        browser.reload().await;
    }
    browser.assert_shows(done).await;
    harness.object_storage().assert_callbacks(&key, 1);
    browser.assert_fits().await;
    browser.click("invoices").await;
    browser.wait_for_text("1 of 1 delivered").await;
}
