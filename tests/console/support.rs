//! Common setup: a harness, login, and requests of services that the harness's services do not
//! send.

use http::Method;
pub(crate) use keysync_testkit::services::{DATABASES, OBJECT_STORAGE as STORAGE};
use keysync_testkit::{Harness, HarnessBuilder, Key, lambda::Mode};
use serde_json::{Value, json};

use crate::browser::Browser;

/// A harness whose functions run in this process.
pub(crate) fn in_process() -> HarnessBuilder {
    Harness::builder().mode(Mode::InProcess)
}

impl Browser {
    /// Logs in with this API key and replaces any existing session.
    pub(crate) async fn log_in(&self, harness: &Harness, api_key: &str) {
        self.go(&format!("{}/login", harness.console_url())).await;
        self.fill("API key", api_key).await;
        self.click("Log in").await;
        self.wait_for_url("/console/resources").await;
    }

    /// Opens the page "View associated resources" of a key.
    pub(crate) async fn open_resources(&self, harness: &Harness, key: &Key) {
        self.go(&format!("{}/{}/resources", keys_url(harness), key.id())).await;
    }

    /// Simulates a return from another tab, on which the page updates immediately.
    pub(crate) async fn return_to_tab(&self) {
        self.evaluate("document.dispatchEvent(new Event('visibilitychange'))").await;
    }

    /// Asserts that the page shows this text.
    pub(crate) async fn assert_shows(&self, text: &str) {
        assert!(self.shows(text).await, "the page does not show {text:?}, but:\n{}", self.text().await);
    }

    /// Asserts that the page does not show this text.
    pub(crate) async fn assert_not_shown(&self, text: &str) {
        assert!(!self.shows(text).await, "the page shows {text:?}:\n{}", self.text().await);
    }
}

/// The URL of the KMS keys page.
pub(crate) fn keys_url(harness: &Harness) -> String {
    format!("{}/instances/{}/keys", harness.console_url(), harness.instance())
}

/// Gets the resources below a key in the emulated KMS, such as its `metadata`.
pub(crate) async fn get_resources(harness: &Harness, key: &Key, below: &str) -> Vec<Value> {
    let manager = harness.manager().await.unwrap();
    let request = manager.request(Method::GET, &format!("/api/v2/keys/{}/{below}", key.id()));
    manager.send(request).await.unwrap().body["resources"].as_array().unwrap().clone()
}

/// Acknowledges the last notification about a key on behalf of a service.
pub(crate) async fn acknowledge(harness: &Harness, key: &Key, service: &str) {
    let statuses = get_resources(harness, key, "notifications").await;
    let status = statuses.iter().find(|status| status["service"] == service).unwrap();
    let body = json!({
        "metadata": {"collectionType": "application/vnd.ibm.kms.event_acknowledge+json", "collectionTotal": 1},
        "resources": [{
            "eventId": status["eventId"], "adopterKeyState": "DEK_ENABLED", "timestamp": harness.clock().now().to_string(),
        }],
    });
    let manager = harness.manager().await.unwrap();
    let request = manager.request(Method::POST, "/api/v2/event_ack").json(&body);
    manager.send(request).await.unwrap().assert_status(204);
}

/// Registers a resource with a key such that the key must not be deleted.
pub(crate) async fn protect_from_deletion(harness: &Harness, key: &Key, resource: &str) {
    let crn = format!(
        "crn%3Av1%3Abluemix%3Apublic%3A{STORAGE}%3Aus-south%3Aa%2F{}%3A{}%3Abucket%3A{resource}",
        harness.account(),
        harness.instance()
    );
    let body = json!({
        "metadata": {"collectionType": "application/vnd.ibm.kms.registration_input+json", "collectionTotal": 1},
        "resources": [{"preventKeyDeletion": true, "description": "kept for the auditors"}],
    });
    let manager = harness.manager().await.unwrap();
    let path = format!("/api/v2/keys/{}/registrations/{crn}", key.id());
    manager.send(manager.request(Method::POST, &path).json(&body)).await.unwrap().assert_status(201);
}
