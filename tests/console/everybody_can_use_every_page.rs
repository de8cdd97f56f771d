//! Every page in every state, as axe-core sees it, by day and by night, at a desk and on a phone; and none can be moved
//! sideways. Each leaves two pictures.

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

/// Tables that can be moved sideways, which a page has only at a desk.
const CUT_OFF: &str = "
    const tables = [...document.querySelectorAll('.data-table__scroll')];
    return tables.filter(one => one.scrollWidth > one.clientWidth).map(one => one.innerText)";

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn logging_in_and_what_goes_wrong() {
    browser_test("logging_in_and_what_goes_wrong", Options::wide(), async |browser| {
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
        browser.is_for_everybody("login", "API key").await;
        browser.fill("API key", "mistyped").await;
        browser.click("Log in").await;
        browser.is_for_everybody("login-wrong-key", "There is no such API key").await;
        browser.go(&login("?ended=true")).await;
        browser.is_for_everybody("login-session-ended", "Your session has ended").await;
        harness.iam().set_health(Health::Down);
        browser.fill("API key", harness.api_key()).await;
        browser.click("Log in").await;
        browser.is_for_everybody("login-iam-is-out", "You are not logged in").await;
        harness.iam().set_health(Health::Up);

        browser.logs_in(&harness, "no-instance").await;
        browser.is_for_everybody("resource-list-none", "No instances").await;
        browser.logs_in(&harness, "no-role").await;
        browser.go(&keys_url(&harness)).await;
        browser.is_for_everybody("error-403", "Ask whoever manages this instance for the role").await;
        browser.logs_in(&harness, harness.api_key()).await;
        browser.is_for_everybody("resource-list", "My key-management instance").await;
        browser.click("Menu").await;
        browser.is_for_everybody("menu", "Resource list").await;
        browser.go(&format!("{console}/nothing")).await;
        browser.is_for_everybody("error-404-page", "There is no such page").await;
        browser.go(&format!("{}/02fd6835-6001-4482-a892-13bd2085f75d/resources", keys_url(&harness))).await;
        browser.is_for_everybody("error-404-key", "There is no such key").await;
        browser.go(&format!("{}/{}/actions/restore", keys_url(&harness), key.id())).await;
        browser.is_for_everybody("error-not-in-this-state", "The key is Active").await;
        harness.iam().set_health(Health::Down);
        browser.go(&format!("{console}/resources")).await;
        browser.is_for_everybody("error-502", "This cannot be shown").await;
        browser.click("Log out").await;
        browser.is_for_everybody("login-logged-out", "You are logged out").await;
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn keys_and_what_is_done_with_them() {
    browser_test("keys_and_what_is_done_with_them", Options::wide(), async |browser| {
        let harness = in_process().start().await.unwrap();
        browser.logs_in(&harness, harness.api_key()).await;
        let keys = keys_url(&harness);
        browser.go(&keys).await;
        browser.is_for_everybody("keys-none", "No keys yet").await;

        let ids = keys_in_every_state(&harness).await;
        browser.go(&keys).await;
        for state in ["Active", "Suspended", "Deactivated", "Destroyed", "Standard"] {
            browser.assert_sees(state).await;
        }
        browser.is_for_everybody("keys", "1–8 of 8 keys").await;
        browser.click("Actions for active").await;
        browser.is_for_everybody("keys-menu", "Synchronize associated resources").await;
        browser.go(&format!("{keys}?search=nothing&state=2")).await;
        browser.is_for_everybody("keys-not-found", "No keys found").await;
        for (action, state) in [("rotate", 0), ("disable", 0), ("delete", 0), ("enable", 1), ("restore", 3)] {
            browser.go(&format!("{keys}/{}/actions/{action}", ids[state])).await;
            browser.is_for_everybody(&format!("confirm-{action}"), "Every associated service is told.").await;
        }
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn associated_resources_in_every_situation() {
    browser_test("associated_resources_in_every_situation", Options::wide(), async |browser| {
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
        // What became of a notification after a day; below, what does within an hour.
        harness.databases().behave(Behaviour::respond(410));
        harness.service(CATALOG).unwrap().behave(Behaviour::respond(503));
        key.disable().await.unwrap().assert_status(204);
        harness.advance_clock(Duration::from_hours(24)).await.unwrap();
        harness.redeliver().await.unwrap();
        acknowledge(&harness, &key, STORAGE).await;
        browser.logs_in(&harness, harness.api_key()).await;
        browser.opens(&harness, &key).await;
        browser.click("What the standings mean").await;
        browser.is_for_everybody("resources-a-day-later", &format!("{CATALOG} Failed Given up")).await;

        key.enable().await.unwrap().assert_status(204);
        acknowledge(&harness, &key, STORAGE).await;
        key.protect("never-heard-of", "anything").await.unwrap();
        browser.opens(&harness, &key).await;
        for standing in ["Acknowledged Acted", "Refused", "Retrying Attempt 1", "Delivered", "Not notified"] {
            browser.assert_sees(standing).await;
        }
        browser.is_for_everybody("resources-too-early", "You can synchronize from").await;
        browser.click("Synchronize").await;
        browser.is_for_everybody("resources-409", "Not yet: the services were told").await;
        browser.go(&format!("{}/{}/resources?filter=nothing", keys_url(&harness), key.id())).await;
        browser.is_for_everybody("resources-not-found", "No resources found").await;

        browser.opens(&harness, &alone).await;
        browser.is_for_everybody("resources-never-notified", "No associated resources").await;
        browser.click("Synchronize").await;
        browser.is_for_everybody("resources-synchronized", "The associated services are told again").await;

        browser.logs_in(&harness, harness.reader_api_key()).await;
        browser.opens(&harness, &key).await;
        browser.click("Synchronize").await;
        browser.is_for_everybody("resources-problem", "The services were not told again").await;
    })
    .await;
}

/// A key in each state, standard ones, and one whose name is as long as names get.
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
    /// The page, which shows this text, is for everybody, wherever they sit and whatever the light.
    async fn is_for_everybody(&self, name: &str, text: &str) {
        self.waits_for(text).await;
        for (look, options) in [
            ("wide-light", Options::wide()),
            ("wide-dark", Options::wide().dark()),
            ("narrow-light", Options::narrow()),
            ("narrow-dark", Options::narrow().dark()),
        ] {
            // What fades from one colour to another meanwhile has one in between.
            self.adjust(options.reduced_motion()).await;
            // What the header covers by half is smaller than it is.
            self.asks("scrollTo(0, 0)").await;
            self.assert_sees(text).await;
            self.assert_fits().await;
            if look.starts_with("narrow") {
                assert_eq!(self.asks(CUT_OFF).await, json!([]), "the cards are too wide");
            }
            self.assert_accessible().await;
            // These show both widths and both lights; taking a picture of a long page takes its time.
            if ["wide-light", "narrow-dark"].contains(&look) {
                self.screenshot_of_all(&format!("everybody-{name}-{look}")).await;
            }
        }
        self.adjust(Options::wide()).await;
        self.assert_no_complaints().await;
    }
}
