//! No function puts a secret into its log, a response, a callback or a DynamoDB call. In every
//! test, the harness searches all of these for each of its secrets
//! (`harness/support/src/secret_scanner.rs`). These tests verify the search, and cover secrets that
//! the harness does not hold.

use std::panic::{AssertUnwindSafe, catch_unwind};

use http::Method;
use serde_json::json;

use crate::{
    binaries::binaries,
    log_lines::Lines,
    support::{World, world, world_of},
};

/// The report for an API key in place of an alias, which is logged and looked up.
const LEAK_REPORT: &str =
    "secret leaked: an API key is in the log of `sync`; an API key is in a call to DynamoDB";

#[tokio::test]
async fn log_contains_no_secret() {
    let world = world().await;
    world.sync().await;
    world.sync().await;
    world.manager.with_token("not-a-token-at-all").sync(&world.key).await.unwrap();
    let lines = Lines::of(world.harness.sync_function().process());
    assert_eq!(lines.only("sync accepted")["status"], 204);
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
async fn trace_level_log_contains_no_secret() {
    let world = world_of(binaries().env("KEYSYNC_LOG", "warn,keysync=trace")).await;
    world.sync().await.assert_status(204);
    world.take("actions/rotate").await;
    world.redeliver().await;
    assert_eq!(drop_message(world), "");
}

/// The panic message of a harness when it is dropped; empty without a panic.
fn drop_message(world: World) -> String {
    let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(world))) else { return String::new() };
    *panic.downcast().unwrap()
}

#[tokio::test]
async fn logged_secret_fails_without_being_repeated() {
    let world = world().await;
    // The key's name in the path is logged, so an API key there is a leak.
    let api_key = world.harness.api_key().to_owned();
    world.manager.sync(&api_key).await.unwrap().assert_status(404);
    assert!(
        world.harness.sync_function().process().unwrap().log().iter().any(|line| line.contains(&api_key))
    );
    assert_eq!(drop_message(world), LEAK_REPORT);
}

#[tokio::test]
async fn unread_log_is_scanned_on_drop() {
    for _ in 0..10 {
        let world = world().await;
        let api_key = world.harness.api_key().to_owned();
        world.manager.sync(&api_key).await.unwrap().assert_status(404);
        assert_eq!(drop_message(world), LEAK_REPORT);
    }
}

#[tokio::test]
async fn misplaced_header_value_is_not_logged() {
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
        let response = world.manager.send(request).await.unwrap();
        response.assert_error(400, "INVALID_FIELD_ERR");
        assert!(
            response.message().ends_with(&format!("got `{misplaced}`")),
            "the caller gets the value back"
        );
    }
    let whole = world.harness.sync_function().process().unwrap().log().join("\n");
    assert!(whole.contains("`x-kms-key-ring` must be a key ring") && !whole.contains("hunter2"), "{whole}");
}

/// Anyone can send forged tokens, and every logged byte costs.
#[tokio::test]
async fn forged_token_is_logged_truncated() {
    let world = world().await;
    let header = json!({"alg": "x".repeat(9000), "kid": "k".repeat(2000)}).to_string();
    let token = world.harness.iam().signed(header, r#"{"sub":"user"}"#).unwrap();
    let response = world.manager.with_token(&token).sync(&world.key).await.unwrap();
    response.assert_error(401, "UNAUTHORIZED_ERR");
    let log = world.harness.sync_function().process().unwrap().log();
    let line = log.iter().find(|line| line.contains("UNAUTHORIZED_ERR")).unwrap();
    assert!(line.contains("xxx") && line.len() < 1000, "{line}");
}

#[tokio::test]
async fn secret_in_response_or_write_fails() {
    let world = world().await;
    let api_key = world.harness.api_key().to_owned();
    // The correlation id is returned and stored, so an API key there is a leak, too.
    let path = format!("/api/v2/keys/{}/actions/sync", world.key);
    let request = world.manager.request(Method::POST, &path).header("correlation-id", &api_key);
    world.manager.send(request).await.unwrap().assert_status(204);
    let key = "an API key is in";
    let places = format!("{key} the log of `sync`; {key} a response; {key} a call to DynamoDB");
    assert_eq!(drop_message(world), format!("secret leaked: {places}"));
}

#[tokio::test]
async fn secret_in_callback_fails() {
    let world = world().await;
    let callback = format!("{}/cloud-object-storage/callbacks", world.harness.services_url());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    http.post(callback).body(world.manager.token()).send().await.unwrap();
    assert_eq!(drop_message(world), "secret leaked: an access token is in a callback");
}

#[tokio::test]
async fn run_without_leak_passes() {
    let world = world().await;
    world.sync().await.assert_status(204);
    assert_eq!(drop_message(world), "");
}
