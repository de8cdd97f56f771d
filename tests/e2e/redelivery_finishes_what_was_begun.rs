//! G2: what a request could not deliver is delivered by `redeliver`, with the event that it had, until the
//! service takes it, wants no more, or a day has passed.

use std::time::Duration;

use keysync::{key::KeyId, ledger::item::due_shard};
use keysync_testkit::services::{Behaviour, Verdict};
use serde_json::{Value, json};

use crate::support::{HOUR, LEASE, World, text, world};

const STORAGE: &str = "cloud-object-storage";
const DATABASES: &str = "databases-for-postgresql";

/// Nothing is pending and nothing is due.
async fn is_settled(world: &World) -> Value {
    let item = world.item().await;
    assert_eq!((&item["pending"], &item["retries"]), (&json!({}), &json!({})));
    assert_eq!((item.get("due_at"), item.get("due_shard")), (None, None));
    item
}

#[tokio::test]
async fn a_service_that_was_down_is_told_what_it_missed() {
    let world = world().await;
    world.harness.databases().behave_next(1, Behaviour::respond(503));
    assert_eq!(world.sync().await.status, 204);
    world.advance_clock(Duration::from_mins(2)).await;
    let summary = world.redeliver().await;
    assert_eq!((&summary["taken_up"], &summary["delivered"]), (&json!(1), &json!(1)));

    let item = is_settled(&world).await;
    assert_eq!(item["outcome"][DATABASES]["status"], "delivered");
    assert_eq!(item["outcome"][DATABASES]["attempts"], 2);
    let received = world.harness.databases().received();
    let ids: Vec<_> = received.iter().map(|received| &received.headers["webhook-id"]).collect();
    assert_eq!(ids[0], ids[1], "the same event");
    assert_eq!(received[1].verdict, Verdict::Acted);
    assert_eq!(world.harness.object_storage().received().len(), 1, "who was told is not told again");
    assert_eq!(world.redeliver().await["taken_up"], json!(0));
}

#[tokio::test]
async fn every_kind_of_failure_is_made_good() {
    for behaviour in [
        Behaviour::Reset,
        Behaviour::Redirect { to: "http://127.0.0.1:1/".to_owned() },
        Behaviour::respond(400),
        Behaviour::respond(500),
        Behaviour::Respond { status: 429, retry_after: Some(30) },
    ] {
        let world = world().await;
        // Twice: a connection that breaks is tried once more within the request.
        world.harness.databases().behave_next(2, behaviour.clone());
        world.sync().await;
        assert_ne!(world.item().await["pending"], json!({}), "{behaviour:?} counted as delivered");
        for _ in 0..2 {
            world.advance_clock(Duration::from_mins(5)).await;
            world.redeliver().await;
        }
        is_settled(&world).await;
        let key = &world.key;
        assert_eq!(world.harness.databases().last_state(key).unwrap().sequence, 1, "{behaviour:?}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_half_way_was_an_answer() {
    let world = world().await;
    world.harness.databases().behave(Behaviour::TruncateBody);
    assert_eq!(world.sync().await.status, 204);
    is_settled(&world).await;
}

#[tokio::test]
async fn a_service_that_acted_and_could_not_say_so_hears_it_twice() {
    let world = world().await;
    world.harness.databases().behave_next(2, Behaviour::ActThenReset);
    world.sync().await;
    world.advance_clock(Duration::from_mins(2)).await;
    world.redeliver().await;
    is_settled(&world).await;
    let verdicts: Vec<_> = world.harness.databases().received().into_iter().map(|it| it.verdict).collect();
    assert_eq!(verdicts, [Verdict::Acted, Verdict::Repeated, Verdict::Repeated]);
}

#[tokio::test]
async fn a_service_that_asked_for_time_is_left_alone_for_an_hour_at_most() {
    for asked in [3600, 7200] {
        let world = world().await;
        world
            .harness
            .databases()
            .behave_next(1, Behaviour::Respond { status: 429, retry_after: Some(asked) });
        world.sync().await;
        world.advance_clock(Duration::from_mins(59)).await;
        assert_eq!(world.redeliver().await["taken_up"], json!(0));
        world.advance_clock(Duration::from_mins(1)).await;
        assert_eq!(world.redeliver().await["delivered"], json!(1), "asked for {asked} s");
    }
}

#[tokio::test]
async fn a_service_that_wants_no_more_is_not_asked_again() {
    let world = world().await;
    world.harness.databases().behave_next(1, Behaviour::respond(503));
    world.harness.databases().behave_next(1, Behaviour::respond(410));
    world.sync().await;
    world.advance_clock(Duration::from_mins(2)).await;
    assert_eq!(world.redeliver().await["refused"], json!(1));
    assert_eq!(is_settled(&world).await["outcome"][DATABASES]["status"], "refused");
}

#[tokio::test]
async fn a_day_later_it_is_given_up_with_a_log_line_and_a_metric() {
    let world = world().await;
    world.harness.databases().behave(Behaviour::respond(503));
    world.sync().await;
    world.advance_clock(24 * HOUR).await;
    assert_eq!(world.redeliver().await["failed"], json!(1));

    let outcome = is_settled(&world).await["outcome"][DATABASES].clone();
    assert_eq!((&outcome["status"], &outcome["reason"]), (&json!("failed"), &json!("answered 503")));
    // Both are printed before the answer, and read from a pipe after it.
    let processes = world.harness.redeliver_function().processes().unwrap();
    let log =
        processes.wait_for_log(|log| log.iter().any(|line| line.contains("NotificationsGivenUp"))).await;
    let lines: Vec<Value> = log.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let given_up = lines.iter().find(|line| line["level"] == "ERROR").unwrap();
    assert_eq!((&given_up["service"], &given_up["key"]), (&json!(DATABASES), &json!(world.key)));
    let metrics: Vec<_> = lines.iter().filter(|line| line["NotificationsGivenUp"] == 1).collect();
    assert_eq!(metrics.len(), 2, "one by service, and one of all services for the alarm");
    assert!(metrics.iter().any(|metric| metric["Service"] == DATABASES));

    assert_eq!(world.sync().await.status, 204, "its owner can still have it told");
}

#[tokio::test]
async fn it_goes_on_for_a_day_and_no_item_grows() {
    let world = world().await;
    world.harness.databases().behave(Behaviour::respond(503));
    world.sync().await;
    let mut sizes = Vec::new();
    let mut attempts = 1;
    while world.item().await["pending"] != json!({}) {
        world.advance_clock(HOUR).await;
        world.redeliver().await;
        attempts += 1;
        sizes.push(world.item().await.to_string().len());
        assert!(attempts <= 26, "an hour is the largest bound, and a day the end");
    }
    assert!((24..=26).contains(&attempts), "{attempts} attempts");
    let (first, most) = (sizes[0], sizes.iter().max().unwrap());
    assert!(*most <= first + 8, "the item grew from {first} to {most} bytes");
}

#[tokio::test]
async fn a_newer_notification_takes_the_place_of_what_is_pending() {
    let world = world().await;
    world.harness.databases().behave_next(1, Behaviour::respond(503));
    world.sync().await;
    assert_eq!(world.manager.delete(&world.key).await.unwrap().status, 204);
    world.advance_clock(Duration::from_mins(2)).await;
    assert_eq!(world.redeliver().await["taken_up"], json!(0), "the deletion told everybody");
    let told = World::told(world.harness.databases(), &world.key);
    let states: Vec<u64> = told.iter().map(|(_, state)| *state).collect();
    assert_eq!(states, [1, 5], "the older one is not told any more");
}

#[tokio::test]
async fn a_newer_sync_does_not_wait_for_the_tries_of_the_older_one() {
    let world = world().await;
    world.harness.databases().behave_next(1, Behaviour::Respond { status: 429, retry_after: Some(7200) });
    world.sync().await;
    world.advance_clock(HOUR + Duration::from_secs(1)).await;
    assert_eq!(world.sync().await.status, 204);
    is_settled(&world).await;
    assert_eq!(world.harness.databases().last_state(&world.key).unwrap().sequence, 2);
}

#[tokio::test]
async fn what_is_pending_of_a_key_that_is_purged_is_told_all_the_same() {
    let world = world().await;
    world.harness.databases().behave_next(1, Behaviour::respond(503));
    assert_eq!(world.manager.delete(&world.key).await.unwrap().status, 204);
    let crn = text(&world.item().await["crn"]).parse().unwrap();
    world.harness.events().purge(&crn, world.harness.clock().now()).taken().await;
    world.advance_clock(Duration::from_mins(2)).await;
    assert_eq!(world.redeliver().await["delivered"], json!(1));
    is_settled(&world).await;
    assert_eq!(world.harness.databases().last_state(&world.key).unwrap().key_state, 5);
}

#[tokio::test]
async fn all_that_is_due_in_a_shard_is_taken_up_however_many() {
    let world = world().await;
    let keys = std::iter::repeat_with(KeyId::random).filter(|key| due_shard(*key) == 0);
    for key in keys.take(70) {
        world.plant_as(key, &[STORAGE], world.harness.clock().now()).await; // a page holds 32
    }
    assert_eq!(world.redeliver().await["delivered"], json!(70));
}

#[tokio::test]
async fn what_a_dead_function_left_is_taken_up_when_its_time_is_over() {
    let world = world().await;
    world.plant(&[STORAGE], world.harness.clock().now().plus(LEASE)).await;
    assert_eq!(world.redeliver().await["taken_up"], json!(0), "somebody may still be at it");
    world.advance_clock(LEASE).await;
    assert_eq!(world.redeliver().await["delivered"], json!(1));
}
