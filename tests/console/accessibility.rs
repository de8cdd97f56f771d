//! Accessibility of every page in every state: axe-core finds no violations and nothing overflows,
//! in light and dark, wide and narrow. Each state leaves two screenshots.

use std::time::Duration;

use http::Method;
use keysync_testkit::{
    Harness,
    iam::{Health, Identity},
    services::Behaviour,
};
use serde_json::json;

use crate::{
    browser::{Browser, Options, browser_test},
    support::{DATABASES, STORAGE, acknowledge, in_process, keys_url, protect_from_deletion},
};

const CATALOG: &str = "data-catalog";
const PHOTOS: &str = "photo-store";

/// Script: tables that scroll horizontally, which is allowed only on a wide page.
const OVERFLOWING_TABLES: &str = "
    const tables = [...document.querySelectorAll('.data-table__scroll')];
    return tables.filter(one => one.scrollWidth > one.clientWidth).map(one => one.innerText)";

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn login_and_error_pages_are_accessible() {
    browser_test("login_and_error_pages_are_accessible", Options::wide(), async |browser| {
        let harness = in_process().start().await.unwrap();
        let key = harness.new_key("invoices").create().await.unwrap();
        let account = harness.account().to_owned();
        for (api_key, account) in [("no-role", account), ("no-instance", "another".to_owned())] {
            let iam_id = format!("IBMid-{api_key}");
            harness.iam().add_identity(Identity { iam_id, account, api_key: api_key.to_owned() });
        }
        let console = harness.console_url();
        let login = |query: &str| format!("{console}/login{query}");

        browser.go(&login("")).await;
        browser.assert_page_accessible("login", "API key").await;
        browser.fill("API key", "mistyped").await;
        browser.click("Log in").await;
        browser.assert_page_accessible("login-wrong-key", "There is no such API key").await;
        browser.go(&login("?ended=true")).await;
        browser.assert_page_accessible("login-session-ended", "Your session has ended").await;
        harness.iam().set_health(Health::Down);
        browser.fill("API key", harness.api_key()).await;
        browser.click("Log in").await;
        browser.assert_page_accessible("login-iam-is-out", "You are not logged in").await;
        harness.iam().set_health(Health::Up);

        browser.log_in(&harness, "no-instance").await;
        browser.assert_page_accessible("resource-list-none", "No instances").await;
        browser.log_in(&harness, "no-role").await;
        browser.go(&keys_url(&harness)).await;
        browser
            .assert_page_accessible(
                "error-403",
                "Ask the administrator of this instance for the required role",
            )
            .await;
        browser.log_in(&harness, harness.api_key()).await;
        browser.assert_page_accessible("resource-list", "My key-management instance").await;
        browser.click("Menu").await;
        browser.assert_page_accessible("menu", "Resource list").await;
        browser.go(&format!("{console}/harness")).await;
        browser.assert_page_accessible("harness", "Newest first. Choose one").await;
        browser.go(&format!("{console}/nothing")).await;
        browser.assert_page_accessible("error-404-page", "There is no such page").await;
        browser.go(&format!("{}/02fd6835-6001-4482-a892-13bd2085f75d/resources", keys_url(&harness))).await;
        browser.assert_page_accessible("error-404-key", "There is no such key").await;
        browser.go(&format!("{}/{}/actions/restore", keys_url(&harness), key.id())).await;
        browser.assert_page_accessible("error-not-in-this-state", "The key is Active").await;
        harness.iam().set_health(Health::Down);
        browser.go(&format!("{console}/resources")).await;
        browser.assert_page_accessible("error-502", "This page cannot be shown").await;
        browser.click("Log out").await;
        browser.assert_page_accessible("login-logged-out", "You are logged out").await;
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn key_pages_are_accessible() {
    browser_test("key_pages_are_accessible", Options::wide(), async |browser| {
        let harness = in_process().start().await.unwrap();
        browser.log_in(&harness, harness.api_key()).await;
        let keys = keys_url(&harness);
        browser.go(&keys).await;
        browser.assert_page_accessible("keys-none", "No keys yet").await;

        let ids = keys_in_every_state(&harness).await;
        browser.go(&keys).await;
        for state in ["Active", "Suspended", "Deactivated", "Destroyed", "Standard"] {
            browser.assert_shows(state).await;
        }
        browser.assert_page_accessible("keys", "1–8 of 8 keys").await;
        browser.click("Actions for active").await;
        browser.assert_page_accessible("keys-menu", "Synchronize associated resources").await;
        browser.go(&keys.replace("/keys", "/new-key")).await;
        browser.assert_page_accessible("new-key", "Root keys protect resources of other services.").await;
        browser.go(&keys.replace("/keys", "/not-acted")).await;
        browser.assert_page_accessible("not-acted-none", "Every service has acted").await;
        browser.go(&format!("{keys}/{}/sync", ids[0])).await;
        browser.assert_page_accessible("sync-key", "You can synchronize now.").await;
        browser.go(&keys).await;
        browser.click("Select active").await;
        browser.click("Synchronize selected").await;
        browser.assert_page_accessible("bulk-sync", "1 of 1 keys done: 1 notified").await;
        browser.go(&format!("{keys}?search=nothing&state=2")).await;
        browser.assert_page_accessible("keys-not-found", "No keys found").await;
        for (action, state) in [("rotate", 0), ("disable", 0), ("delete", 0), ("enable", 1), ("restore", 3)] {
            browser.go(&format!("{keys}/{}/actions/{action}", ids[state])).await;
            browser
                .assert_page_accessible(&format!("confirm-{action}"), "Every associated service is notified.")
                .await;
        }
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn resource_pages_are_accessible() {
    browser_test("resource_pages_are_accessible", Options::wide(), async |browser| {
        let harness = in_process().service(CATALOG).service(PHOTOS).start().await.unwrap();
        let new_key = harness
            .new_key("invoices")
            .with_registration(STORAGE, "bucket")
            .with_registration(DATABASES, "ledger");
        let key = new_key
            .with_registration(CATALOG, "orders")
            .with_registration(PHOTOS, "holidays")
            .create()
            .await
            .unwrap();
        protect_from_deletion(&harness, &key, "archive").await;
        let alone = harness.new_key("a key that protects nothing").create().await.unwrap();
        // The delivery statuses after a day; below, those within an hour.
        harness.databases().behave(Behaviour::respond(410));
        harness.service(CATALOG).unwrap().behave(Behaviour::respond(503));
        key.disable().await.unwrap().assert_status(204);
        harness.advance_clock(Duration::from_hours(24)).await.unwrap();
        harness.redeliver().await.unwrap();
        acknowledge(&harness, &key, STORAGE).await;
        browser.log_in(&harness, harness.api_key()).await;
        browser.open_resources(&harness, &key).await;
        browser.click("What the statuses mean").await;
        browser
            .assert_page_accessible("resources-a-day-later", &format!("{CATALOG} Failed Retries exhausted"))
            .await;

        browser.go(&keys_url(&harness).replace("/keys", "/not-acted")).await;
        browser.assert_page_accessible("not-acted", "1 failed, 1 refused").await;

        key.enable().await.unwrap().assert_status(204);
        acknowledge(&harness, &key, STORAGE).await;
        key.protect("never-heard-of", "anything").await.unwrap();
        browser.open_resources(&harness, &key).await;
        for status in ["Acknowledged Acted", "Refused", "Retrying Attempt 1", "Delivered", "Not notified"] {
            browser.assert_shows(status).await;
        }
        browser.assert_page_accessible("resources-too-early", "You can synchronize from").await;
        browser.click("Synchronize").await;
        browser.assert_page_accessible("resources-409", "Too early: the services were notified").await;
        browser.go(&format!("{}/{}/resources?filter=nothing", keys_url(&harness), key.id())).await;
        browser.assert_page_accessible("resources-not-found", "No resources found").await;

        browser.open_resources(&harness, &alone).await;
        browser.assert_page_accessible("resources-never-notified", "No associated resources").await;
        browser.click("Synchronize").await;
        browser
            .assert_page_accessible("resources-synchronized", "The associated services are notified again")
            .await;

        browser.log_in(&harness, harness.reader_api_key()).await;
        browser.open_resources(&harness, &key).await;
        browser.click("Synchronize").await;
        browser.assert_page_accessible("resources-problem", "You may not synchronize this key").await;
    })
    .await;
}

/// Creates a key in each state, one with a name of maximum length, and three standard keys.
async fn keys_in_every_state(harness: &Harness) -> Vec<String> {
    let manager = harness.manager().await.unwrap();
    let soon = harness.clock().now().plus(Duration::from_secs(2)).to_string();
    let mut ids = vec![];
    for name in ["active", "suspended", "deactivated", "destroyed", &"long".repeat(22)] {
        let mut fields =
            json!({"type": "application/vnd.ibm.kms.key+json", "name": name, "extractable": false});
        if name == "deactivated" {
            fields["expirationDate"] = json!(soon);
        }
        let body = json!({
            "metadata": {"collectionType": "application/vnd.ibm.kms.key+json", "collectionTotal": 1},
            "resources": [fields],
        });
        let made = manager.send(manager.request(Method::POST, "/api/v2/keys").json(&body)).await.unwrap();
        ids.push(made.body["resources"][0]["id"].as_str().unwrap().to_owned());
    }
    let key = async |at: usize| harness.key(&ids[at]).await.unwrap();
    key(0).await.protect(STORAGE, "bucket").await.unwrap();
    key(1).await.disable().await.unwrap().assert_status(204);
    key(3).await.delete().await.unwrap().assert_status(204);
    for name in ["standard", "another-standard", "one-more"] {
        harness.new_key(name).standard().create().await.unwrap();
    }
    harness.advance_clock(Duration::from_secs(31)).await.unwrap();
    ids
}

impl Browser {
    /// Waits for this text, then asserts that the page is accessible in all sizes and colour
    /// schemes.
    pub(crate) async fn assert_page_accessible(&self, name: &str, text: &str) {
        self.wait_for_text(text).await;
        for (look, options) in [
            ("wide-light", Options::wide()),
            ("wide-dark", Options::wide().dark()),
            ("narrow-light", Options::narrow()),
            ("narrow-dark", Options::narrow().dark()),
        ] {
            // During a colour transition axe-core would see an intermediate colour.
            self.adjust(options.reduced_motion()).await;
            // A control that the header covers partly would count as too small.
            self.evaluate("scrollTo(0, 0)").await;
            self.assert_shows(text).await;
            self.assert_fits().await;
            if look.starts_with("narrow") {
                assert_eq!(self.evaluate(OVERFLOWING_TABLES).await, json!([]), "the tables overflow");
            }
            self.assert_accessible().await;
            // These two show both widths and both colour schemes; screenshots of long pages are
            // slow.
            if ["wide-light", "narrow-dark"].contains(&look) {
                self.full_page_screenshot(&format!("accessibility-{name}-{look}")).await;
            }
        }
        self.adjust(Options::wide()).await;
        self.assert_no_console_errors().await;
    }
}
