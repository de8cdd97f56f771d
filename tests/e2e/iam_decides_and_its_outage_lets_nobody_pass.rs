//! Authorization: which roles may, what is remembered, and what an outage of IAM does.

use std::time::Duration;

use keysync::key::EpochMillis;
use keysync_harness::{
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
    world.travel(Duration::from_secs(59)).await;
    assert_eq!(reader.sync(&world.key).await.unwrap().status, 401, "remembered");
    world.travel(Duration::from_secs(1)).await;
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
    world.travel(Duration::from_secs(30)).await; // a key set is fetched again every 30 s at most
    assert_eq!(later.sync(&world.key).await.unwrap().status, 409);
    assert_eq!(world.sync().await.status, 409, "the old key is still published");
}
