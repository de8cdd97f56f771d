//! The walkthrough in Firefox: menus, dialogs, live sections and the layout work there, too.

use std::panic::{AssertUnwindSafe, resume_unwind};

use futures_util::FutureExt;
use keysync_testkit::{KeyState, services::Behaviour};

use crate::{
    browser::firefox::Firefox,
    support::{DATABASES, STORAGE, in_process},
};

#[tokio::test]
#[ignore = "needs Firefox: run `cargo task browser`"]
async fn firefox_user_synchronizes_and_deletes_key() {
    let browser = Firefox::open().await;
    let outcome = AssertUnwindSafe(walk(&browser)).catch_unwind().await;
    browser.close().await;
    if let Err(panic) = outcome {
        resume_unwind(panic);
    }
}

async fn walk(browser: &Firefox) {
    let harness = in_process().start().await.unwrap();
    let key = harness.new_key("invoices").with_registration(STORAGE, "bucket");
    let key = key.with_registration(DATABASES, "ledger").create().await.unwrap();
    harness.databases().behave(Behaviour::respond(503));

    browser.go(&harness.console_url()).await;
    let focused = browser.evaluate("return document.activeElement.name").await;
    assert_eq!(focused, "apikey", "the field has no focus");
    browser.fill("API key", harness.api_key()).await;
    browser.click("Log in").await;
    browser.click("Menu").await;
    browser.click("Resource list").await;
    browser.click("My key-management instance").await;
    browser.wait_for_text("1 of 1 keys").await;
    browser.assert_fits_and_is_accessible().await;
    browser.click("Actions for invoices").await;
    browser.click("Synchronize associated resources").await;
    browser.click("Synchronize").await;
    browser.wait_for_text("The associated services are notified again 1 of 2 delivered, 1 retrying.").await;
    browser.assert_fits_and_is_accessible().await;

    // The open page follows the status.
    harness.databases().behave(Behaviour::Act);
    harness.advance_clock(std::time::Duration::from_mins(2)).await.unwrap();
    harness.redeliver().await.unwrap();
    browser.wait_for_text("notified again 2 of 2 delivered.").await;

    browser.click("My key-management instance").await;
    browser.click("Actions for invoices").await;
    browser.click("Disable").await;
    browser.wait_for_text("Disable invoices?").await;
    assert_eq!(browser.evaluate("return document.querySelectorAll('dialog:modal').length").await, 1);
    browser.assert_fits_and_is_accessible().await;
    browser.click("Disable").await;
    browser.wait_for_text("The key is disabled").await;
    assert_eq!(key.state().await.unwrap(), KeyState::Suspended);
}
