//! Requests that are not what they should be. What is on the wire must reach the function as it was sent, whatever way
//! it takes.

use http::Method;
use keysync_testkit::Response;

use crate::way::{World, refused};

pub(super) async fn another_method(world: &World<'_>) {
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH] {
        let answer = world.send(world.request(method)).await;
        refused(&answer, 405, "METHOD_NOT_ALLOWED_ERR");
        assert_eq!(answer.header("allow"), "POST");
    }
}

pub(super) async fn a_body_that_is_too_large(world: &World<'_>) {
    let with = |content_type: &str, body: Vec<u8>| {
        world.send(world.request(Method::POST).header("content-type", content_type).body(body))
    };
    // Bytes say so: cargo-lambda takes what does not for text, and answers 500 by itself where it is none.
    let (text, bytes) = ("text/plain", "application/octet-stream");
    for (content_type, byte) in [(text, b'x'), (bytes, 0xff)] {
        refused(&with(content_type, vec![byte; 10_241]).await, 413, "PAYLOAD_TOO_LARGE_ERR");
    }
    assert_eq!(with(bytes, vec![0xff; 10_240]).await.status, 204, "a body is ignored");
}

/// Sends a request to the function itself: the endpoint has other paths of its own.
async fn at_the_function(world: &World<'_>, path: &str) -> Response {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = http.post(format!("{}{path}", world.harness.sync_function().url()));
    let instance = world.harness.instance().to_string();
    world.send(request.bearer_auth(world.manager.token()).header("bluemix-instance", instance)).await
}

pub(super) async fn odd_ids(world: &World<'_>) {
    let encoded = format!("%{:x}{}", world.key.as_bytes()[0], &world.key[1..]);
    let too_long = "a".repeat(91);
    let version_1 = "c232ab00-9414-11ec-b3c8-9f6bdeced846";
    for id in ["no%20key", "a%2Fb", "%C3%A9", "a%25b", "a+b", "x", "", &encoded, &too_long, version_1] {
        let answer = at_the_function(world, &format!("/api/v2/keys/{id}/actions/sync")).await;
        refused(&answer, 400, "INVALID_FIELD_ERR");
        assert!(answer.message().ends_with(&format!("got `{id}`")), "{id}: {}", answer.message());
    }
    assert_eq!(world.times_told(), (0, 0));
    let with_a_query = format!("/api/v2/keys/{}/actions/sync?a=1&a=%20", world.key);
    assert_eq!(at_the_function(world, &with_a_query).await.status, 204, "a query is passed over");
}

pub(super) async fn another_path(world: &World<'_>) {
    let trailing = format!("/api/v2/keys/{}/actions/sync/", world.key);
    let deeper = format!("/api/v2/keys/{}/x/actions/sync", world.key);
    for path in ["", "/", "/api/v2/keys", &trailing, &deeper] {
        refused(&at_the_function(world, path).await, 404, "NOT_FOUND_ERR");
    }
}

pub(super) async fn for_the_public_keys(world: &World<'_>) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    for address in [world.harness.sync_function().url(), world.harness.endpoint_url()] {
        let url = format!("{address}/.well-known/jwks.json");
        let answer = world.send(http.get(&url)).await;
        assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, "max-age=300"));
        assert_eq!(answer.body["keys"][0]["whpk"], world.harness.callback_public_key());
        refused(&world.send(http.post(&url)).await, 405, "METHOD_NOT_ALLOWED_ERR");
    }
}
