//! Services that do not take their callback.

use std::time::Duration;

use keysync_testkit::services::{Behaviour, Verdict};

use crate::way::World;

pub(super) async fn one_that_is_down_is_told_later(world: &World<'_>) {
    let databases = world.harness.databases();
    databases.behave(Behaviour::respond(503));
    assert_eq!(world.sync().await.status, 204, "recorded, and retried until it arrives");
    assert_eq!(world.times_told(), (1, 1));
    assert_eq!(databases.last_state(&world.key), None, "it did not act");

    databases.behave(Behaviour::Act);
    world.advance_clock(Duration::from_mins(2)).await;
    world.harness.redeliver().await.unwrap();
    assert_eq!(world.times_told(), (1, 2), "object storage had it");
    assert_eq!(databases.received().last().unwrap().verdict, Verdict::Acted);
    let ids: Vec<String> = world.told(databases).into_iter().map(|(.., id)| id).collect();
    assert_eq!(ids[0], ids[1], "the same event");
}

pub(super) async fn one_that_wants_no_more_is_not_told_again(world: &World<'_>) {
    world.harness.databases().behave(Behaviour::respond(410));
    assert_eq!(world.sync().await.status, 204);
    assert_eq!(world.times_told(), (1, 1));
    world.advance_clock(Duration::from_mins(2)).await;
    world.harness.redeliver().await.unwrap();
    assert_eq!(world.times_told(), (1, 1));
}
