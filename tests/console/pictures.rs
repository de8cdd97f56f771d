//! The screenshots of docs/reference/console.md, updated by `cargo task pictures`.

use std::{fs, path::Path, time::Duration};

use keysync_testkit::{
    EpochMillis, Harness, HarnessClock,
    lambda::Mode,
    services::{Behaviour, DATABASES, OBJECT_STORAGE},
};

use crate::browser::{Browser, Options, browser_test};

/// 2026-11-25, 09:00 UTC.
const MORNING: EpochMillis = EpochMillis::new(1_795_597_200_000);

#[tokio::test]
#[ignore = "writes docs/reference/console/*.png: run `cargo task pictures`"]
async fn documentation_pictures_are_taken() {
    browser_test("documentation_pictures_are_taken", Options::wide(), async |browser| {
        let clock = HarnessClock::set_to(MORNING);
        let harness = Harness::builder().mode(Mode::InProcess).clock(clock);
        let harness = harness.env("KEYSYNC_CALLBACK_TIMEOUT", "500ms").start().await.unwrap();
        let key = create_history(&harness).await;
        let keys = format!("{}/instances/{}/keys", harness.console_url(), harness.instance());

        browser.go(&harness.console_url()).await;
        picture(browser, "login").await;
        browser.fill("API key", harness.api_key()).await;
        browser.click("Log in").await;
        browser.wait_for_text("Choose an instance").await;
        picture(browser, "resource-list").await;
        browser.go(&keys).await;
        browser.click("Actions for payroll").await;
        picture(browser, "keys").await;
        let page = format!("{keys}/{key}/resources");
        browser.go(&page).await;
        browser.click("Synchronize").await;
        browser.wait_for_text("notified again").await;
        browser.go(&page).await; // removes the notice
        full_page_picture(browser, "associated-resources").await;
        browser.click("Synchronize").await;
        browser.wait_for_text("Too early").await;
        picture(browser, "too-early").await;
        browser.go(&keys).await;
        browser.click("Actions for payroll").await;
        browser.click("Restore").await;
        browser.wait_for_text("Restore payroll?").await;
        picture(browser, "restore").await;
        browser.go(&format!("{}/harness?to=endpoint", harness.console_url())).await;
        picture(browser, "harness").await;
        browser.adjust(Options::narrow().dark()).await;
        browser.go(&page).await;
        picture(browser, "narrow-and-dark").await;
        browser.adjust(Options::wide()).await;
        browser.open_key_protect(&harness).await;
        browser.click("Actions for payroll").await;
        browser.click("Sync").await;
        browser.wait_for_text("Sync key").await;
        picture(browser, "side-panel").await;
    })
    .await;
}

/// Creates keys with a week of history. Returns the id of the one with the longest history.
async fn create_history(harness: &Harness) -> String {
    let advance = async |hours| harness.advance_clock(Duration::from_hours(hours)).await.unwrap();
    harness.new_key("session-tokens").standard().create().await.unwrap();
    let archive =
        harness.new_key("archive").with_registration(OBJECT_STORAGE, "archive-2019").create().await.unwrap();
    archive.disable().await.unwrap().assert_status(204);
    advance(30).await;
    let orders = harness
        .new_key("orders")
        .with_registration(DATABASES, "orders")
        .with_registration(OBJECT_STORAGE, "invoices");
    orders.create().await.unwrap().rotate().await.unwrap().assert_status(204);
    let payroll = harness.new_key("payroll").alias("payroll").with_registration(DATABASES, "payroll");
    let payroll = payroll
        .with_registration(OBJECT_STORAGE, "payslips")
        .with_registration(OBJECT_STORAGE, "payroll-exports");
    let payroll = payroll.create().await.unwrap();
    advance(20).await;
    payroll.rotate().await.unwrap().assert_status(204);
    advance(28).await;
    harness.object_storage().behave(Behaviour::AckWithoutActing);
    payroll.delete().await.unwrap().assert_status(204);
    advance(4).await;
    harness.object_storage().behave(Behaviour::Respond { status: 503, retry_after: Some(900) });
    payroll.id().to_owned()
}

async fn picture(browser: &Browser, name: &str) {
    browser.screenshot(name).await;
    copy_to_docs(name);
}

async fn full_page_picture(browser: &Browser, name: &str) {
    browser.full_page_screenshot(name).await;
    copy_to_docs(name);
}

fn copy_to_docs(name: &str) {
    let (screenshots, name) =
        (Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("console"), format!("{name}.png"));
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("docs").join("reference/console");
    fs::create_dir_all(&docs).unwrap();
    fs::copy(screenshots.join(&name), docs.join(&name)).unwrap();
}
