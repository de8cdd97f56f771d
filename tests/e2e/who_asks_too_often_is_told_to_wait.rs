//! A caller may make so many requests a minute; the rest is answered 429, which costs nobody anything.

use keysync_testkit::{Client, Harness, iam::Role};

use crate::support::{World, world_of};

async fn world_with_limit(limit: &str) -> World {
    world_of(Harness::builder().env("KEYSYNC_CALLER_LIMIT", limit)).await
}

#[tokio::test]
async fn the_request_after_the_last_is_429_and_asks_neither_iam_nor_dynamodb() {
    let world = world_with_limit("3").await;
    for status in [204, 409, 409] {
        assert_eq!(world.sync().await.status, status);
    }
    let (journal, proxy) = (world.harness.journal(), world.harness.dynamodb().proxy());
    let asked_iam = |harness: &Harness| {
        let exchanges = harness.journal().exchanges();
        exchanges.iter().filter(|asked| asked.path == "/v2/authz").count()
    };
    assert!(!journal.exchanges().is_empty());
    let before = (asked_iam(&world.harness), proxy.calls().len());
    let (another, unknown) = (world.another_key().await, "02fd6835-6001-4482-a892-13bd2085f75d");
    drop(proxy.take_calls());
    for key in [world.key.as_str(), &another, unknown] {
        let answer = world.manager.sync(key).await.unwrap();
        answer.assert_error(429, "TOO_MANY_REQUESTS_ERR");
        assert!(answer.message().starts_with("You have made too many requests"), "{}", answer.message());
        let wait = answer.retry_after().unwrap().as_secs();
        assert!((1..=20).contains(&wait), "a third of a minute at the most: {wait} s");
    }
    assert_eq!((asked_iam(&world.harness), proxy.calls().len()), (before.0, 0));

    let other = world.harness.log_in_as(Role::Writer).await.unwrap();
    assert_eq!(other.sync(&another).await.unwrap().status, 204, "another caller has a share of their own");
}

/// Otherwise anybody could use up somebody's share by naming them.
#[tokio::test]
async fn a_token_that_is_not_valid_is_counted_against_nobody() {
    let world = world_with_limit("1").await;
    let manager = world.harness.iam().authenticate(&world.manager.token()).unwrap();
    let forged = world.harness.iam().token(&manager.iam_id).signed_with_unknown_key().build().unwrap();
    for _ in 0..5 {
        let answer = world.manager.with_token(&forged).sync(&world.key).await.unwrap();
        answer.assert_error(401, "UNAUTHORIZED_ERR");
    }
    assert_eq!(world.sync().await.status, 204);
}

#[tokio::test]
async fn a_caller_without_a_role_is_counted_too() {
    let world = world_with_limit("2").await;
    let reader = Client::log_in(&world.harness, world.harness.reader_api_key()).await.unwrap();
    for status in [401, 401, 429] {
        assert_eq!(reader.sync(&world.key).await.unwrap().status, status);
    }
}
