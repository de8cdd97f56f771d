//! Requests that no client of good will sends, as events of a function URL: each is answered as the contract has
//! it, never with 5xx, and nothing is written.
//!
//! They go to the function past the URL, which would itself refuse some of them: nobody has to rely on that.

mod headers;
mod paths;
mod random;
mod rest;

use serde_json::{Value, json};

use crate::support::{World, text, world};

/// What is answered: a status and a reason code.
type Expected = (u64, &'static str);

const BAD_FIELD: Expected = (400, "INVALID_FIELD_ERR");
const NO_SUBJECT: Expected = (400, "BEARER_SUB_EXTRACTION_ERR");
const UNAUTHORIZED: Expected = (401, "UNAUTHORIZED_ERR");
const NO_KEY: Expected = (404, "KEY_NOT_FOUND_ERR");
const NO_PATH: Expected = (404, "NOT_FOUND_ERR");
const NO_METHOD: Expected = (405, "METHOD_NOT_ALLOWED_ERR");
const TOO_LARGE: Expected = (413, "PAYLOAD_TOO_LARGE_ERR");
/// What is broken makes no difference: the request is the one that would have come without it, and only the window
/// of its key is in its way.
const PASSES: Expected = (409, "REQ_TOO_EARLY_ERR");

/// A function with a key whose window is closed.
struct Gate {
    world: World,
}

impl Gate {
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

    /// A request without fault.
    fn good(&self) -> Value {
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

    /// One that has this member besides, or instead of its own.
    fn with(&self, pointer: &str, value: impl Into<Value>) -> Value {
        let mut event = self.good();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        event.pointer_mut(parent).unwrap()[name] = value.into();
        event
    }

    fn with_header(&self, name: &str, value: impl Into<Value>) -> Value {
        let mut event = self.good();
        event["headers"][name] = value.into();
        event
    }

    /// Each of them is answered so, and nothing is written; another key can be synchronized afterwards.
    async fn answers(&self, events: impl IntoIterator<Item = (Expected, Value)>) {
        let before = self.world.everything().await;
        for (expected, event) in events {
            let what: String = event.to_string().chars().take(2000).collect();
            let answer = self.world.harness.sync_function().process().unwrap().invoke(&event).await;
            let answer = answer.unwrap_or_else(|| panic!("502: {what}"));
            let document: Value = serde_json::from_str(&text(&answer["body"])).unwrap();
            let code = document["resources"][0]["reasons"][0]["code"].as_str().unwrap_or_default();
            let got = (answer["statusCode"].as_u64().unwrap(), code);
            assert!(got == expected, "{got:?} instead of {expected:?}: {what}");
        }
        assert_eq!(self.world.everything().await, before, "nothing was written");
        let other = self.world.another_key().await;
        assert_eq!(
            self.world.manager.sync(&other).await.unwrap().status,
            204,
            "a good one passes afterwards"
        );
    }
}
