//! No function prints a secret, nor answers one, nor tells services or DynamoDB. The harness compares all of that
//! with every secret that it knows, in every test of this suite (`harness/src/leaks.rs`); these show that it does,
//! and what else is not to be seen.

use std::panic::{AssertUnwindSafe, catch_unwind};

use http::Method;
use keysync_testkit::Harness;
use serde_json::json;

use crate::{
    lines::Lines,
    support::{World, world, world_of},
};

/// An API key in the place of an alias is logged, and looked up.
const TOLD: &str =
    "a secret was told: an API key is in the log of `sync`; an API key is in a call to DynamoDB";

#[tokio::test]
async fn nor_what_only_looks_like_one() {
    let world = world().await;
    world.sync().await;
    world.sync().await;
    world.manager.with_token("not-a-token-at-all").sync(&world.key).await.unwrap();
    let lines = Lines::of(world.harness.sync_function().process());
    assert_eq!(lines.only("accepted")["status"], 204);
    let whole = world.harness.sync_function().process().unwrap().log().join("\n");
    for secret in [
        world.manager.token().as_str(),
        world.harness.api_key(),
        "whsk_",
        "not-a-token-at-all",
        "webhook-signature",
    ] {
        assert!(!whole.contains(secret), "{secret} is in\n{whole}");
    }
}

#[tokio::test]
async fn however_much_of_our_own_is_logged() {
    let world = world_of(Harness::builder().env("KEYSYNC_LOG", "warn,keysync=trace")).await;
    world.sync().await.assert_status(204);
    world.take("actions/rotate").await;
    world.redeliver().await;
    assert_eq!(drop_of(world), "");
}

/// What a harness says that is dropped.
fn drop_of(world: World) -> String {
    let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(world))) else { return String::new() };
    *panic.downcast().unwrap()
}

#[tokio::test]
async fn one_that_is_printed_fails_its_test_and_is_not_repeated() {
    let world = world().await;
    // The path names the key, so it is logged. Nobody ought to put an API key there.
    let api_key = world.harness.api_key().to_owned();
    world.manager.sync(&api_key).await.unwrap().assert_status(404);
    assert!(
        world.harness.sync_function().process().unwrap().log().iter().any(|line| line.contains(&api_key))
    );
    assert_eq!(drop_of(world), TOLD);
}

#[tokio::test]
async fn also_one_that_the_harness_has_not_read_yet_when_it_is_dropped() {
    for _ in 0..10 {
        let world = world().await;
        let api_key = world.harness.api_key().to_owned();
        world.manager.sync(&api_key).await.unwrap().assert_status(404);
        assert_eq!(drop_of(world), TOLD);
    }
}

#[tokio::test]
async fn nor_what_was_put_into_the_wrong_field() {
    let world = world().await;
    let path = format!("/api/v2/keys/{}/actions/sync", world.key);
    let misplaced = "hunter2 (a password)";
    for field in ["bluemix-instance", "x-kms-key-ring", "correlation-id", "x-correlation-id"] {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = http.post(format!("{}{path}", world.harness.endpoint_url()));
        let mut request = request.bearer_auth(world.manager.token()).header(field, misplaced);
        if field != "bluemix-instance" {
            request = request.header("bluemix-instance", world.harness.instance().to_string());
        }
        let answer = world.manager.send(request).await.unwrap();
        answer.assert_error(400, "INVALID_FIELD_ERR");
        assert!(answer.message().ends_with(&format!("got `{misplaced}`")), "its sender may know");
    }
    let whole = world.harness.sync_function().process().unwrap().log().join("\n");
    assert!(whole.contains("`x-kms-key-ring` must be a key ring") && !whole.contains("hunter2"), "{whole}");
}

/// Anybody can send one, as often as they like, and each byte that is logged is paid for.
#[tokio::test]
async fn nor_at_length_what_a_forged_token_says() {
    let world = world().await;
    let header = json!({"alg": "x".repeat(9000), "kid": "k".repeat(2000)}).to_string();
    let token = world.harness.iam().signed(header, r#"{"sub":"somebody"}"#).unwrap();
    let answer = world.manager.with_token(&token).sync(&world.key).await.unwrap();
    answer.assert_error(401, "UNAUTHORIZED_ERR");
    let log = world.harness.sync_function().process().unwrap().log();
    let refused = log.iter().find(|line| line.contains("UNAUTHORIZED_ERR")).unwrap();
    assert!(refused.contains("xxx") && refused.len() < 1000, "{refused}");
}

#[tokio::test]
async fn one_that_is_answered_or_written_does_so_too() {
    let world = world().await;
    let api_key = world.harness.api_key().to_owned();
    // Nobody ought to put an API key there, either: the caller's own name for a request is answered and kept.
    let path = format!("/api/v2/keys/{}/actions/sync", world.key);
    let request = world.manager.request(Method::POST, &path).header("correlation-id", &api_key);
    world.manager.send(request).await.unwrap().assert_status(204);
    let key = "an API key is in";
    let told = format!("{key} the log of `sync`; {key} an answer; {key} a call to DynamoDB");
    assert_eq!(drop_of(world), format!("a secret was told: {told}"));
}

#[tokio::test]
async fn one_that_a_service_is_told_does_so_too() {
    let world = world().await;
    let callback = format!("{}/cloud-object-storage/callbacks", world.harness.services_url());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    http.post(callback).body(world.manager.token()).send().await.unwrap();
    assert_eq!(drop_of(world), "a secret was told: an access token is in a callback");
}

#[tokio::test]
async fn a_test_without_a_leak_ends_as_it_should() {
    let world = world().await;
    world.sync().await.assert_status(204);
    assert_eq!(drop_of(world), "");
}
