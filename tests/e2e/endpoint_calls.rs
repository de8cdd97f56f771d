//! What the tests of the endpoint start with: an instance without keys, on a clock that stands still until the
//! test moves it, and callers with a role each.

use std::time::Duration;

use http::Method;
use keysync::key::EpochMillis;
use keysync_testkit::{
    Client, Harness, HarnessClock, Response,
    iam::{Identity, Roles},
    lambda::Mode,
};
use serde_json::{Value, json};

use crate::{engine::on_the_engine_under_test, support::text};

/// When these tests begin.
pub(crate) const NOW: EpochMillis = EpochMillis::new(1_800_000_000_000);

/// An endpoint, and a manager of its instance.
pub(crate) struct Endpoint {
    pub(crate) harness: Harness,
    pub(crate) manager: Caller,
}

/// Somebody who calls it.
#[derive(Clone)]
pub(crate) struct Caller(Client);

pub(crate) async fn endpoint() -> Endpoint {
    let builder = Harness::builder().mode(Mode::InProcess).clock(HarnessClock::set_to(NOW));
    let harness = on_the_engine_under_test(builder).start().await.unwrap();
    let manager = Caller(Client::log_in(&harness, harness.api_key()).await.unwrap());
    Endpoint { harness, manager }
}

impl Endpoint {
    /// Somebody else with a role, or with several.
    pub(crate) async fn somebody(&self, roles: impl Into<Roles>) -> Caller {
        let iam_id = format!("IBMid-{}", uuid::Uuid::new_v4().simple());
        let api_key = format!("the API key of {iam_id}");
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

    /// Writes an item past everything, as only a hand could.
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

    /// A call with more headers.
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

    /// Makes a key of these fields and returns its id.
    pub(crate) async fn make(&self, fields: Value) -> String {
        let answer = self.post("keys", one("key", fields)).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        text(&answer.body["resources"][0]["id"])
    }

    pub(crate) async fn make_root_key(&self, name: &str) -> String {
        self.make(json!({"name": name, "extractable": false})).await
    }

    /// What there is to know of a key without its material.
    pub(crate) async fn key(&self, id: &str) -> Value {
        self.get(&format!("keys/{id}/metadata")).await.body["resources"][0].clone()
    }

    /// The ids in a list of keys.
    pub(crate) async fn ids(&self, path: &str) -> Vec<String> {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body["resources"].as_array().unwrap().iter().map(|key| text(&key["id"])).collect()
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

/// An answer's status and code, for refusals.
pub(crate) fn refusal(answer: &Response) -> (u16, &str) {
    (answer.status.as_u16(), answer.code())
}
