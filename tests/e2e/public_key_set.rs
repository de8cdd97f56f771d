//! `GET /.well-known/jwks.json` returns the public keys to receivers, without authentication and
//! without a call to DynamoDB or IAM.

use http::Method;
use keysync_receiver::Verifier;
use keysync_testkit::{Response, journal::Part, lambda::Mode};
use serde_json::{Value, json};

use crate::support::{World, binaries, world, world_of};

const PATH: &str = "/.well-known/jwks.json";

/// A request without a token and without an instance.
async fn request(world: &World, method: Method, base: &str) -> Response {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = http.request(method, format!("{base}{PATH}")).header("correlation-id", "c-42");
    world.manager.send(request).await.unwrap()
}

/// The URL of the function, and of the endpoint, which forwards to it.
fn addresses(world: &World) -> [String; 2] {
    [world.harness.sync_function().url(), world.harness.endpoint_url()]
}

#[tokio::test]
async fn public_keys_are_served_as_jwks() {
    for mode in [Mode::Process { environments: 1 }, Mode::InProcess] {
        let world = world_of(binaries().mode(mode)).await;
        for address in addresses(&world) {
            let response = request(&world, Method::GET, &address).await;
            assert_eq!(response.status, 200);
            assert_eq!(response.header("content-type"), "application/jwk-set+json");
            assert_eq!(response.header("cache-control"), "max-age=300");
            assert_eq!(response.header("correlation-id"), "c-42");
            let key = &response.body["keys"][0];
            assert_eq!(key["whpk"], world.harness.callback_public_key());
            let (x, kid) = (&key["x"], &key["kid"]);
            let expected = json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA",
                "kid": kid, "x": x, "whpk": key["whpk"]});
            assert_eq!(response.body, json!({"keys": [expected]}));
            Verifier::from_jwks("databases", response.body.to_string()).unwrap();
        }
    }
}

#[tokio::test]
async fn head_has_no_body_other_methods_return_405() {
    let world = world().await;
    for address in addresses(&world) {
        let response = request(&world, Method::HEAD, &address).await;
        assert_eq!((response.status.as_u16(), &response.body), (200, &Value::Null));
        assert_eq!(response.header("content-type"), "application/jwk-set+json");
        for method in [Method::POST, Method::PUT, Method::DELETE] {
            let response = request(&world, method, &address).await;
            response.assert_error(405, "METHOD_NOT_ALLOWED_ERR");
            assert_eq!(response.header("allow"), "GET, HEAD");
            assert_eq!(response.header("correlation-id"), "c-42");
        }
    }
}

#[tokio::test]
async fn key_set_needs_no_dynamodb_or_iam() {
    let world = world().await;
    drop(world.harness.dynamodb().proxy().take_calls());
    let calls_to_iam = || {
        let exchanges = world.harness.journal().exchanges();
        exchanges.into_iter().filter(|exchange| exchange.to == Part::Iam).count()
    };
    let before = calls_to_iam();
    assert_eq!(request(&world, Method::GET, &world.harness.sync_function().url()).await.status, 200);
    assert_eq!(calls_to_iam(), before);
    assert_eq!(world.harness.dynamodb().proxy().take_calls().len(), 0);
}
