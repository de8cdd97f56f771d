//! What the function needs is out.

use keysync_testkit::{
    Client,
    dynamodb::{Fault, Times},
    iam::{Health, Identity, Role},
};

use crate::way::{World, refused};

pub(super) async fn iam_is_out(world: &World<'_>) {
    // Somebody about whom nothing is remembered.
    let (iam, iam_id) = (world.harness.iam(), format!("IBMid-{}", world.key));
    let (account, api_key) = (world.harness.account().to_owned(), format!("key-{}", world.key));
    iam.add_identity(Identity { iam_id: iam_id.clone(), account, api_key: api_key.clone() });
    iam.grant(&iam_id, world.harness.instance(), Role::Writer);
    let writer = Client::log_in(world.harness, &api_key).await.unwrap();

    iam.set_health(Health::Down);
    let answer = writer.sync(&world.key).await.unwrap();
    refused(&answer, 503, "SERVICE_UNAVAILABLE_ERR");
    assert!(answer.header("retry-after").parse::<u64>().is_ok(), "{answer:?}");

    iam.set_health(Health::Up);
    assert_eq!(writer.sync(&world.key).await.unwrap().status, 204, "nothing was claimed");
}

pub(super) async fn dynamodbs_answer_is_lost(world: &World<'_>) {
    world.harness.dynamodb().proxy().inject_on("UpdateItem", Fault::LoseResponse, Times::Next(1));
    assert_eq!(world.sync().await.status, 204);
    assert_eq!(world.times_told(), (1, 1));
    refused(&world.sync().await, 409, "REQ_TOO_EARLY_ERR");
    assert_eq!(world.times_told(), (1, 1));
}
