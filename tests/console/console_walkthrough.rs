//! The walkthrough "Syncing associated resources with the UI" on the real binary, step by step:
//! four hours after a key was deleted, a bucket that it protects is still accessible.

use std::time::Duration;

use jiff::{Timestamp, tz};
use keysync_testkit::{KeyState, services::Behaviour};

use crate::{
    binaries::binaries,
    browser::{Browser, Options, browser_test},
    support::{DATABASES, STORAGE, get_resources},
};

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn walkthrough_works_wide_and_light() {
    walk("walk-wide-light", Options::wide()).await;
}

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn walkthrough_works_narrow_and_dark() {
    walk("walk-narrow-dark", Options::narrow().dark()).await;
}

async fn walk(name: &str, options: Options) {
    browser_test(name, options.in_time_zone("Asia/Tokyo"), async |browser| {
        let picture = async |of: &str| {
            browser.full_page_screenshot(&format!("{name}-{of}")).await;
            browser.assert_fits().await;
        };
        let harness = binaries().start().await.unwrap();
        let key = harness
            .new_key("invoices")
            .with_registration(STORAGE, "bucket")
            .with_registration(DATABASES, "ledger");
        let key = key.create().await.unwrap();
        harness.object_storage().behave_next(1, Behaviour::AckWithoutActing);
        key.delete().await.unwrap().assert_status(204);
        harness.advance_clock(Duration::from_hours(4)).await.unwrap();
        harness.object_storage().assert_accessible("bucket");

        // 1. Log in to the UI.
        browser.go(&harness.console_url()).await;
        picture("1-login").await;
        browser.fill("API key", harness.api_key()).await;
        browser.click("Log in").await;
        // 2. Go to Menu > Resource list to view a list of your resources.
        browser.click("Menu").await;
        browser.screenshot(&format!("{name}-2-menu")).await;
        browser.click("Resource list").await;
        browser.wait_for_text("Choose an instance to see its keys").await;
        picture("3-resource-list").await;
        // 3. From your resource list, select your provisioned instance.
        browser.click("My key-management instance").await;
        // 4. On the KMS keys page, use the Keys table to browse the keys in your service.
        browser.wait_for_text("KMS keys").await;
        browser.wait_for_text("invoices").await;
        picture("4-kms-keys").await;
        // 5. Click the Actions icon to open a list of options, and select Synchronize associated
        //    resources.
        browser.click("Actions for invoices").await;
        browser.screenshot(&format!("{name}-5-actions")).await;
        browser.click("Synchronize associated resources").await;
        // 6. On the View associated resources page, click Synchronize.
        browser.wait_for_text("View associated resources").await;
        browser.wait_for_text("You can synchronize now").await;
        picture("6-view-associated-resources").await;
        let callbacks_before = harness.object_storage().callbacks_of(&key).len();
        browser.click("Synchronize").await;

        browser.wait_for_text("The associated services are notified again 2 of 2 delivered.").await;
        browser.wait_for_text(&format!("{STORAGE} Delivered Received just now")).await;
        browser.wait_for_text(&format!("{DATABASES} Delivered Received just now")).await;
        browser.wait_for_text("Associated resources synchronized just now").await;
        picture("7-synchronized").await;
        let callbacks = harness.object_storage().callbacks_of(&key);
        assert_eq!(callbacks.len(), callbacks_before + 1);
        assert!(callbacks[callbacks_before].event().unwrap().renotification);
        harness.object_storage().assert_last_state(&key, KeyState::Destroyed);
        harness.object_storage().assert_denied("bucket");

        // An immediate second sync is rejected with the next possible time in the browser's time
        // zone.
        browser.click("Synchronize").await;
        browser.wait_for_text("Too early: the services were notified less than an hour ago").await;
        let metadata = get_resources(&harness, &key, "metadata").await;
        let from = in_tokyo(metadata[0]["syncAllowedFrom"].as_str().unwrap());
        browser.wait_for_text(&format!("You can synchronize from {from} on, in 59 min ")).await;
        picture("8-not-yet").await;
        browser.wait_until_gone(&countdown(browser).await).await;
        browser.wait_for_text("in 59 min ").await;

        // An hour later the open page updates without a reload.
        browser.evaluate("window.notReloaded = true").await;
        harness.advance_clock(Duration::from_secs(3_601)).await.unwrap();
        browser.wait_for_text("You can synchronize now").await;
        assert_eq!(browser.evaluate("return window.notReloaded").await, true, "the page was reloaded");
        browser.click("Synchronize").await;
        browser.wait_for_text("The associated services are notified again").await;
        harness.object_storage().assert_callbacks(&key, callbacks_before + 2);
        picture("9-an-hour-later").await;
    })
    .await;
}

/// The current text of the countdown, such as `in 59 min 58 s`.
async fn countdown(browser: &Browser) -> String {
    let read = browser.evaluate("return document.querySelector('.window .countdown').innerText").await;
    read.as_str().unwrap().to_owned()
}

/// Formats a time as the page does in Tokyo. British English abbreviates September to four letters.
fn in_tokyo(instant: &str) -> String {
    let at: Timestamp = instant.parse().unwrap();
    let there = at.to_zoned_datetime(tz::TimeZone::fixed(tz::offset(9)));
    there.strftime("%-d %b %Y, %H:%M:%S GMT+9").to_string().replace("Sep ", "Sept ")
}
