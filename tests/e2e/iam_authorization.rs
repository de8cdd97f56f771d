//! Authorization: which roles may synchronize, how long decisions are cached, and the effect of an
//! IAM outage.

use std::time::Duration;

use keysync::domain::EpochMillis;
use keysync_testkit::{
    Client,
    iam::{Health, Role},
};

use crate::support::{World, world, world_at};

async fn reader(world: &World) -> (Client, String) {
    let reader = Client::log_in(&world.harness, world.harness.reader_api_key()).await.unwrap();
    let iam_id = world.harness.iam().authenticate(&reader.token()).unwrap().iam_id;
    (reader, iam_id)
}

#[tokio::test]
async fn only_writers_and_managers_may_sync() {
    for (role, status) in [
        (Role::Reader, 401),
        (Role::ReaderPlus, 401),
        (Role::KeyPurge, 401),
        (Role::Writer, 204),
        (Role::Manager, 204),
    ] {
        let world = world().await;
        let (reader, iam_id) = reader(&world).await;
        world.harness.iam().revoke(&iam_id, world.harness.instance());
        world.harness.iam().grant(&iam_id, world.harness.instance(), role);
        assert_eq!(reader.sync(&world.key).await.unwrap().status, status, "{role:?}");
    }
}

#[tokio::test]
async fn denial_is_cached_for_at_most_a_minute() {
    let world = world_at(EpochMillis::new(1_700_000_000_000)).await;
    world.harness.iam().set_cache_ages(Duration::from_hours(9), Duration::from_hours(9));
    let (reader, iam_id) = reader(&world).await;
    assert_eq!(reader.sync(&world.key).await.unwrap().status, 401);
    world.harness.iam().grant(&iam_id, world.harness.instance(), Role::Writer);
    world.advance_clock(Duration::from_secs(59)).await;
    assert_eq!(reader.sync(&world.key).await.unwrap().status, 401, "the denial is cached");
    world.advance_clock(Duration::from_secs(1)).await;
    assert_eq!(reader.sync(&world.key).await.unwrap().status, 204);
}

#[tokio::test]
async fn outage_with_empty_cache_returns_503() {
    let world = world().await;
    let before = world.all_items().await;
    world.harness.iam().set_health(Health::Down);
    let response = world.sync().await;
    assert_eq!((response.status.as_u16(), response.code()), (503, "SERVICE_UNAVAILABLE_ERR"));
    assert!(response.header("retry-after").parse::<u64>().is_ok());
    assert_eq!(world.all_items().await, before);
    world.harness.iam().set_health(Health::Up);
    assert_eq!(world.sync().await.status, 204, "the error ends with the outage");
}

#[tokio::test]
async fn outage_allows_cached_permits_only() {
    let world = world().await;
    assert_eq!(world.sync().await.status, 204);
    let (reader, _) = reader(&world).await;
    world.harness.iam().set_health(Health::Down);
    assert_eq!(world.sync().await.status, 409, "the permit is cached");
    assert_eq!(reader.sync(&world.key).await.unwrap().status, 503);
}

#[tokio::test]
async fn token_of_new_key_passes_after_rotation() {
    let world = world_at(EpochMillis::new(1_700_000_000_000)).await;
    assert_eq!(world.sync().await.status, 204);
    world.harness.iam().rotate_key().unwrap();
    let later = Client::log_in(&world.harness, world.harness.api_key()).await.unwrap();
    world.advance_clock(Duration::from_secs(30)).await; // a key set is fetched at most every 30 s
    assert_eq!(later.sync(&world.key).await.unwrap().status, 409);
    assert_eq!(world.sync().await.status, 409, "the old key is still published");
}

/// After a theft, tokens of the stolen key are rejected once the key set has been fetched again.
#[tokio::test]
async fn withdrawn_key_is_trusted_at_most_ten_minutes() {
    let world = world_at(EpochMillis::new(1_700_000_000_000)).await;
    let old = world.manager.with_token(&world.manager.token());
    assert_eq!(world.sync().await.status, 204);
    world.harness.iam().rotate_key().unwrap();
    world.harness.iam().withdraw_old_keys();
    world.advance_clock(Duration::from_millis(10 * 60 * 1000 - 1)).await;
    assert_eq!(old.sync(&world.key).await.unwrap().status, 409, "the cached key set is fresh");
    world.advance_clock(Duration::from_millis(1)).await;
    assert_eq!(old.sync(&world.key).await.unwrap().status, 401);
    assert_eq!(world.sync().await.status, 409, "a token of the new key is accepted");
}

/// Without a bound, forged key ids would make the function call IAM for each request.
#[tokio::test]
async fn unknown_key_ids_cause_bounded_fetches() {
    let world = world_at(EpochMillis::new(1_700_000_000_000)).await;
    let manager = world.harness.iam().authenticate(&world.manager.token()).unwrap();
    let fetches = || {
        let exchanges = world.harness.journal().exchanges();
        exchanges.iter().filter(|exchange| exchange.path == "/identity/keys").count()
    };
    assert_eq!(world.sync().await.status, 204);
    let before = fetches();
    for half_minute in 1..=4 {
        world.advance_clock(Duration::from_secs(30)).await;
        let flood = (0..25).map(async |n| {
            let token = world.harness.iam().token(&manager.iam_id).header("kid", format!("unknown-{n}"));
            let response = world.manager.with_token(&token.build().unwrap()).sync(&world.key).await.unwrap();
            response.assert_error(401, "UNAUTHORIZED_ERR");
        });
        futures_util::future::join_all(flood).await;
        assert_eq!(fetches() - before, half_minute, "one every 30 s");
    }
}
