//! The walkthrough of Key Protect, which differs from that of Hyper Protect Crypto Services: the
//! page Keys, the ⋯ menu, Sync, and a side panel.

use axum::{Json, Router, routing::get};
use jiff::Timestamp;
use keysync_console::{Addresses, Console};
use keysync_testkit::Harness;
use serde_json::json;
use thirtyfour::Key;
use tokio::net::TcpListener;

use crate::{
    browser::{Browser, Options, browser_test},
    support::{DATABASES, STORAGE, in_process},
};

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn key_protect_walkthrough_works_in_side_panel() {
    let name = "key_protect_walkthrough_works_in_side_panel";
    browser_test(name, Options::wide(), async |browser| {
        let harness = in_process().start().await.unwrap();
        let key = harness.new_key("invoices").with_registration(STORAGE, "bucket");
        let key = key.with_registration(DATABASES, "ledger").create().await.unwrap();
        browser.open_key_protect(&harness).await;
        browser.wait_for_text("1 of 1 keys").await;
        assert_eq!(browser.title().await, "Keys – keysync");
        browser.click("Actions for invoices").await;
        browser.click("Sync").await;
        browser.wait_for_text("You can synchronize now.").await;
        browser.screenshot("key-protect-side-panel").await;
        let side = "const panel = document.querySelector('dialog:modal').getBoundingClientRect();
            return panel.right === innerWidth && panel.left > innerWidth / 2";
        assert_eq!(browser.evaluate(side).await, true, "the panel is at the side");
        browser.assert_accessible().await;
        browser.press(Key::Escape).await;
        browser.wait_for_focus_on("button \"Actions for invoices\"").await;
        harness.object_storage().assert_callbacks(&key, 0);

        browser.click("Actions for invoices").await;
        browser.click("Sync").await;
        browser.click("Sync key").await;
        browser.wait_for_text("The associated services are notified again 2 of 2 delivered.").await;
        harness.object_storage().assert_callbacks(&key, 1);
    })
    .await;
}

impl Browser {
    /// Logs in to a console for which the harness's instance is one of Key Protect, and opens its
    /// keys.
    pub(crate) async fn open_key_protect(&self, harness: &Harness) {
        let instance = json!({"next_url": null, "resources": [{
            "guid": harness.instance(), "name": "My Key Protect", "region_id": "us-south", "state": "active",
            "crn": format!("crn:v1:bluemix:public:kms:us-south:a/1:{}::", harness.instance()),
        }]});
        let resources = Router::new().route("/v2/resource_instances", get(async move || Json(instance)));
        let addresses = Addresses {
            endpoint: harness.endpoint_url().parse().unwrap(),
            iam: harness.iam_url().parse().unwrap(),
            resource_controller: serve(resources).await.parse().unwrap(),
        };
        let clock = harness.clock().clone();
        let now = move || Timestamp::from_millisecond(clock.now().get().try_into().unwrap()).unwrap();
        let console = serve(Console::new(addresses).unwrap().with_clock(now).router()).await;
        self.go(&format!("{console}/console/login")).await;
        self.fill("API key", harness.api_key()).await;
        self.click("Log in").await;
        self.click("My Key Protect").await;
    }
}

/// Serves a router while the test runs, and returns its URL.
async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, router).await });
    url
}
