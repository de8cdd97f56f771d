//! One runtime of the function, and the context in which a behaviour runs.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt;
use http::Method;
use keysync_testkit::{
    Client, Harness, Response,
    iam::Health,
    services::{AssociatedService, Behaviour, DATABASES, OBJECT_STORAGE},
};
use serde_json::Value;

use crate::behaviours;

/// A harness whose function runs on one of the three runtimes.
pub(crate) struct Runtime {
    name: &'static str,
    harness: Harness,
    manager: Client,
}

/// The context of one behaviour, with its own root key. The key protects a bucket and a database
/// and has had no notification.
pub(crate) struct Context<'a> {
    pub(crate) harness: &'a Harness,
    pub(crate) manager: &'a Client,
    pub(crate) key: String,
}

impl Runtime {
    pub(crate) async fn new(name: &'static str, harness: Harness) -> Self {
        let manager = harness.manager().await.unwrap();
        Self { name, harness, manager }
    }

    /// Runs all behaviours. Panics with the names of those that failed.
    pub(crate) async fn assert_behaviours(self) {
        let mut failed = Vec::new();
        for (name, behaviour) in behaviours::ALL {
            let context = self.context().await;
            if let Err(panic) = AssertUnwindSafe(behaviour(&context)).catch_unwind().await {
                let message = panic.downcast_ref::<String>().map(String::as_str);
                let message =
                    message.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
                failed.push(format!("{}: {name}: {message}", self.name));
            }
        }
        assert!(failed.is_empty(), "{}", failed.join("\n\n"));
    }

    /// Resets the harness except for the clock and creates a new key.
    async fn context(&self) -> Context<'_> {
        let harness = &self.harness;
        harness.iam().set_health(Health::Up);
        harness.dynamodb().proxy().clear_faults();
        for service in harness.services() {
            service.behave(Behaviour::Act);
            drop(service.take_received());
        }
        let key = harness
            .new_key("a-key")
            .with_registration(OBJECT_STORAGE, "bucket")
            .with_registration(DATABASES, "database");
        let key = key.create().await.unwrap().id().to_owned();
        Context { harness, manager: &self.manager, key }
    }
}

impl Context<'_> {
    /// Synchronizes the key.
    pub(crate) async fn sync(&self) -> Response {
        self.sync_by(&self.key).await
    }

    /// Synchronizes a key by id or alias.
    pub(crate) async fn sync_by(&self, name: &str) -> Response {
        self.manager.sync(name).await.unwrap()
    }

    /// Synchronizes the key with an additional header.
    pub(crate) async fn sync_with(&self, header: &str, value: &str) -> Response {
        self.send(self.request(Method::POST).header(header, value)).await
    }

    /// A request to the sync path of the key with any method.
    pub(crate) fn request(&self, method: Method) -> reqwest::RequestBuilder {
        self.manager.request(method, &format!("/api/v2/keys/{}/actions/sync", self.key))
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Response {
        self.manager.send(request).await.unwrap()
    }

    /// The events about the key that a service received: sequence, key state and event id.
    pub(crate) fn events(&self, service: &AssociatedService) -> Vec<(u64, u64, String)> {
        let received = service.received().into_iter();
        let events = received.map(|received| received.json());
        let of_key = events.filter(|event| event["subject"] == self.key.as_str());
        let fields = |event: Value| {
            let text = |field: &str| event[field].as_str().unwrap().to_owned();
            (text("sequence").parse().unwrap(), event["data"]["keyState"].as_u64().unwrap(), text("id"))
        };
        of_key.map(fields).collect()
    }

    /// The number of callbacks about the key to object storage and to databases.
    pub(crate) fn callback_counts(&self) -> (usize, usize) {
        let (storage, databases) = (self.harness.object_storage(), self.harness.databases());
        (self.events(storage).len(), self.events(databases).len())
    }

    pub(crate) async fn advance_clock(&self, by: Duration) {
        self.harness.advance_clock(by).await.unwrap();
    }
}

/// Asserts status, reason code and headers of an error response.
#[track_caller]
pub(crate) fn assert_error(response: &Response, status: u16, code: &str) {
    assert_eq!((response.status.as_u16(), response.code()), (status, code), "{response:?}");
    assert_eq!(response.header("content-type"), "application/json");
    assert!(!response.header("correlation-id").is_empty(), "{response:?}");
}
