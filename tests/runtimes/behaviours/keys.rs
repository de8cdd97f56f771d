//! Keys: aliases, key rings, key types and states.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use http::Method;
use keysync_testkit::KeyType;

use crate::runtime::{Context, assert_error};

pub(super) async fn sync_by_alias_closes_window_of_key(context: &Context<'_>) {
    let alias = format!("alias-{}", &context.key[..8]);
    let path = format!("/api/v2/keys/{}/aliases/{alias}", context.key);
    assert_eq!(context.manager.post(&path).await.unwrap().status, 201);
    assert_eq!(context.sync_by(&alias).await.status, 204);
    assert_error(&context.sync().await, 409, "REQ_TOO_EARLY_ERR");
}

pub(super) async fn sync_outside_key_ring_returns_404(context: &Context<'_>) {
    let text = |value: &str| AttributeValue::S(value.to_owned());
    let client = context.harness.dynamodb().client();
    let update = client.update_item().table_name(context.harness.table());
    let update = update.key("pk", text(&format!("{}#{}", context.harness.instance(), context.key)));
    let update = update.key("sk", text("key")).update_expression("SET ring = :ring");
    update.expression_attribute_values(":ring", text("my-ring")).send().await.unwrap();

    assert_error(&context.sync_with("x-kms-key-ring", "default").await, 404, "KEY_NOT_FOUND_ERR");
    assert_eq!(context.sync_with("x-kms-key-ring", "my-ring").await.status, 204);
}

pub(super) async fn sync_of_standard_key_returns_400(context: &Context<'_>) {
    let standard = context.manager.create_key("a-standard-key", KeyType::Standard).await.unwrap();
    assert_error(&context.sync_by(&standard).await, 400, "KEY_ROOT_REQ_ERR");
}

pub(super) async fn sync_of_unknown_key_returns_404(context: &Context<'_>) {
    for name in ["02fd6835-6001-4482-a892-13bd2085f75d", "no-such-alias"] {
        assert_error(&context.sync_by(name).await, 404, "KEY_NOT_FOUND_ERR");
    }
}

pub(super) async fn deleted_key_can_be_synchronized_after_an_hour(context: &Context<'_>) {
    let path = format!("/api/v2/keys/{}?force=true", context.key);
    let deleted = context.send(context.manager.request(Method::DELETE, &path)).await;
    assert!(deleted.status.is_success(), "{deleted:?}");
    assert_error(&context.sync().await, 409, "REQ_TOO_EARLY_ERR");
    context.advance_clock(Duration::from_mins(61)).await;
    assert_eq!(context.sync().await.status, 204);
    let events = context.events(context.harness.object_storage());
    let states: Vec<_> = events.iter().map(|(sequence, state, _)| (*sequence, *state)).collect();
    assert_eq!(states, [(1, 5), (2, 5)]);
}
