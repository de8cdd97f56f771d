//! An operator pauses a service: no function calls it, nothing is lost, and retries count from the
//! end of the pause.

use std::time::Duration;

use keysync::ledger::{Ledger, Pause, PauseChange, Resumption};
use keysync_testkit::{
    dynamodb::{Fault, Times},
    services::Behaviour,
};
use serde_json::json;

use crate::{
    binaries::binaries,
    log_lines::Lines,
    support::{HOUR, World, world, world_of},
};

const STORAGE: &str = "cloud-object-storage";
const DATABASES: &str = "databases-for-postgresql";
const DAY: Duration = Duration::from_hours(24);

fn ledger(world: &World) -> Ledger {
    Ledger::new(&world.harness.dynamodb().sdk_config(), world.harness.table().to_owned())
}

/// Pauses object storage. Functions that run already learn it within a minute; new processes do at
/// once.
async fn pause(world: &World) {
    let at = world.harness.clock().now();
    let (operator, reason) = ("ada".to_owned(), "bucket is being moved".to_owned());
    let pause = Pause { at, operator, reason, resumed: None };
    assert_eq!(ledger(world).pause(&STORAGE.parse().unwrap(), &pause).await, Ok(PauseChange::Changed));
    for function in [world.harness.sync_function().process(), world.harness.lifecycle_function().processes()]
    {
        function.unwrap().kill().await;
    }
}

async fn resume(world: &World) {
    let resumption = Resumption { at: world.harness.clock().now(), operator: "ada".to_owned() };
    let resumed = ledger(world).resume(&STORAGE.parse().unwrap(), &resumption).await;
    assert_eq!(resumed, Ok(PauseChange::Changed));
}

fn received(world: &World) -> [usize; 2] {
    [world.harness.object_storage(), world.harness.databases()].map(|service| service.received().len())
}

#[tokio::test]
async fn no_function_calls_a_paused_service() {
    let world = world().await;
    pause(&world).await;
    world.sync().await.assert_status(204);
    assert_eq!(received(&world), [0, 1], "sync");
    let path = format!("/api/v2/keys/{}/notifications", world.key);
    let status = world.manager.send(world.manager.request(http::Method::GET, &path)).await.unwrap().body;
    let status = status["resources"].as_array().unwrap();
    let paused =
        status.iter().map(|resource| (&resource["service"], &resource["status"], &resource["paused"]));
    let expected = [
        (json!(STORAGE), json!("pending"), json!(true)),
        (json!(DATABASES), json!("delivered"), json!(null)),
    ];
    assert!(
        paused.eq(expected.iter().map(|(service, status, paused)| (service, status, paused))),
        "{status:?}"
    );
    world.take("actions/disable").await.assert_status(204);
    world.harness.databases().wait_for(2).await;
    assert_eq!(received(&world), [0, 2], "lifecycle");
    world.advance_clock(Duration::from_mins(5)).await;
    let summary = world.redeliver().await;
    assert_eq!((summary.leased, summary.left_due, summary.paused_services), (0, 1, 1), "{summary:?}");
    assert_eq!(received(&world), [0, 2], "redeliver");
    assert_eq!(world.item().await["pending"], json!({STORAGE: 1}));
    let lines = Lines::of(world.harness.redeliver_function().processes());
    assert_eq!(lines.values("PausedServices", None), [1.0]);
    assert_eq!(lines.only("service is paused")["reason"], "bucket is being moved");
}

#[tokio::test]
async fn resumed_service_gets_the_latest_notification() {
    let world = world().await;
    pause(&world).await;
    world.sync().await.assert_status(204);
    world.advance_clock(DAY * 2).await;
    world.take("actions/disable").await.assert_status(204);
    world.harness.databases().wait_for(2).await;
    world.advance_clock(DAY * 2).await;
    assert_eq!(world.redeliver().await.failed, 0, "retries do not end during a pause");
    resume(&world).await;
    world.advance_clock(Duration::from_mins(2)).await;
    assert_eq!(world.redeliver().await.delivered, 1);
    world.harness.object_storage().assert_last_state(&world.key, keysync_testkit::KeyState::Suspended);
    assert_eq!(world.item().await["pending"], json!({}));
}

#[tokio::test]
async fn retries_count_from_the_end_of_a_pause() {
    let world = world().await;
    world.harness.object_storage().behave(Behaviour::respond(503));
    world.sync().await.assert_status(204);
    pause(&world).await;
    world.advance_clock(DAY * 2).await;
    world.redeliver().await;
    resume(&world).await;
    world.advance_clock(Duration::from_mins(2)).await;
    assert_eq!(world.redeliver().await.retrying, 1, "two days after the claim");
    world.advance_clock(HOUR * 23).await;
    assert_eq!(world.redeliver().await.retrying, 1);
    world.advance_clock(HOUR).await;
    assert_eq!(world.redeliver().await.failed, 1, "a day after the pause");
}

#[tokio::test]
async fn paused_service_is_overdue_after_four_hours() {
    let world = world_of(binaries().service_setting(STORAGE, "acknowledges", true)).await;
    pause(&world).await;
    world.sync().await.assert_status(204);
    world.advance_clock(Duration::from_mins(244)).await;
    assert_eq!(world.redeliver().await.overdue, 0, "the check has a grace of five minutes");
    world.advance_clock(Duration::from_mins(2)).await;
    assert_eq!(world.redeliver().await.overdue, 1, "a pause silences nothing");
    world.advance_clock(Duration::from_mins(5)).await;
    let summary = world.redeliver().await;
    assert_eq!((summary.leased, summary.overdue), (0, 0), "once: {summary:?}");
    assert_eq!(received(&world)[0], 0);
}

#[tokio::test]
async fn redeliver_calls_no_service_without_pauses() {
    let world = world().await;
    world.harness.object_storage().behave_next(1, Behaviour::respond(503));
    world.sync().await.assert_status(204);
    pause(&world).await;
    world.advance_clock(Duration::from_mins(5)).await;
    let proxy = world.harness.dynamodb().redeliver_proxy();
    proxy.inject_on("GetItem", Fault::Fail, Times::Always);
    world.harness.redeliver().await.unwrap_err();
    proxy.clear_faults();
    assert_eq!(received(&world), [1, 1]);
    resume(&world).await;
    assert_eq!(world.redeliver().await.delivered, 1);
}

#[tokio::test]
async fn sync_succeeds_if_pauses_are_unknown() {
    let world = world().await;
    let proxy = world.harness.dynamodb().proxy();
    proxy.inject_on("GetItem", Fault::Fail, Times::Always);
    world.harness.sync_function().process().unwrap().kill().await;
    world.sync().await.assert_status(204);
    assert_eq!(received(&world), [1, 1]);
}

#[tokio::test]
async fn pause_and_resumption_take_effect_once() {
    let world = world_of(binaries()).await;
    let (ledger, service) = (ledger(&world), DATABASES.parse().unwrap());
    let pause = |reason: &str| Pause {
        at: world.harness.clock().now(),
        operator: "ada".to_owned(),
        reason: reason.to_owned(),
        resumed: None,
    };
    let end = |operator: &str| Resumption { at: world.harness.clock().now(), operator: operator.to_owned() };
    let (first, second, ada) = (pause("first"), pause("second"), end("ada"));
    assert_eq!(ledger.resume(&service, &ada).await, Ok(PauseChange::Unchanged), "nothing to resume");
    for (pause, change) in
        [(&first, PauseChange::Changed), (&first, PauseChange::Changed), (&second, PauseChange::Unchanged)]
    {
        assert_eq!(ledger.pause(&service, pause).await, Ok(change), "{}", pause.reason);
    }
    for (end, change) in
        [(&ada, PauseChange::Changed), (&ada, PauseChange::Changed), (&end("eve"), PauseChange::Unchanged)]
    {
        assert_eq!(ledger.resume(&service, end).await, Ok(change), "{}", end.operator);
    }
    assert_eq!(ledger.pause(&service, &second).await, Ok(PauseChange::Changed));
    let pauses = ledger.pauses().await.unwrap();
    assert_eq!(pauses.paused().collect::<Vec<_>>(), [(&service, &second)]);
}
