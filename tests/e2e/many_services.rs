//! G7: a key with a great many services is told and confirmed like any other: DynamoDB's limit of 4 KB for
//! an expression is not met, whatever their number.

use serde_json::json;

use crate::support::world;

#[tokio::test]
async fn two_hundred_services_of_one_key() {
    let world = world().await;
    let names: Vec<String> = (0..200)
        .map(|n| format!("a-service-with-a-name-of-the-greatest-length-that-is-allowed-{n:03}"))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).chain(["cloud-object-storage"]).collect();
    let key = world.plant(&names, world.harness.clock().now()).await;
    let summary = world.redeliver().await;
    assert_eq!(
        (&summary["delivered"], &summary["retrying"]),
        (&json!(1), &json!(200)),
        "nobody knows where they are"
    );
    let item = world.item_of(&key).await;
    assert_eq!(item["pending"].as_object().unwrap().len(), 200);
    assert_eq!(item["retries"].as_object().unwrap().len(), 200);
    let first = item["retries"].as_object().unwrap().values().map(|retry| retry["next_at"].as_u64().unwrap());
    assert_eq!(item["due_at"].as_u64(), first.min(), "due when the first of them is");
}
