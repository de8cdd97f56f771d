//! `GET /.well-known/jwks.json` gives receivers the public keys: to anybody, and without a call to anybody.

use http::Method;
use keysync_receiver::Verifier;
use keysync_testkit::{Harness, Response, journal::Part, lambda::Mode};
use serde_json::{Value, json};

use crate::support::{World, world, world_of};

const PATH: &str = "/.well-known/jwks.json";

/// Asks without a token and without an instance.
async fn ask(world: &World, method: Method, base: &str) -> Response {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = http.request(method, format!("{base}{PATH}")).header("correlation-id", "c-42");
    world.manager.send(request).await.unwrap()
}

/// The function's own address, and the endpoint's, which hands it on.
fn addresses(world: &World) -> [String; 2] {
    [world.harness.sync_function().url(), world.harness.endpoint_url()]
}

#[tokio::test]
async fn as_a_key_set() {
    for mode in [Mode::Process { environments: 1 }, Mode::InProcess] {
        let world = world_of(Harness::builder().mode(mode)).await;
        for address in addresses(&world) {
            let answer = ask(&world, Method::GET, &address).await;
            assert_eq!(answer.status, 200);
            assert_eq!(answer.header("content-type"), "application/jwk-set+json");
            assert_eq!(answer.header("cache-control"), "max-age=300");
            assert_eq!(answer.header("correlation-id"), "c-42");
            let key = &answer.body["keys"][0];
            assert_eq!(key["whpk"], world.harness.callback_public_key());
            let (x, kid) = (&key["x"], &key["kid"]);
            let expected = json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA",
                "kid": kid, "x": x, "whpk": key["whpk"]});
            assert_eq!(answer.body, json!({"keys": [expected]}));
            Verifier::from_jwks(answer.body.to_string()).unwrap();
        }
    }
}

#[tokio::test]
async fn to_head_without_a_body_and_to_no_other_method() {
    let world = world().await;
    for address in addresses(&world) {
        let answer = ask(&world, Method::HEAD, &address).await;
        assert_eq!((answer.status.as_u16(), &answer.body), (200, &Value::Null));
        assert_eq!(answer.header("content-type"), "application/jwk-set+json");
        for method in [Method::POST, Method::PUT, Method::DELETE] {
            let answer = ask(&world, method, &address).await;
            answer.assert_error(405, "METHOD_NOT_ALLOWED_ERR");
            assert_eq!(answer.header("allow"), "GET, HEAD");
            assert_eq!(answer.header("correlation-id"), "c-42");
        }
    }
}

#[tokio::test]
async fn without_a_call_to_dynamodb_or_iam() {
    let world = world().await;
    drop(world.harness.dynamodb().proxy().take_calls());
    let calls_to_iam = || {
        let exchanges = world.harness.journal().exchanges();
        exchanges.into_iter().filter(|exchange| exchange.to == Part::Iam).count()
    };
    let before = calls_to_iam();
    assert_eq!(ask(&world, Method::GET, &world.harness.sync_function().url()).await.status, 200);
    assert_eq!(calls_to_iam(), before);
    assert_eq!(world.harness.dynamodb().proxy().take_calls().len(), 0);
}
