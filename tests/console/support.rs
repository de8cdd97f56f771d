//! What most tests start with: a harness, somebody who is logged in, and what services can say that the harness's do not.

use http::Method;
pub(crate) use keysync_testkit::services::{DATABASES, OBJECT_STORAGE as STORAGE};
use keysync_testkit::{Harness, HarnessBuilder, Key, lambda::Mode};
use serde_json::{Value, json};

use crate::browser::Browser;

/// One whose functions run in this process.
pub(crate) fn in_process() -> HarnessBuilder {
    Harness::builder().mode(Mode::InProcess)
}

impl Browser {
    /// Logs in with this API key, whoever is logged in already.
    pub(crate) async fn logs_in(&self, harness: &Harness, api_key: &str) {
        self.go(&format!("{}/login", harness.console_url())).await;
        self.fill("API key", api_key).await;
        self.click("Log in").await;
        self.arrives_at("/console/resources").await;
    }

    /// Opens View associated resources of a key.
    pub(crate) async fn opens(&self, harness: &Harness, key: &Key) {
        self.go(&format!("{}/{}/resources", keys_url(harness), key.id())).await;
    }

    /// Comes back from another tab: the page looks for news at once.
    pub(crate) async fn comes_back(&self) {
        self.asks("document.dispatchEvent(new Event('visibilitychange'))").await;
    }

    /// The page shows this text now.
    pub(crate) async fn assert_sees(&self, text: &str) {
        assert!(self.sees(text).await, "the page does not show {text:?}, but:\n{}", self.text().await);
    }

    /// The page does not show this text now.
    pub(crate) async fn assert_sees_no(&self, text: &str) {
        assert!(!self.sees(text).await, "the page shows {text:?}:\n{}", self.text().await);
    }
}

/// The KMS keys page.
pub(crate) fn keys_url(harness: &Harness) -> String {
    format!("{}/instances/{}/keys", harness.console_url(), harness.instance())
}

/// What the endpoint tells of a key below it, such as its `metadata`.
pub(crate) async fn asked(harness: &Harness, key: &Key, below: &str) -> Vec<Value> {
    let manager = harness.manager().await.unwrap();
    let request = manager.request(Method::GET, &format!("/api/v2/keys/{}/{below}", key.id()));
    manager.send(request).await.unwrap().body["resources"].as_array().unwrap().clone()
}

/// A service says that it acted on what it was told of a key last.
pub(crate) async fn acknowledge(harness: &Harness, key: &Key, service: &str) {
    let standings = asked(harness, key, "notifications").await;
    let standing = standings.iter().find(|standing| standing["service"] == service).unwrap();
    let body = json!({
        "metadata": {"collectionType": "application/vnd.ibm.kms.event_acknowledge+json", "collectionTotal": 1},
        "resources": [{
            "eventId": standing["eventId"], "adopterKeyState": "DEK_ENABLED", "timestamp": harness.clock().now().to_string(),
        }],
    });
    let manager = harness.manager().await.unwrap();
    let request = manager.request(Method::POST, "/api/v2/event_ack").json(&body);
    manager.send(request).await.unwrap().assert_status(204);
}

/// A resource is registered under a key, which must not be deleted for its sake.
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
