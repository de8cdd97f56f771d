//! Everything that the console is for works without scripts, in UTC and by links and forms alone.

use std::time::Duration;

use keysync_testkit::{EpochMillis, HarnessClock, KeyState};

use crate::{
    browser::{Options, browser_test},
    support::{STORAGE, in_process},
};

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn a_key_is_synchronized_and_deleted_without_a_script() {
    let name = "a_key_is_synchronized_and_deleted_without_a_script";
    browser_test(name, Options::narrow().without_script().in_time_zone("Asia/Tokyo"), async |browser| {
        let clock = HarnessClock::set_to(EpochMillis::new(1_800_000_000_000));
        let harness = in_process().clock(clock).start().await.unwrap();
        let mut key = harness.new_key("invoices");
        for number in 1..=12 {
            key = key.with_registration(STORAGE, &format!("bucket-{number:02}"));
        }
        let key = key.create().await.unwrap();

        browser.logs_in(&harness, harness.api_key()).await;
        browser.click("Menu").await;
        browser.click("Resource list").await;
        browser.click("My key-management instance").await;
        browser.fill("Search by name, alias or ID", "voice").await;
        browser.click("Search").await;
        browser.click("Actions for invoices").await;
        browser.click("Synchronize associated resources").await;
        browser.assert_sees("View associated resources invoices Active").await;
        browser.assert_fits().await;
        browser.assert_accessible().await;
        let copies = browser.things().await.into_iter().filter(|thing| thing.name.contains("Copy"));
        assert_eq!(copies.count(), 0, "a button that does nothing");

        browser.click("Synchronize").await;
        browser.waits_for("The associated services are told again").await;
        harness.object_storage().assert_callbacks(&key, 1);
        harness.advance_clock(Duration::from_mins(10)).await.unwrap();
        browser.click("Synchronize").await;
        browser.waits_for("Not yet: the services were told less than an hour ago").await;
        let when = "You can synchronize from 15 Jan 2027, 09:00:01 UTC on, in 51 minutes.";
        assert_eq!(browser.text().await.matches(when).count(), 2, "{}", browser.text().await);
        browser.assert_sees("10 minutes ago · 15 Jan 2027, 08:00:00 UTC").await;
        browser.screenshot_of_all("without-javascript").await;

        browser.assert_sees("1–10 of 12 resources").await;
        browser.click("Next page").await;
        browser.waits_for("11–12 of 12 resources").await;
        browser.fill("Filter by resource, service or region", "BUCKET-07").await;
        browser.click("Filter").await;
        browser.waits_for("1 of 1 resources").await;
        browser.assert_sees("bucket-07").await;
        browser.click("Clear").await;
        browser.waits_for("1–10 of 12 resources").await;

        browser.click("My key-management instance").await;
        browser.click("Actions for invoices").await;
        browser.click("Delete").await;
        browser.waits_for("Delete invoices?").await;
        browser.click("Delete").await;
        browser.assert_sees("Delete invoices?").await;
        assert_eq!(key.state().await.unwrap(), KeyState::Active);
        browser.click("Delete it although it protects 12 resources").await;
        browser.click("Delete").await;
        browser.waits_for("The key is deleted").await;
        assert_eq!(key.state().await.unwrap(), KeyState::Destroyed);

        browser.click("Log out").await;
        browser.waits_for("You are logged out").await;
    })
    .await;
}
