//! Every task works without JavaScript, with links and forms only and times in UTC.

use std::time::Duration;

use keysync_testkit::{EpochMillis, HarnessClock, KeyState};

use crate::{
    browser::{Options, browser_test},
    support::{STORAGE, in_process},
};

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn key_is_synchronized_and_deleted_without_javascript() {
    let name = "key_is_synchronized_and_deleted_without_javascript";
    browser_test(name, Options::narrow().without_script().in_time_zone("Asia/Tokyo"), async |browser| {
        let clock = HarnessClock::set_to(EpochMillis::new(1_800_000_000_000));
        let harness = in_process().clock(clock).start().await.unwrap();
        let mut key = harness.new_key("invoices");
        for number in 1..=12 {
            key = key.with_registration(STORAGE, &format!("bucket-{number:02}"));
        }
        let key = key.create().await.unwrap();

        browser.log_in(&harness, harness.api_key()).await;
        browser.click("Menu").await;
        browser.click("Resource list").await;
        browser.click("My key-management instance").await;
        browser.fill("Search by name, alias or ID", "voice").await;
        browser.click("Search").await;
        browser.click("Actions for invoices").await;
        browser.click("Synchronize associated resources").await;
        browser.assert_shows("invoices Active View associated resources").await;
        browser.assert_fits().await;
        browser.assert_accessible().await;
        let copies = browser.controls().await.into_iter().filter(|control| control.name.contains("Copy"));
        assert_eq!(copies.count(), 0, "a copy button without effect is shown");

        browser.click("Synchronize").await;
        browser.wait_for_text("The associated services are notified again").await;
        harness.object_storage().assert_callbacks(&key, 1);
        harness.advance_clock(Duration::from_mins(10)).await.unwrap();
        browser.click("Synchronize").await;
        browser.wait_for_text("Too early: the services were notified less than an hour ago").await;
        let message = "You can synchronize from 15 Jan 2027, 09:00:01 UTC on, in 51 minutes.";
        assert_eq!(browser.text().await.matches(message).count(), 2, "{}", browser.text().await);
        browser.assert_shows("10 minutes ago · 15 Jan 2027, 08:00:00 UTC").await;
        browser.full_page_screenshot("without-javascript").await;

        browser.assert_shows("1–10 of 12 resources").await;
        browser.click("Next page").await;
        browser.wait_for_text("11–12 of 12 resources").await;
        browser.fill("Filter by resource, service or region", "BUCKET-07").await;
        browser.click("Filter").await;
        browser.wait_for_text("1 of 1 resources").await;
        browser.assert_shows("bucket-07").await;
        browser.click("Clear").await;
        browser.wait_for_text("1–10 of 12 resources").await;

        browser.click("My key-management instance").await;
        browser.click("Actions for invoices").await;
        browser.click("Delete").await;
        browser.wait_for_text("Delete invoices?").await;
        browser.click("Delete").await;
        browser.assert_shows("Delete invoices?").await;
        assert_eq!(key.state().await.unwrap(), KeyState::Active);
        browser.click("Delete the key although it protects 12 resources").await;
        browser.click("Delete").await;
        browser.wait_for_text("The key is deleted").await;
        assert_eq!(key.state().await.unwrap(), KeyState::Destroyed);

        browser.click("Log out").await;
        browser.wait_for_text("You are logged out").await;
    })
    .await;
}
