//! The rate limit per caller: a request over the limit gets 429 without a call to IAM or DynamoDB.

use keysync_testkit::{Client, Harness, iam::Role};

use crate::support::{World, binaries, world_of};

async fn world_with_limit(limit: &str) -> World {
    world_of(binaries().env("KEYSYNC_CALLER_LIMIT", limit)).await
}

#[tokio::test]
async fn request_over_limit_returns_429_without_calls() {
    let world = world_with_limit("3").await;
    for status in [204, 409, 409] {
        assert_eq!(world.sync().await.status, status);
    }
    let (journal, proxy) = (world.harness.journal(), world.harness.dynamodb().proxy());
    let decisions = |harness: &Harness| {
        let exchanges = harness.journal().exchanges();
        exchanges.iter().filter(|exchange| exchange.path == "/v2/authz").count()
    };
    assert!(!journal.exchanges().is_empty());
    let before = (decisions(&world.harness), proxy.calls().len());
    let (another, unknown) = (world.another_key().await, "02fd6835-6001-4482-a892-13bd2085f75d");
    drop(proxy.take_calls());
    for key in [world.key.as_str(), &another, unknown] {
        let response = world.manager.sync(key).await.unwrap();
        response.assert_error(429, "TOO_MANY_REQUESTS_ERR");
        assert!(response.message().starts_with("You have made too many requests"), "{}", response.message());
        let wait = response.retry_after().unwrap().as_secs();
        assert!((1..=20).contains(&wait), "at most a third of a minute: {wait} s");
    }
    assert_eq!((decisions(&world.harness), proxy.calls().len()), (before.0, 0));

    let other = world.harness.log_in_as(Role::Writer).await.unwrap();
    assert_eq!(other.sync(&another).await.unwrap().status, 204, "another caller has a separate limit");
}

/// Otherwise anyone could exhaust another caller's limit with forged tokens.
#[tokio::test]
async fn invalid_token_uses_no_quota() {
    let world = world_with_limit("1").await;
    let manager = world.harness.iam().authenticate(&world.manager.token()).unwrap();
    let forged = world.harness.iam().token(&manager.iam_id).signed_with_unknown_key().build().unwrap();
    for _ in 0..5 {
        let response = world.manager.with_token(&forged).sync(&world.key).await.unwrap();
        response.assert_error(401, "UNAUTHORIZED_ERR");
    }
    assert_eq!(world.sync().await.status, 204);
}

#[tokio::test]
async fn denied_request_uses_quota() {
    let world = world_with_limit("2").await;
    let reader = Client::log_in(&world.harness, world.harness.reader_api_key()).await.unwrap();
    for status in [401, 401, 429] {
        assert_eq!(reader.sync(&world.key).await.unwrap().status, status);
    }
}
