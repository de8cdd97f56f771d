//! Properties of every response of the control API, and of its `OpenAPI` document.

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};

use super::Control;
use crate::world::text;

#[tokio::test]
async fn every_response_has_the_harness_header() {
    let control = Control::start().await;
    for (method, path) in [
        (Method::GET, "/_harness"),
        (Method::GET, "/_harness/openapi.json"),
        (Method::GET, "/_harness/"),
        (Method::GET, "/_harness/nothing"),
        (Method::PUT, "/_harness/time"),
        (Method::POST, "/_harness/time"),
    ] {
        let request = control.http.request(method, format!("{}{path}", control.harness.endpoint_url()));
        let response = request.send().await.unwrap();
        assert!(response.headers().contains_key(keysync_testkit::VERSION_HEADER), "{path}");
        assert_eq!(response.headers()["content-type"], "application/json", "{path}");
    }
}

#[tokio::test]
async fn iam_outage_returns_a_documented_503() {
    let mut control = Control::start().await;
    let health = "/_harness/iam/health";
    control.call(Method::PUT, health, health, json!({"health": "down"}), 204).await;
    let tokens = "/_harness/iam/tokens";
    control.call(Method::POST, tokens, tokens, json!({"role": "reader"}), 503).await;
    let keys = "/_harness/keys";
    control.call(Method::POST, keys, keys, json!({"name": "own"}), 503).await;
}

#[tokio::test]
async fn every_operation_has_unique_id_and_summary() {
    let control = Control::start().await;
    let mut names = BTreeSet::new();
    for operation in control.document["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|path| path.as_object().unwrap().values())
    {
        assert!(names.insert(text(&operation["operationId"])), "{operation}");
        assert!(!text(&operation["summary"]).is_empty());
        for response in operation["responses"].as_object().unwrap().values() {
            assert!(!text(&response["description"]).is_empty(), "{operation}");
        }
    }
    assert_eq!(names.len(), control.documented().len());
}

#[tokio::test]
async fn unknown_path_or_method_is_explained() {
    let control = Control::start().await;
    for (method, path, status) in [
        (Method::GET, "/_harness/nothing", 404),
        (Method::PUT, "/_harness/time", 405),
        (Method::GET, "/_harness/services/cloud-object-storage/behaviour", 405),
    ] {
        let url = format!("{}{path}", control.harness.endpoint_url());
        let response = control.http.request(method, url).send().await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{path}");
        let document: Value = response.json().await.unwrap();
        assert!(text(&document["error"]).contains("GET /_harness/openapi.json"), "{document}");
    }
}
