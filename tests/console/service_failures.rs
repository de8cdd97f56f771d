//! The delivery status of the last notification at each service, updated while the page is open.

use std::time::Duration;

use keysync_testkit::services::Behaviour;
use serde_json::json;

use crate::{
    browser::{Options, browser_test},
    support::{DATABASES, STORAGE, acknowledge, in_process},
};

/// Script: on a narrow page, where each row is a card, the cells whose content is below their label
/// instead of next to it.
const CELLS_BELOW_LABEL: &str = "
    const strays = [...document.querySelectorAll('#services td[data-label]')].filter(cell => {
        const all = document.createRange();
        all.selectNodeContents(cell);
        const label = parseFloat(getComputedStyle(cell).gridTemplateColumns);
        return [...all.getClientRects()].some(part => part.left < cell.getBoundingClientRect().left + label);
    });
    return strays.map(cell => cell.innerText)";

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn recovered_service_is_shown_without_reload() {
    let name = "recovered_service_is_shown_without_reload";
    browser_test(name, Options::wide(), async |browser| {
        let harness = in_process().start().await.unwrap();
        let key = harness
            .new_key("invoices")
            .with_registration(STORAGE, "bucket")
            .with_registration(DATABASES, "ledger");
        let key = key.create().await.unwrap();
        harness.databases().behave(Behaviour::respond(503));
        browser.log_in(&harness, harness.api_key()).await;
        browser.open_resources(&harness, &key).await;
        browser.assert_shows(&format!("{DATABASES} Not notified")).await;
        browser.click("Synchronize").await;
        browser.wait_for_text(&format!("{STORAGE} Delivered")).await;
        browser
            .assert_shows(&format!(
                "{DATABASES} Retrying Attempt 1 failed just now: responded with 503. Next attempt"
            ))
            .await;

        browser.evaluate("window.notReloaded = true").await;
        harness.advance_clock(Duration::from_mins(2)).await.unwrap();
        harness.redeliver().await.unwrap();
        browser.wait_for_text(&format!("{DATABASES} Retrying Attempt 2 failed")).await;
        // The event list shows the same statuses as the table, those that need attention first.
        browser.assert_shows(&format!("{DATABASES} Retrying {STORAGE} Delivered")).await;

        harness.databases().behave(Behaviour::Act);
        harness.advance_clock(Duration::from_mins(10)).await.unwrap();
        harness.redeliver().await.unwrap();
        browser.wait_for_text(&format!("{DATABASES} Delivered Received")).await;
        browser.assert_shows(&format!("{STORAGE} Delivered {DATABASES} Delivered")).await;
        acknowledge(&harness, &key, DATABASES).await;
        browser.wait_for_text(&format!("{DATABASES} Acknowledged Acted just now")).await;
        harness.databases().assert_callbacks(&key, 3);
        assert_eq!(browser.evaluate("return window.notReloaded").await, true, "the page was reloaded");
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn failed_notification_is_shown_with_reason() {
    browser_test("failed_notification_is_shown_with_reason", Options::narrow(), async |browser| {
        let harness = in_process().service("data-catalog").service("photo-store").start().await.unwrap();
        let key = harness
            .new_key("invoices")
            .with_registration(STORAGE, "bucket")
            .with_registration(DATABASES, "ledger");
        let key = key.with_registration("data-catalog", "orders").create().await.unwrap();
        harness.databases().behave(Behaviour::respond(410));
        harness.object_storage().behave(Behaviour::Redirect { to: "http://127.0.0.1:1/".to_owned() });
        key.rotate().await.unwrap().assert_status(204);
        acknowledge(&harness, &key, "data-catalog").await;
        key.protect("photo-store", "holidays").await.unwrap();
        harness.advance_clock(Duration::from_hours(24)).await.unwrap();
        harness.redeliver().await.unwrap();

        browser.log_in(&harness, harness.api_key()).await;
        browser.open_resources(&harness, &key).await;
        browser
            .assert_shows(&format!("{STORAGE} Failed Retries exhausted just now after 2 attempts: "))
            .await;
        browser.assert_shows("307").await;
        browser.assert_shows(&format!("{DATABASES} Refused Declined notifications 1 day ago")).await;
        browser.assert_shows("data-catalog Acknowledged Acted 1 day ago").await;
        browser.assert_shows("photo-store Not notified Registered after the last notification").await;
        assert_eq!(browser.evaluate(CELLS_BELOW_LABEL).await, json!([]));
        browser.click("What the statuses mean").await;
        browser
            .wait_for_text("The service could not be notified within 24 hours. Synchronize to retry.")
            .await;

        // The suggested remedy works.
        harness.object_storage().behave(Behaviour::Act);
        browser.click("Synchronize").await;
        browser.wait_for_text(&format!("{STORAGE} Delivered Received just now")).await;
        browser.assert_shows("photo-store Delivered Received just now").await;
    })
    .await;
}
