//! Keys among many: by name, alias, id and state, page by page; and an id is taken along.

use thirtyfour::Key;

use crate::{
    browser::{Options, browser_test},
    support::{in_process, keys_url},
};

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn keys_are_found_among_many() {
    browser_test("keys_are_found_among_many", Options::wide(), async |browser| {
        let harness = in_process().start().await.unwrap();
        let first = harness.new_key("invoices").alias("billing").create().await.unwrap();
        let deleted = harness.new_key("payroll").create().await.unwrap();
        deleted.delete().await.unwrap().assert_status(204);
        for number in 3..=23 {
            harness.new_key(&format!("key {number:02}")).standard().create().await.unwrap();
        }
        browser.logs_in(&harness, harness.api_key()).await;
        browser.go(&keys_url(&harness)).await;

        // The newest first, ten by ten.
        browser.assert_sees("1–10 of 23 keys").await;
        browser.assert_sees("key 23").await;
        browser.click("Next page").await;
        browser.waits_for("11–20 of 23 keys").await;
        browser.assert_sees_no("key 14").await;
        browser.click("Next page").await;
        browser.waits_for("21–23 of 23 keys").await;
        browser.assert_sees("invoices").await;
        assert!(!browser.things().await.iter().any(|thing| thing.name == "Next page"), "after the last page");
        browser.click("Previous page").await;
        browser.waits_for("11–20 of 23 keys").await;
        browser.choose("Items per page", "25").await;
        browser.click("Apply").await;
        browser.waits_for("1–23 of 23 keys").await;

        for (search, found, not_found) in [
            ("INVOI", "invoices", "payroll"),
            ("billing", "invoices", "payroll"),
            (deleted.id(), "payroll", "invoices"),
        ] {
            browser.fill("Search by name, alias or ID", search).await;
            browser.click("Search").await;
            browser.arrives_at(&format!("search={search}&state=&limit=25")).await;
            browser.waits_for("1–1 keys").await;
            browser.assert_sees(found).await;
            browser.assert_sees_no(not_found).await;
        }
        browser.click("Clear").await;
        browser.waits_for("1–10 of 23 keys").await;
        browser.choose("State", "Destroyed").await;
        browser.click("Search").await;
        browser.waits_for("1 of 1 keys").await;
        browser.assert_sees("payroll").await;
        browser.fill("Search by name, alias or ID", "invoices").await;
        browser.click("Search").await;
        browser.waits_for("No keys found").await;
        browser.click("Show all keys").await;
        browser.waits_for("1–10 of 23 keys").await;
        browser.fill("Search by name, alias or ID", "key").await;
        browser.click("Search").await;
        browser.waits_for("1–10 of more than 10 keys").await;
        browser.click("Next page").await;
        browser.waits_for("11–20 of more than 20 keys").await;

        // An id is copied, and pasted where it is looked for.
        browser.fill("Search by name, alias or ID", "billing").await;
        browser.click("Search").await;
        browser.click("Copy ID of invoices").await;
        browser.waits_for("Copied ID of invoices").await;
        browser.fill("Search by name, alias or ID", &format!("{}v", Key::Control.value())).await;
        browser.click("Search").await;
        browser.arrives_at(&format!("search={}&state=&limit=10", first.id())).await;
        browser.assert_sees("invoices").await;
    })
    .await;
}
