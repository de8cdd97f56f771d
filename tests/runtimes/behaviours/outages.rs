//! Outages of IAM and DynamoDB.

use keysync_testkit::{
    Client,
    dynamodb::{Fault, Times},
    iam::{Health, Identity, Role},
};

use crate::runtime::{Context, assert_error};

pub(super) async fn sync_during_iam_outage_returns_503(context: &Context<'_>) {
    // A new identity, for which the function has no cached permission.
    let (iam, iam_id) = (context.harness.iam(), format!("IBMid-{}", context.key));
    let (account, api_key) = (context.harness.account().to_owned(), format!("key-{}", context.key));
    iam.add_identity(Identity { iam_id: iam_id.clone(), account, api_key: api_key.clone() });
    iam.grant(&iam_id, context.harness.instance(), Role::Writer);
    let writer = Client::log_in(context.harness, &api_key).await.unwrap();

    iam.set_health(Health::Down);
    let response = writer.sync(&context.key).await.unwrap();
    assert_error(&response, 503, "SERVICE_UNAVAILABLE_ERR");
    assert!(response.header("retry-after").parse::<u64>().is_ok(), "{response:?}");

    iam.set_health(Health::Up);
    assert_eq!(
        writer.sync(&context.key).await.unwrap().status,
        204,
        "the rejected sync left the window open"
    );
}

pub(super) async fn lost_dynamodb_response_is_recovered(context: &Context<'_>) {
    context.harness.dynamodb().proxy().inject_on("UpdateItem", Fault::LoseResponse, Times::Next(1));
    assert_eq!(context.sync().await.status, 204);
    assert_eq!(context.callback_counts(), (1, 1));
    assert_error(&context.sync().await, 409, "REQ_TOO_EARLY_ERR");
    assert_eq!(context.callback_counts(), (1, 1));
}
