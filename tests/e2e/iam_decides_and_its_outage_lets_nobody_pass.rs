//! Authorization: which roles may, what is remembered, and what an outage of IAM does.

use std::time::Duration;

use keysync::key::EpochMillis;
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
async fn writers_and_managers_may_and_nobody_else() {
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
async fn a_denial_is_forgotten_after_a_minute_at_most() {
    let world = world_at(EpochMillis::new(1_700_000_000_000)).await;
    world.harness.iam().set_cache_ages(Duration::from_hours(9), Duration::from_hours(9));
    let (reader, iam_id) = reader(&world).await;
    assert_eq!(reader.sync(&world.key).await.unwrap().status, 401);
    world.harness.iam().grant(&iam_id, world.harness.instance(), Role::Writer);
    world.advance_clock(Duration::from_secs(59)).await;
    assert_eq!(reader.sync(&world.key).await.unwrap().status, 401, "remembered");
    world.advance_clock(Duration::from_secs(1)).await;
    assert_eq!(reader.sync(&world.key).await.unwrap().status, 204);
}

#[tokio::test]
async fn an_outage_before_anything_is_known_is_503_and_claims_nothing() {
    let world = world().await;
    let before = world.everything().await;
    world.harness.iam().set_health(Health::Down);
    let answer = world.sync().await;
    assert_eq!((answer.status.as_u16(), answer.code()), (503, "SERVICE_UNAVAILABLE_ERR"));
    assert!(answer.header("retry-after").parse::<u64>().is_ok());
    assert_eq!(world.everything().await, before);
    world.harness.iam().set_health(Health::Up);
    assert_eq!(world.sync().await.status, 204, "and it ends with the outage");
}

#[tokio::test]
async fn an_outage_later_lets_pass_what_is_remembered_and_nobody_else() {
    let world = world().await;
    assert_eq!(world.sync().await.status, 204);
    let (reader, _) = reader(&world).await;
    world.harness.iam().set_health(Health::Down);
    assert_eq!(world.sync().await.status, 409, "the permit is remembered");
    assert_eq!(reader.sync(&world.key).await.unwrap().status, 503);
}

#[tokio::test]
async fn a_token_signed_with_a_new_key_is_taken_after_a_rotation() {
    let world = world_at(EpochMillis::new(1_700_000_000_000)).await;
    assert_eq!(world.sync().await.status, 204);
    world.harness.iam().rotate_key().unwrap();
    let later = Client::log_in(&world.harness, world.harness.api_key()).await.unwrap();
    world.advance_clock(Duration::from_secs(30)).await; // a key set is fetched again every 30 s at most
    assert_eq!(later.sync(&world.key).await.unwrap().status, 409);
    assert_eq!(world.sync().await.status, 409, "the old key is still published");
}

/// As after a theft: what the stolen key signs is refused as soon as the set has been fetched again.
#[tokio::test]
async fn a_key_that_was_withdrawn_is_trusted_for_ten_minutes_at_most() {
    let world = world_at(EpochMillis::new(1_700_000_000_000)).await;
    let old = world.manager.with_token(&world.manager.token());
    assert_eq!(world.sync().await.status, 204);
    world.harness.iam().rotate_key().unwrap();
    world.harness.iam().withdraw_old_keys();
    world.advance_clock(Duration::from_millis(10 * 60 * 1000 - 1)).await;
    assert_eq!(old.sync(&world.key).await.unwrap().status, 409, "the set is fresh");
    world.advance_clock(Duration::from_millis(1)).await;
    assert_eq!(old.sync(&world.key).await.unwrap().status, 401);
    assert_eq!(world.sync().await.status, 409, "with a token of the new key");
}

/// Whoever makes up key ids makes up work for IAM, if they are let.
#[tokio::test]
async fn a_flood_of_unknown_key_ids_is_no_flood_of_fetches() {
    let world = world_at(EpochMillis::new(1_700_000_000_000)).await;
    let manager = world.harness.iam().authenticate(&world.manager.token()).unwrap();
    let fetches = || {
        let exchanges = world.harness.journal().exchanges();
        exchanges.iter().filter(|asked| asked.path == "/identity/keys").count()
    };
    assert_eq!(world.sync().await.status, 204);
    let before = fetches();
    for half_minute in 1..=4 {
        world.advance_clock(Duration::from_secs(30)).await;
        let flood = (0..25).map(async |n| {
            let token = world.harness.iam().token(&manager.iam_id).header("kid", format!("made-up-{n}"));
            let answer = world.manager.with_token(&token.build().unwrap()).sync(&world.key).await.unwrap();
            answer.assert_error(401, "UNAUTHORIZED_ERR");
        });
        futures_util::future::join_all(flood).await;
        assert_eq!(fetches() - before, half_minute, "one every 30 s");
    }
}
