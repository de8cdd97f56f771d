//! Search for keys by name, alias, id and state, pagination, and copying an id.

use thirtyfour::Key;

use crate::{
    browser::{Options, browser_test},
    support::{in_process, keys_url},
};

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn key_search_finds_keys_among_many() {
    browser_test("key_search_finds_keys_among_many", Options::wide(), async |browser| {
        let harness = in_process().start().await.unwrap();
        let first = harness.new_key("invoices").alias("billing").create().await.unwrap();
        let deleted = harness.new_key("payroll").create().await.unwrap();
        deleted.delete().await.unwrap().assert_status(204);
        for number in 3..=23 {
            harness.new_key(&format!("key {number:02}")).standard().create().await.unwrap();
        }
        browser.log_in(&harness, harness.api_key()).await;
        browser.go(&keys_url(&harness)).await;

        // The newest keys are first, ten per page.
        browser.assert_shows("1–10 of 23 keys").await;
        browser.assert_shows("key 23").await;
        browser.click("Next page").await;
        browser.wait_for_text("11–20 of 23 keys").await;
        browser.assert_not_shown("key 14").await;
        browser.click("Next page").await;
        browser.wait_for_text("21–23 of 23 keys").await;
        browser.assert_shows("invoices").await;
        assert!(
            !browser.controls().await.iter().any(|control| control.name == "Next page"),
            "the last page has a next page"
        );
        browser.click("Previous page").await;
        browser.wait_for_text("11–20 of 23 keys").await;
        browser.choose("Items per page", "25").await;
        browser.click("Apply").await;
        browser.wait_for_text("1–23 of 23 keys").await;

        for (search, found, not_found) in [
            ("INVOI", "invoices", "payroll"),
            ("billing", "invoices", "payroll"),
            (deleted.id(), "payroll", "invoices"),
        ] {
            browser.fill("Search by name, alias or ID", search).await;
            browser.click("Search").await;
            browser.wait_for_url(&format!("search={search}&state=&sort=-creationDate&limit=25")).await;
            browser.wait_for_text("1–1 keys").await;
            browser.assert_shows(found).await;
            browser.assert_not_shown(not_found).await;
        }
        browser.click("Clear").await;
        browser.wait_for_text("1–10 of 23 keys").await;
        browser.choose("State", "Destroyed").await;
        browser.click("Search").await;
        browser.wait_for_text("1 of 1 keys").await;
        browser.assert_shows("payroll").await;
        browser.fill("Search by name, alias or ID", "invoices").await;
        browser.click("Search").await;
        browser.wait_for_text("No keys found").await;
        browser.click("Show all keys").await;
        browser.wait_for_text("1–10 of 23 keys").await;
        browser.fill("Search by name, alias or ID", "key").await;
        browser.click("Search").await;
        browser.wait_for_text("1–10 of more than 10 keys").await;
        browser.click("Next page").await;
        browser.wait_for_text("11–20 of more than 20 keys").await;

        // A copied id can be pasted into the search field.
        browser.fill("Search by name, alias or ID", "billing").await;
        browser.click("Search").await;
        browser.click("Copy ID of invoices").await;
        browser.wait_for_text("Copied ID of invoices").await;
        browser.fill("Search by name, alias or ID", &format!("{}v", Key::Control.value())).await;
        browser.click("Search").await;
        browser.wait_for_url(&format!("search={}&state=&sort=-creationDate&limit=10", first.id())).await;
        browser.assert_shows("invoices").await;
    })
    .await;
}
