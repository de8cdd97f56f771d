//! DynamoDB calls per request, counted at the wire: two for a 204, one for a 409, none for a
//! request that is rejected before the lookup of the key, and one more for an alias. The paused
//! services are read at init, and once a minute after that.

use crate::support::{World, world};

fn calls(world: &World) -> Vec<String> {
    world.harness.dynamodb().proxy().take_calls().into_iter().map(|call| call.operation).collect()
}

#[tokio::test]
async fn sync_makes_one_claim_and_one_confirmation() {
    let world = world().await;
    assert_eq!(calls(&world), ["GetItem"], "at init");

    assert_eq!(world.sync().await.status, 204);
    assert_eq!(calls(&world), ["UpdateItem", "UpdateItem"]);

    assert_eq!(world.sync().await.status, 409);
    assert_eq!(calls(&world), ["UpdateItem"]);

    let missing = world.manager.sync("02fd6835-6001-4482-a892-13bd2085f75d").await.unwrap();
    assert_eq!(missing.status, 404);
    assert_eq!(calls(&world), ["UpdateItem"]);

    assert_eq!(world.manager.sync("not a key").await.unwrap().status, 400);
    assert_eq!(world.manager.with_token("a.b.c").sync(&world.key).await.unwrap().status, 400);
    let reader =
        keysync_testkit::Client::log_in(&world.harness, world.harness.reader_api_key()).await.unwrap();
    assert_eq!(reader.sync(&world.key).await.unwrap().status, 401);
    assert_eq!(calls(&world), [""; 0]);
}

#[tokio::test]
async fn alias_costs_one_more_call() {
    let world = world().await;
    world.take("aliases/invoices").await;
    calls(&world);
    assert_eq!(world.manager.sync("invoices").await.unwrap().status, 204);
    assert_eq!(calls(&world), ["GetItem", "UpdateItem", "UpdateItem"]);
    assert_eq!(world.manager.sync("no-such-alias").await.unwrap().status, 404);
    assert_eq!(calls(&world), ["GetItem"]);
}
