//! One way to the function, and what a behaviour is shown on it.

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

/// A harness whose function runs in one of the three ways.
pub(crate) struct Way {
    name: &'static str,
    harness: Harness,
    manager: Client,
}

/// What a behaviour gets: a root key of its own that protects a bucket and a database, and was never notified about.
pub(crate) struct World<'a> {
    pub(crate) harness: &'a Harness,
    pub(crate) manager: &'a Client,
    pub(crate) key: String,
}

impl Way {
    pub(crate) async fn new(name: &'static str, harness: Harness) -> Self {
        let manager = harness.manager().await.unwrap();
        Self { name, harness, manager }
    }

    /// Runs all behaviours and fails if one of them did, naming each that did.
    pub(crate) async fn behaves(self) {
        let mut failed = Vec::new();
        for (name, behaviour) in behaviours::ALL {
            let world = self.world().await;
            if let Err(panic) = AssertUnwindSafe(behaviour(&world)).catch_unwind().await {
                let said = panic.downcast_ref::<String>().map(String::as_str);
                let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
                failed.push(format!("by {}: {name}: {said}", self.name));
            }
        }
        assert!(failed.is_empty(), "{}", failed.join("\n\n"));
    }

    /// The world as it was at first, but for the time, and with another key.
    async fn world(&self) -> World<'_> {
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
        World { harness, manager: &self.manager, key }
    }
}

impl World<'_> {
    /// Synchronizes the key.
    pub(crate) async fn sync(&self) -> Response {
        self.sync_by(&self.key).await
    }

    /// Synchronizes what has this name.
    pub(crate) async fn sync_by(&self, name: &str) -> Response {
        self.manager.sync(name).await.unwrap()
    }

    /// Synchronizes the key with a header more.
    pub(crate) async fn sync_with(&self, header: &str, value: &str) -> Response {
        self.send(self.request(Method::POST).header(header, value)).await
    }

    /// A request to synchronize the key by any method.
    pub(crate) fn request(&self, method: Method) -> reqwest::RequestBuilder {
        self.manager.request(method, &format!("/api/v2/keys/{}/actions/sync", self.key))
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Response {
        self.manager.send(request).await.unwrap()
    }

    /// What a service was told of the key: sequence, key state, and the event's id.
    pub(crate) fn told(&self, service: &AssociatedService) -> Vec<(u64, u64, String)> {
        let events = service.received().into_iter();
        let events = events.map(|received| serde_json::from_str::<Value>(&received.body).unwrap());
        let of_key = events.filter(|event| event["subject"] == self.key.as_str());
        let said = |event: Value| {
            let text = |field: &str| event[field].as_str().unwrap().to_owned();
            (text("sequence").parse().unwrap(), event["data"]["keyState"].as_u64().unwrap(), text("id"))
        };
        of_key.map(said).collect()
    }

    /// How often each service was told of the key: object storage and databases.
    pub(crate) fn times_told(&self) -> (usize, usize) {
        let (storage, databases) = (self.harness.object_storage(), self.harness.databases());
        (self.told(storage).len(), self.told(databases).len())
    }

    pub(crate) async fn advance_clock(&self, by: Duration) {
        self.harness.advance_clock(by).await.unwrap();
    }
}

/// Compares status and reason of a refusal.
#[track_caller]
pub(crate) fn refused(answer: &Response, status: u16, code: &str) {
    assert_eq!((answer.status.as_u16(), answer.code()), (status, code), "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/json");
    assert!(!answer.header("correlation-id").is_empty(), "{answer:?}");
}
