//! The seed document, "Syncing associated resources with the UI", click by click on the real binary: a key was deleted, and
//! four hours later a bucket that it protects still opens.

use std::time::Duration;

use jiff::{Timestamp, tz};
use keysync_testkit::{Harness, KeyState, services::Behaviour};

use crate::{
    browser::{Browser, Options, browser_test},
    support::{DATABASES, STORAGE, asked},
};

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn at_a_desk_by_day() {
    walk("walk-wide-light", Options::wide()).await;
}

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn on_a_phone_at_night() {
    walk("walk-narrow-dark", Options::narrow().dark()).await;
}

async fn walk(name: &str, options: Options) {
    browser_test(name, options.in_time_zone("Asia/Tokyo"), async |browser| {
        let picture = async |of: &str| {
            browser.screenshot_of_all(&format!("{name}-{of}")).await;
            browser.assert_fits().await;
        };
        let harness = Harness::builder().start().await.unwrap();
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
        browser.waits_for("Choose an instance to see its keys").await;
        picture("3-resource-list").await;
        // 3. From your resource list, select your provisioned instance.
        browser.click("My key-management instance").await;
        // 4. On the KMS keys page, use the Keys table to browse the keys in your service.
        browser.waits_for("KMS keys").await;
        browser.waits_for("invoices").await;
        picture("4-kms-keys").await;
        // 5. Click the Actions icon to open a list of options, and select Synchronize associated resources.
        browser.click("Actions for invoices").await;
        browser.screenshot(&format!("{name}-5-actions")).await;
        browser.click("Synchronize associated resources").await;
        // 6. On the View associated resources page, click Synchronize.
        browser.waits_for("View associated resources").await;
        browser.waits_for("You can synchronize now").await;
        picture("6-view-associated-resources").await;
        let told_before = harness.object_storage().callbacks_of(&key).len();
        browser.click("Synchronize").await;

        browser.waits_for("The associated services are told again").await;
        browser.waits_for(&format!("{STORAGE} Delivered Received just now")).await;
        browser.waits_for(&format!("{DATABASES} Delivered Received just now")).await;
        browser.waits_for("Associated resources synchronized just now").await;
        picture("7-synchronized").await;
        let told = harness.object_storage().callbacks_of(&key);
        assert_eq!(told.len(), told_before + 1);
        assert_eq!(told[told_before].event()["data"]["renotification"], true);
        harness.object_storage().assert_last_state(&key, KeyState::Destroyed);
        harness.object_storage().assert_denied("bucket");

        // Once more, at once: not yet, and from when on, by the reader's own clock.
        browser.click("Synchronize").await;
        browser.waits_for("Not yet: the services were told less than an hour ago").await;
        let metadata = asked(&harness, &key, "metadata").await;
        let from = in_tokyo(metadata[0]["syncAllowedFrom"].as_str().unwrap());
        browser.waits_for(&format!("You can synchronize from {from} on, in 59 min ")).await;
        picture("8-not-yet").await;
        browser.waits_until_gone(&countdown(browser).await).await;
        browser.waits_for("in 59 min ").await;

        // An hour later the page has found out by itself.
        browser.asks("window.neverLeft = true").await;
        harness.advance_clock(Duration::from_secs(3_601)).await.unwrap();
        browser.waits_for("You can synchronize now").await;
        assert_eq!(browser.asks("return window.neverLeft").await, true, "it was loaded again");
        browser.click("Synchronize").await;
        browser.waits_for("The associated services are told again").await;
        harness.object_storage().assert_callbacks(&key, told_before + 2);
        picture("9-an-hour-later").await;
    })
    .await;
}

/// The countdown as it reads now: `in 59 min 58 s`.
async fn countdown(browser: &Browser) -> String {
    let read = browser.asks("return document.querySelector('.window .countdown').innerText").await;
    read.as_str().unwrap().to_owned()
}

/// An instant as it is written for somebody in Tokyo. British English has four letters for September.
fn in_tokyo(instant: &str) -> String {
    let at: Timestamp = instant.parse().unwrap();
    let there = at.to_zoned_datetime(tz::TimeZone::fixed(tz::offset(9)));
    there.strftime("%-d %b %Y, %H:%M:%S GMT+9").to_string().replace("Sep ", "Sept ")
}
