//! Hostile requests, as events of a function URL: each gets the documented error response, never
//! 5xx, and writes nothing.
//!
//! They bypass the function URL, which rejects some of them: the function must not rely on that.

mod headers;
mod methods_and_bodies;
mod paths;
mod random;

use serde_json::{Value, json};

use crate::support::{World, text, world};

/// The expected status and reason code.
type Expected = (u64, &'static str);

const BAD_FIELD: Expected = (400, "INVALID_FIELD_ERR");
const NO_SUBJECT: Expected = (400, "BEARER_SUB_EXTRACTION_ERR");
const UNAUTHORIZED: Expected = (401, "UNAUTHORIZED_ERR");
const UNKNOWN_KEY: Expected = (404, "KEY_NOT_FOUND_ERR");
const UNKNOWN_PATH: Expected = (404, "NOT_FOUND_ERR");
const OTHER_METHOD: Expected = (405, "METHOD_NOT_ALLOWED_ERR");
const TOO_LARGE: Expected = (413, "PAYLOAD_TOO_LARGE_ERR");
/// The malformed part is ignored: the request is a valid sync of a key whose window is closed.
const PASSES: Expected = (409, "REQ_TOO_EARLY_ERR");

/// A world with a key whose window is closed.
struct Target {
    world: World,
}

impl Target {
    async fn new() -> Self {
        let world = world().await;
        assert_eq!(world.sync().await.status, 204);
        Self { world }
    }

    fn path(&self) -> String {
        format!("/api/v2/keys/{}/actions/sync", self.world.key)
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.world.manager.token())
    }

    /// A valid request.
    fn valid(&self) -> Value {
        json!({
            "version": "2.0", "routeKey": "$default", "rawPath": self.path(), "rawQueryString": "",
            "headers": {
                "authorization": self.bearer(), "bluemix-instance": self.world.harness.instance(),
                "host": "abc.lambda-url.us-east-1.on.aws", "x-forwarded-proto": "https", "user-agent": "curl/8.5.0",
            },
            "requestContext": {
                "domainName": "abc.lambda-url.us-east-1.on.aws", "stage": "$default", "timeEpoch": 1_700_000_000_000_u64,
                "http": {"method": "POST", "path": self.path(), "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"},
            },
            "isBase64Encoded": false,
        })
    }

    /// A valid request with one member added or replaced.
    fn with(&self, pointer: &str, value: impl Into<Value>) -> Value {
        let mut event = self.valid();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        event.pointer_mut(parent).unwrap()[name] = value.into();
        event
    }

    fn with_header(&self, name: &str, value: impl Into<Value>) -> Value {
        let mut event = self.valid();
        event["headers"][name] = value.into();
        event
    }

    /// Asserts the response to each event, that nothing is written, and that a valid request
    /// succeeds afterwards.
    async fn assert_responses(&self, events: impl IntoIterator<Item = (Expected, Value)>) {
        let before = self.world.all_items().await;
        for (expected, event) in events {
            let request: String = event.to_string().chars().take(2000).collect();
            let response = self.world.harness.sync_function().process().unwrap().invoke(&event).await;
            let response = response.unwrap_or_else(|| panic!("502: {request}"));
            let document: Value = serde_json::from_str(&text(&response["body"])).unwrap();
            let code = document["resources"][0]["reasons"][0]["code"].as_str().unwrap_or_default();
            let got = (response["statusCode"].as_u64().unwrap(), code);
            assert!(got == expected, "{got:?} instead of {expected:?}: {request}");
        }
        assert_eq!(self.world.all_items().await, before, "nothing was written");
        let other = self.world.another_key().await;
        assert_eq!(
            self.world.manager.sync(&other).await.unwrap().status,
            204,
            "a valid request succeeds afterwards"
        );
    }
}
