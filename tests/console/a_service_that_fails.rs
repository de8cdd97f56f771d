//! What became of the last notification at each service, kept up to date while somebody looks.

use std::time::Duration;

use keysync_testkit::services::Behaviour;
use serde_json::json;

use crate::{
    browser::{Options, browser_test},
    support::{DATABASES, STORAGE, acknowledge, in_process},
};

/// On a narrow page each row is a card: what in its cells does not stand beside their labels, but below.
const BELOW_ITS_LABEL: &str = "
    const strays = [...document.querySelectorAll('#services td[data-label]')].filter(cell => {
        const all = document.createRange();
        all.selectNodeContents(cell);
        const label = parseFloat(getComputedStyle(cell).gridTemplateColumns);
        return [...all.getClientRects()].some(part => part.left < cell.getBoundingClientRect().left + label);
    });
    return strays.map(cell => cell.innerText)";

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn a_service_that_works_again_is_seen_to_without_a_reload() {
    let name = "a_service_that_works_again_is_seen_to_without_a_reload";
    browser_test(name, Options::wide(), async |browser| {
        let harness = in_process().start().await.unwrap();
        let key = harness
            .new_key("invoices")
            .with_registration(STORAGE, "bucket")
            .with_registration(DATABASES, "ledger");
        let key = key.create().await.unwrap();
        harness.databases().behave(Behaviour::respond(503));
        browser.logs_in(&harness, harness.api_key()).await;
        browser.opens(&harness, &key).await;
        browser.assert_sees(&format!("{DATABASES} Not notified")).await;
        browser.click("Synchronize").await;
        browser.waits_for(&format!("{STORAGE} Delivered")).await;
        browser
            .assert_sees(&format!(
                "{DATABASES} Retrying Attempt 1 failed just now: responded with 503. Next try"
            ))
            .await;

        browser.asks("window.neverLeft = true").await;
        harness.advance_clock(Duration::from_mins(2)).await.unwrap();
        harness.redeliver().await.unwrap();
        browser.waits_for(&format!("{DATABASES} Retrying Attempt 2 failed")).await;
        // Both the table and the event itself say so.
        browser.assert_sees(&format!("{STORAGE} Delivered {DATABASES} Retrying")).await;

        harness.databases().behave(Behaviour::Act);
        harness.advance_clock(Duration::from_mins(10)).await.unwrap();
        harness.redeliver().await.unwrap();
        browser.waits_for(&format!("{DATABASES} Delivered Received")).await;
        browser.assert_sees(&format!("{STORAGE} Delivered {DATABASES} Delivered")).await;
        acknowledge(&harness, &key, DATABASES).await;
        browser.waits_for(&format!("{DATABASES} Acknowledged Acted just now")).await;
        harness.databases().assert_callbacks(&key, 3);
        assert_eq!(browser.asks("return window.neverLeft").await, true, "it was loaded again");
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn what_came_to_nothing_is_said_with_its_reason() {
    browser_test("what_came_to_nothing_is_said_with_its_reason", Options::narrow(), async |browser| {
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

        browser.logs_in(&harness, harness.api_key()).await;
        browser.opens(&harness, &key).await;
        browser.assert_sees(&format!("{STORAGE} Failed Given up just now after 2 attempts: ")).await;
        browser.assert_sees("307").await;
        browser.assert_sees(&format!("{DATABASES} Refused Wants no notifications, it said 1 day ago")).await;
        browser.assert_sees("data-catalog Acknowledged Acted 1 day ago").await;
        browser.assert_sees("photo-store Not notified Not part of the last notification").await;
        assert_eq!(browser.asks(BELOW_ITS_LABEL).await, json!([]));
        browser.click("What the standings mean").await;
        browser.waits_for("It could not be told within 24 hours. Synchronize, to have it tried again.").await;

        // What can be done about it, works.
        harness.object_storage().behave(Behaviour::Act);
        browser.click("Synchronize").await;
        browser.waits_for(&format!("{STORAGE} Delivered Received just now")).await;
        browser.assert_sees("photo-store Delivered Received just now").await;
    })
    .await;
}
