//! The control API matches its `OpenAPI` document: each operation is called with valid and invalid
//! requests, and each response is validated against the document.

mod cross_site;
mod operations;
mod responses;
mod validation;

use std::collections::BTreeSet;

use http::Method;
use keysync_testkit::{Harness, lambda::Mode};
use serde_json::Value;

/// An id that no key has.
const UNKNOWN_KEY: &str = "02fd6835-6001-4482-a892-13bd2085f75d";

/// The control API and its `OpenAPI` document.
struct Control {
    harness: Harness,
    http: reqwest::Client,
    document: Value,
    called: BTreeSet<String>,
}

impl Control {
    async fn start() -> Self {
        Self::of(Harness::builder().mode(Mode::InProcess)).await
    }

    async fn start_at(clock: keysync_testkit::HarnessClock) -> Self {
        Self::of(Harness::builder().mode(Mode::InProcess).clock(clock)).await
    }

    async fn of(builder: keysync_testkit::HarnessBuilder) -> Self {
        let harness = builder.start().await.unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("{}/_harness/openapi.json", harness.endpoint_url());
        let document = http.get(url).send().await.unwrap().json().await.unwrap();
        Self { harness, http, document, called: BTreeSet::new() }
    }

    /// Calls an operation, and asserts its status and that operation, status and response are
    /// documented.
    async fn call(&mut self, method: Method, template: &str, path: &str, body: Value, status: u16) -> Value {
        self.send(method, template, path, body.to_string(), status).await
    }

    /// The same with a body that may be invalid JSON.
    async fn send(&mut self, method: Method, template: &str, path: &str, body: String, status: u16) -> Value {
        let operation = &self.document["paths"][template][method.as_str().to_lowercase()];
        assert!(operation.is_object(), "{method} {template} is documented");
        self.called.insert(format!("{method} {template}"));
        let documented = &operation["responses"][status.to_string()];
        assert!(documented.is_object(), "{status} of {method} {template} is documented");

        let url = format!("{}{path}", self.harness.endpoint_url());
        let response = self.http.request(method.clone(), url).body(body).send().await.unwrap();
        let received = response.status().as_u16();
        let body: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default();
        assert_eq!(received, status, "{method} {path}: {body}");
        match documented["content"]["application/json"].get("schema") {
            Some(schema) => self.assert_valid(schema, &body),
            None => assert_eq!(body, Value::Null, "{method} {path} has no response body"),
        }
        body
    }

    fn assert_valid(&self, schema: &Value, body: &Value) {
        let mut schema = schema.clone();
        schema["components"] = self.document["components"].clone();
        let schema = jsonschema::draft202012::new(&schema).unwrap();
        let violation = schema.validate(body).err().map(|error| error.to_string());
        assert_eq!(violation, None, "{body}");
    }

    fn documented(&self) -> BTreeSet<String> {
        let paths = self.document["paths"].as_object().unwrap();
        let of_path = |(path, operations): (&String, &Value)| -> Vec<String> {
            let methods = operations.as_object().unwrap().keys();
            methods.map(|method| format!("{} {path}", method.to_uppercase())).collect()
        };
        paths.iter().flat_map(of_path).collect()
    }
}
