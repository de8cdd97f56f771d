//! Invalid requests. Every runtime must pass requests to the function exactly as they were sent.

use http::Method;
use keysync_testkit::Response;

use crate::runtime::{Context, assert_error};

pub(super) async fn other_methods_return_405(context: &Context<'_>) {
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH] {
        let response = context.send(context.request(method)).await;
        assert_error(&response, 405, "METHOD_NOT_ALLOWED_ERR");
        assert_eq!(response.header("allow"), "POST");
    }
}

pub(super) async fn oversized_body_returns_413(context: &Context<'_>) {
    let with = |content_type: &str, body: Vec<u8>| {
        context.send(context.request(Method::POST).header("content-type", content_type).body(body))
    };
    // Binary bodies need a binary content type: cargo-lambda treats other bodies as text and
    // returns 500 if they are not UTF-8.
    let (text, bytes) = ("text/plain", "application/octet-stream");
    for (content_type, byte) in [(text, b'x'), (bytes, 0xff)] {
        assert_error(&with(content_type, vec![byte; 10_241]).await, 413, "PAYLOAD_TOO_LARGE_ERR");
    }
    assert_eq!(with(bytes, vec![0xff; 10_240]).await.status, 204, "a body within the limit is ignored");
}

/// Sends a request directly to the function, because the emulated KMS has additional paths.
async fn send_to_function(context: &Context<'_>, path: &str) -> Response {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = http.post(format!("{}{path}", context.harness.sync_function().url()));
    let instance = context.harness.instance().to_string();
    context.send(request.bearer_auth(context.manager.token()).header("bluemix-instance", instance)).await
}

pub(super) async fn malformed_ids_return_400(context: &Context<'_>) {
    let encoded = format!("%{:x}{}", context.key.as_bytes()[0], &context.key[1..]);
    let too_long = "a".repeat(91);
    let version_1 = "c232ab00-9414-11ec-b3c8-9f6bdeced846";
    for id in ["no%20key", "a%2Fb", "%C3%A9", "a%25b", "a+b", "x", "", &encoded, &too_long, version_1] {
        let response = send_to_function(context, &format!("/api/v2/keys/{id}/actions/sync")).await;
        assert_error(&response, 400, "INVALID_FIELD_ERR");
        assert!(response.message().ends_with(&format!("got `{id}`")), "{id}: {}", response.message());
    }
    assert_eq!(context.callback_counts(), (0, 0));
    let with_a_query = format!("/api/v2/keys/{}/actions/sync?a=1&a=%20", context.key);
    assert_eq!(send_to_function(context, &with_a_query).await.status, 204, "a query is ignored");
}

pub(super) async fn unknown_paths_return_404(context: &Context<'_>) {
    let trailing = format!("/api/v2/keys/{}/actions/sync/", context.key);
    let deeper = format!("/api/v2/keys/{}/x/actions/sync", context.key);
    for path in ["", "/", "/api/v2/keys", &trailing, &deeper] {
        assert_error(&send_to_function(context, path).await, 404, "NOT_FOUND_ERR");
    }
}

pub(super) async fn public_key_set_is_published(context: &Context<'_>) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    for address in [context.harness.sync_function().url(), context.harness.endpoint_url()] {
        let url = format!("{address}/.well-known/jwks.json");
        let response = context.send(http.get(&url)).await;
        assert_eq!((response.status.as_u16(), response.header("cache-control")), (200, "max-age=300"));
        assert_eq!(response.body["keys"][0]["whpk"], context.harness.callback_public_key());
        assert_error(&context.send(http.post(&url)).await, 405, "METHOD_NOT_ALLOWED_ERR");
    }
}
