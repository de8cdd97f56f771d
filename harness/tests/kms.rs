//! Tests of the emulated KMS endpoint, and their starting point: an instance without keys, on a
//! stopped clock that the test advances, and callers with roles.

mod action_rules;
mod client_compatibility;
mod dual_authorization;
mod instance_host;
mod key_creation;
mod key_events;
mod key_import;
mod key_lifecycle;
mod key_listing;
mod key_rings_and_aliases;
mod keys_known_by_event;
mod policies;
mod registrations;
mod sync_allowed_from;
mod wrap_and_unwrap;

use std::time::Duration;

use http::Method;
use keysync::domain::EpochMillis;
use keysync_testkit::{
    Client, Harness, HarnessClock, Response,
    iam::{Identity, Roles},
    lambda::Mode,
};
use serde_json::{Value, json};

use crate::{engine::on_the_engine_under_test, world::text};

/// The start time of these tests: 2027-01-15T08:00:00Z.
pub(crate) const NOW: EpochMillis = EpochMillis::new(1_800_000_000_000);

/// An endpoint, and a Manager of its instance.
pub(crate) struct Endpoint {
    pub(crate) harness: Harness,
    pub(crate) manager: Caller,
}

/// A caller of the endpoint.
#[derive(Clone)]
pub(crate) struct Caller(Client);

pub(crate) async fn endpoint() -> Endpoint {
    let builder = Harness::builder().mode(Mode::InProcess).clock(HarnessClock::set_to(NOW));
    let harness = on_the_engine_under_test(builder).start().await.unwrap();
    let manager = Caller(Client::log_in(&harness, harness.api_key()).await.unwrap());
    Endpoint { harness, manager }
}

impl Endpoint {
    /// A new caller with these roles.
    pub(crate) async fn caller_with(&self, roles: impl Into<Roles>) -> Caller {
        let iam_id = format!("IBMid-{}", uuid::Uuid::new_v4().simple());
        let api_key = format!("API key of {iam_id}");
        let account = self.harness.account().to_owned();
        for role in roles.into() {
            self.harness.iam().grant(&iam_id, self.harness.instance(), role);
        }
        self.harness.iam().add_identity(Identity { iam_id, account, api_key: api_key.clone() });
        Caller(Client::log_in(&self.harness, &api_key).await.unwrap())
    }

    pub(crate) async fn advance_clock(&self, by: Duration) {
        self.harness.advance_clock(by).await.unwrap();
    }

    /// Writes an item directly to the table.
    pub(crate) async fn put_item(&self, item: Value) {
        let item = serde_dynamo::to_item(item).unwrap();
        let put = self.harness.dynamodb().client().put_item().table_name(self.harness.table());
        put.set_item(Some(item)).send().await.unwrap();
    }

    /// All items of the table, as JSON.
    pub(crate) async fn items(&self) -> Vec<Value> {
        self.harness.items().await.unwrap()
    }
}

impl Caller {
    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Response {
        self.call_with(method, path, &[], body).await
    }

    /// A call with further headers.
    pub(crate) async fn call_with(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Response {
        let mut request = self.0.request(method, &format!("/api/v2/{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        self.0.send(request).await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.call(Method::GET, path, None).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Response {
        self.call(Method::DELETE, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Response {
        self.call(Method::POST, path, Some(body)).await
    }

    /// A call without a body.
    pub(crate) async fn act(&self, path: &str) -> Response {
        self.call(Method::POST, path, None).await
    }

    /// Creates a key with these fields and returns its id.
    pub(crate) async fn create(&self, fields: Value) -> String {
        let response = self.post("keys", one("key", fields)).await;
        assert_eq!(response.status, 201, "{}", response.body);
        text(&response.body["resources"][0]["id"])
    }

    pub(crate) async fn create_root_key(&self, name: &str) -> String {
        self.create(json!({"name": name, "extractable": false})).await
    }

    /// The metadata of a key.
    pub(crate) async fn key(&self, id: &str) -> Value {
        self.get(&format!("keys/{id}/metadata")).await.body["resources"][0].clone()
    }

    /// The ids in a list of keys.
    pub(crate) async fn ids(&self, path: &str) -> Vec<String> {
        let response = self.get(path).await;
        assert_eq!(response.status, 200, "{path}: {}", response.body);
        response.body["resources"].as_array().unwrap().iter().map(|key| text(&key["id"])).collect()
    }
}

/// A collection of one resource.
#[expect(clippy::needless_pass_by_value, reason = "reads better where it is called")]
pub(crate) fn one(kind: &str, resource: Value) -> Value {
    json!({
        "metadata": {"collectionType": format!("application/vnd.ibm.kms.{kind}+json"), "collectionTotal": 1},
        "resources": [resource],
    })
}

/// The status and the reason code of a response; the code is empty on success.
pub(crate) fn status_and_code(response: &Response) -> (u16, &str) {
    (response.status.as_u16(), response.code())
}
