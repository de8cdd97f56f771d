//! The `OpenAPI` document of the sync API describes the responses that the function really sends.

use std::collections::BTreeSet;

use http::Method;
use keysync_testkit::{
    Client, Response,
    iam::{Health, Role},
    services::Behaviour,
};
use serde_json::{Value, json};

use crate::support::{World, binaries, world_of};

/// The schema at `pointer` of the document, with the document's components next to it.
fn validator(document: &Value, pointer: &str) -> jsonschema::Validator {
    let mut schema = document.pointer(pointer).unwrap_or_else(|| panic!("no schema at {pointer}")).clone();
    schema["components"] = document["components"].clone();
    jsonschema::validator_for(&schema).unwrap()
}

const SYNC: &str = "/paths/~1api~1v2~1keys~1{id}~1actions~1sync/post";
const STATUS: &str = "/paths/~1api~1v2~1keys~1{id}~1notifications/get";

/// Checks status, headers and body of a response to an operation against the document.
fn assert_documented(document: &Value, operation: &str, response: &Response) {
    let status = response.status.as_str();
    let documented = &document.pointer(operation).unwrap()["responses"][status];
    assert!(documented.is_object(), "{status} is not documented");
    for (name, header) in documented["headers"].as_object().unwrap() {
        let required = header["$ref"].is_string() || header["required"] == true;
        assert!(!required || response.headers.contains_key(name), "{status} has no header {name}");
    }
    if documented["content"].is_null() {
        assert_eq!(response.body, Value::Null, "{status} has no documented body");
        return;
    }
    assert_eq!(response.header("content-type"), "application/json");
    let pointer = format!("{operation}/responses/{status}/content/application~1json/schema");
    let validator = validator(document, &pointer);
    let errors: Vec<_> = validator.iter_errors(&response.body).map(|error| error.to_string()).collect();
    assert_eq!(errors, [""; 0], "{status}: {}", response.body);
}

impl World {
    /// Sends a request to the function itself, not through the emulated KMS.
    async fn send_to_function(&self, method: Method, path: &str, body: Vec<u8>) -> Response {
        let url = format!("{}{path}", self.harness.sync_function().url());
        let request = reqwest::Client::builder().no_proxy().build().unwrap().request(method, url);
        let request = request.bearer_auth(self.manager.token()).body(body);
        let request = request.header("bluemix-instance", self.harness.instance().to_string());
        self.manager.send(request).await.unwrap()
    }
}

#[tokio::test]
async fn real_responses_match_the_document() {
    let world = world_of(binaries().env("KEYSYNC_CALLER_LIMIT", "30")).await;
    let document = keysync::api::openapi();
    let standard = world.harness.sample_keys().await.unwrap().standard;
    let path = |key: &str| format!("/api/v2/keys/{key}/actions/sync");
    let reader = Client::log_in(&world.harness, world.harness.reader_api_key()).await.unwrap();
    let writer = world.harness.log_in_as(Role::Writer).await.unwrap();
    let mut responses = vec![
        world.send_to_function(Method::POST, "/api/v2/keys", Vec::new()).await,
        world.send_to_function(Method::GET, &path(&world.key), Vec::new()).await,
        world.send_to_function(Method::POST, &path(&world.key), vec![b'x'; 10_241]).await,
        world.manager.with_token("x").sync(&world.key).await.unwrap(),
        world.manager.sync("no%20key").await.unwrap(),
        world.manager.sync(&standard).await.unwrap(),
        world.manager.sync("02fd6835-6001-4482-a892-13bd2085f75d").await.unwrap(),
        reader.sync(&world.key).await.unwrap(),
        world.sync().await,
        world.sync().await,
    ];
    world.harness.iam().set_health(Health::Down);
    responses.push(writer.sync(&world.key).await.unwrap());
    world.harness.iam().set_health(Health::Up);
    while responses.last().is_none_or(|response| response.status != 429) {
        assert!(responses.len() < 50, "the rate limit applies after 30 requests");
        responses.push(world.sync().await);
    }
    for response in &responses {
        assert_documented(&document, SYNC, response);
    }
    let seen: BTreeSet<_> = responses.iter().map(|response| response.status.as_u16()).collect();
    assert_eq!(seen, BTreeSet::from([204, 400, 401, 404, 405, 409, 413, 429, 503]));
    let codes: BTreeSet<_> = responses.iter().map(|response| response.code().to_owned()).collect();
    assert_eq!(codes.len(), 12, "every reason code but INTERNAL_ERR, and none for 204: {codes:?}");
}

#[tokio::test]
async fn real_statuses_match_the_document() {
    let world = world_of(binaries()).await;
    let document = keysync::api::openapi();
    let path = |key: &str| format!("/api/v2/keys/{key}/notifications");
    world.harness.databases().behave(Behaviour::respond(503));
    world.sync().await.assert_status(204);
    let mut seen = BTreeSet::new();
    for (method, key) in [
        (Method::GET, world.key.as_str()),
        (Method::GET, "02fd6835-6001-4482-a892-13bd2085f75d"),
        (Method::GET, "no%20key"),
        (Method::POST, &world.key),
    ] {
        let response = world.send_to_function(method, &path(key), Vec::new()).await;
        assert_documented(&document, STATUS, &response);
        seen.insert(response.status.as_u16());
    }
    let anonymous = world.manager.with_token("x");
    let response = anonymous.send(anonymous.request(Method::GET, &path(&world.key))).await.unwrap();
    assert_documented(&document, STATUS, &response);
    assert_eq!((response.status.as_u16(), seen), (400, BTreeSet::from([200, 400, 404, 405])));
}

#[tokio::test]
async fn harness_serves_the_documented_key_set() {
    let world = world_of(binaries()).await;
    let response = world.send_to_function(Method::GET, "/.well-known/jwks.json", Vec::new()).await;
    let document = keysync::api::openapi();
    let pointer =
        "/paths/~1.well-known~1jwks.json/get/responses/200/content/application~1jwk-set+json/schema";
    assert!(validator(&document, pointer).is_valid(&response.body), "{}", response.body);
    assert!(!response.header("cache-control").is_empty());

    let url = format!("{}/_harness/sync-api.json", world.harness.endpoint_url());
    let served: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
    assert_eq!(served, document);
    assert_eq!(served["openapi"], json!("3.1.0"));
}
