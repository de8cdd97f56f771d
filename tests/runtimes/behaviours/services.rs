//! Services whose callbacks fail.

use std::time::Duration;

use keysync_testkit::services::{Behaviour, Verdict};

use crate::runtime::Context;

pub(super) async fn failing_service_is_notified_by_redelivery(context: &Context<'_>) {
    let databases = context.harness.databases();
    databases.behave(Behaviour::respond(503));
    assert_eq!(context.sync().await.status, 204, "the notification is recorded and retried");
    assert_eq!(context.callback_counts(), (1, 1));
    assert_eq!(databases.last_state(&context.key), None, "the service did not act");

    databases.behave(Behaviour::Act);
    context.advance_clock(Duration::from_mins(2)).await;
    context.harness.redeliver().await.unwrap();
    assert_eq!(context.callback_counts(), (1, 2), "object storage is not notified again");
    assert_eq!(databases.received().last().unwrap().verdict, Verdict::Acted);
    let ids: Vec<String> = context.events(databases).into_iter().map(|(.., id)| id).collect();
    assert_eq!(ids[0], ids[1], "the same event");
}

pub(super) async fn service_responding_410_gets_no_retry(context: &Context<'_>) {
    context.harness.databases().behave(Behaviour::respond(410));
    assert_eq!(context.sync().await.status, 204);
    assert_eq!(context.callback_counts(), (1, 1));
    context.advance_clock(Duration::from_mins(2)).await;
    context.harness.redeliver().await.unwrap();
    assert_eq!(context.callback_counts(), (1, 1));
}
