//! Which key, and what it is.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use http::Method;

use crate::way::{World, refused};

pub(super) async fn by_alias(world: &World<'_>) {
    let alias = format!("alias-{}", &world.key[..8]);
    let path = format!("/api/v2/keys/{}/aliases/{alias}", world.key);
    assert_eq!(world.manager.post(&path).await.unwrap().status, 201);
    assert_eq!(world.sync_by(&alias).await.status, 204);
    refused(&world.sync().await, 409, "REQ_TOO_EARLY_ERR");
}

pub(super) async fn in_its_ring_and_in_no_other(world: &World<'_>) {
    let text = |value: &str| AttributeValue::S(value.to_owned());
    let client = world.harness.dynamodb().client();
    let update = client.update_item().table_name(world.harness.table());
    let update = update.key("pk", text(&format!("{}#{}", world.harness.instance(), world.key)));
    let update = update.key("sk", text("key")).update_expression("SET ring = :ring");
    update.expression_attribute_values(":ring", text("my-ring")).send().await.unwrap();

    refused(&world.sync_with("x-kms-key-ring", "default").await, 404, "KEY_NOT_FOUND_ERR");
    assert_eq!(world.sync_with("x-kms-key-ring", "my-ring").await.status, 204);
}

pub(super) async fn a_standard_key(world: &World<'_>) {
    let standard = world.manager.create_key("a-standard-key", true).await.unwrap();
    refused(&world.sync_by(&standard).await, 400, "KEY_ROOT_REQ_ERR");
}

pub(super) async fn an_unknown_key(world: &World<'_>) {
    for name in ["02fd6835-6001-4482-a892-13bd2085f75d", "no-such-alias"] {
        refused(&world.sync_by(name).await, 404, "KEY_NOT_FOUND_ERR");
    }
}

/// The very case that sync is for.
pub(super) async fn a_deleted_key(world: &World<'_>) {
    let path = format!("/api/v2/keys/{}?force=true", world.key);
    let deleted = world.send(world.manager.request(Method::DELETE, &path)).await;
    assert!(deleted.status.is_success(), "{deleted:?}");
    refused(&world.sync().await, 409, "REQ_TOO_EARLY_ERR");
    world.advance_clock(Duration::from_mins(61)).await;
    assert_eq!(world.sync().await.status, 204);
    let told = world.told(world.harness.object_storage());
    let said: Vec<_> = told.iter().map(|(sequence, state, _)| (*sequence, *state)).collect();
    assert_eq!(said, [(1, 5), (2, 5)]);
}
