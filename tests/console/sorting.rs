//! Sorting and filtering of tables, wide by the headings and narrow by a selection, and the look of
//! Synchronize.

use keysync_testkit::services::Behaviour;
use serde_json::json;

use crate::{
    browser::{Browser, Options, browser_test},
    support::{DATABASES, STORAGE, in_process, protect_from_deletion},
};

/// Script: the first column of the resources.
const RESOURCES: &str =
    "return [...document.querySelectorAll('#registrations tbody th bdi[title]')].map(name => name.innerText)";

/// Script: the background of the button Synchronize.
const BACKGROUND: &str =
    "return getComputedStyle(document.querySelector('#synchronize .button')).backgroundColor";

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn resources_are_sorted_and_filtered() {
    browser_test("resources_are_sorted_and_filtered", Options::wide(), async |browser| {
        let harness = in_process().start().await.unwrap();
        let key = harness.new_key("invoices").with_registration(STORAGE, "alpha");
        let key = key.with_registration(DATABASES, "beta").create().await.unwrap();
        protect_from_deletion(&harness, &key, "gamma").await;
        harness.databases().behave(Behaviour::respond(503));
        browser.log_in(&harness, harness.api_key()).await;
        browser.open_resources(&harness, &key).await;

        // Before and after a sync, the button has different colours.
        let open = browser.evaluate(BACKGROUND).await;
        browser.click("Synchronize").await;
        browser.wait_for_text("1 of 2 delivered, 1 retrying").await;
        assert_ne!(browser.evaluate(BACKGROUND).await, open, "the button still invites to a sync");

        browser.click("Sort by Resource").await;
        browser.wait_for_url("sort=resource").await;
        assert_eq!(browser.evaluate(RESOURCES).await, json!(["alpha", "beta", "gamma"]));
        browser.click("Sort by Resource").await;
        browser.wait_for_url("sort=-resource").await;
        assert_eq!(browser.evaluate(RESOURCES).await, json!(["gamma", "beta", "alpha"]));
        browser.choose("Retention policy", "None").await;
        browser.choose("Status", "Delivered").await;
        browser.click("Filter").await;
        browser.wait_for_text("1 of 1 resources").await;
        assert_eq!(browser.evaluate(RESOURCES).await, json!(["alpha"]));
        browser.click("Clear").await;
        browser.wait_for_text("1–3 of 3 resources").await;

        // The table follows the status of the service.
        browser.assert_shows("None Latest Retrying").await;
        harness.databases().behave(Behaviour::Act);
        harness.advance_clock(std::time::Duration::from_mins(2)).await.unwrap();
        harness.redeliver().await.unwrap();
        browser.wait_until_gone("None Latest Retrying").await;
        browser.wait_for_text("2 of 2 delivered").await;

        browser.adjust(Options::narrow()).await;
        assert!(!has_control(browser, "Sort by Resource").await, "a link without a heading");
        browser.choose("Sort by", "Resource, descending").await;
        browser.click("Filter").await;
        browser.wait_for_url("sort=-resource&limit=10").await;
        assert_eq!(browser.evaluate(RESOURCES).await, json!(["gamma", "beta", "alpha"]));
        browser.assert_fits().await;
    })
    .await;
}

async fn has_control(browser: &Browser, name: &str) -> bool {
    browser.controls().await.iter().any(|control| control.name == name)
}
