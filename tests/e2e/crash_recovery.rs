//! G2, G4: kill −9 of the real binaries at each step of the protocol. A later process delivers a
//! claimed notification; a function killed before its claim has changed nothing.
//!
//! ```text
//!        sync, lifecycle                           redeliver
//!        ───────────────                           ─────────
//!   1    before the claim reaches DynamoDB         before the lease does
//!   2    claim applied, response not received      lease applied, response not received
//!   3    during the callbacks                      the same
//!   4    before the confirmation is applied        the same
//!   5    confirmed, response not sent              the same
//! ```

use std::time::Duration;

use keysync_testkit::{
    Harness,
    dynamodb::{Fault, Proxy, Times},
    lambda::ProcessFunction,
    services::Behaviour,
};
use serde_json::json;

use crate::support::{LEASE, World, text, world};

const STORAGE: &str = "cloud-object-storage";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    BeforeWrite,
    WriteApplied,
    Delivering,
    BeforeConfirm,
    ConfirmApplied,
}

const STEPS: [Step; 5] =
    [Step::BeforeWrite, Step::WriteApplied, Step::Delivering, Step::BeforeConfirm, Step::ConfirmApplied];

impl Step {
    /// Stops a function at this step. Its first write is the claim or the lease, its second the
    /// confirmation.
    fn stop(self, harness: &Harness, proxy: &Proxy) {
        match self {
            Self::BeforeWrite => proxy.inject_on("UpdateItem", Fault::HoldRequest, Times::Nth(1)),
            Self::WriteApplied => proxy.inject_on("UpdateItem", Fault::HoldResponse, Times::Nth(1)),
            Self::Delivering => harness.databases().behave_next(1, Behaviour::Hang),
            Self::BeforeConfirm => proxy.inject_on("UpdateItem", Fault::HoldRequest, Times::Nth(2)),
            Self::ConfirmApplied => proxy.inject_on("UpdateItem", Fault::HoldResponse, Times::Nth(2)),
        }
    }

    /// Waits until the function is stopped, kills it, and clears the fault.
    async fn kill(self, harness: &Harness, proxy: &Proxy, function: &ProcessFunction) {
        match self {
            Self::Delivering => harness.databases().wait_for(1).await,
            _ => proxy.wait_until_held(1).await,
        }
        function.kill().await;
        proxy.clear_faults();
    }

    /// Whether the notification was claimed.
    fn is_claimed(self) -> bool {
        self != Self::BeforeWrite
    }

    /// Whether the notification is left for redelivery.
    fn leaves_notification_due(self) -> bool {
        self.is_claimed() && self != Self::ConfirmApplied
    }
}

/// Asserts that both services acted on the key's last notification and nothing is pending.
async fn assert_all_notified(world: &World, step: Step) {
    let item = world.item().await;
    assert_eq!((&item["pending"], item.get("due_at")), (&json!({}), None), "{step:?}");
    for service in world.harness.services() {
        let last = service
            .last_state(&world.key)
            .unwrap_or_else(|| panic!("{step:?}: {} was not notified", service.name()));
        assert_eq!(json!(last.sequence), item["sequence"], "{step:?}: {}", service.name());
        assert_eq!(json!(last.key_state), item["state"], "{step:?}: {}", service.name());
        // At least once, and always the same event.
        let received = service.received();
        let first = received[0].header("webhook-id");
        assert!(received.iter().all(|it| it.header("webhook-id") == first), "{step:?}");
    }
    world.assert_follows_model();
}

#[tokio::test]
async fn sync_killed_at_each_step_is_recovered() {
    for step in STEPS {
        let world = world().await;
        let before = world.all_items().await;
        let (harness, proxy) = (&world.harness, world.harness.dynamodb().proxy());
        step.stop(harness, proxy);
        let request = || {
            let path = format!("/api/v2/keys/{}/actions/sync", world.key);
            world.manager.request(http::Method::POST, &path).header("correlation-id", "the-same")
        };
        let (response, ()) = tokio::join!(
            world.manager.send(request()),
            step.kill(harness, proxy, harness.sync_function().process().unwrap())
        );
        assert_eq!(response.unwrap().status, 502, "{step:?}: a function URL's status for a killed function");

        if step.is_claimed() {
            assert_eq!(world.sync().await.status, 409, "{step:?}: the window is closed");
        } else {
            assert_eq!(world.all_items().await, before, "{step:?}: nothing was claimed");
        }
        // The caller got no response and repeats the request.
        assert_eq!(world.manager.send(request()).await.unwrap().status, 204, "{step:?}");
        world.advance_clock(LEASE).await;
        let summary = world.redeliver().await;
        assert_eq!(summary.leased, u64::from(step.leaves_notification_due()), "{step:?}");
        assert_all_notified(&world, step).await;
    }
}

#[tokio::test]
async fn lifecycle_killed_at_each_step_is_recovered() {
    for step in STEPS {
        let world = world().await;
        let (harness, proxy) = (&world.harness, world.harness.dynamodb().lifecycle_proxy());
        step.stop(harness, proxy);
        let (response, ()) = tokio::join!(
            world.manager.delete(&world.key),
            step.kill(harness, proxy, harness.lifecycle_function().processes().unwrap())
        );
        assert_eq!(response.unwrap().status, 204, "{step:?}: the queue delivered the event again");
        assert_eq!(world.item().await["sequence"], json!(1), "{step:?}: the event was counted once");

        world.advance_clock(LEASE).await;
        let summary = world.redeliver().await;
        assert_eq!(summary.leased, u64::from(step.leaves_notification_due()), "{step:?}");
        assert_all_notified(&world, step).await;
    }
}

#[tokio::test]
async fn redeliver_killed_at_each_step_is_recovered() {
    for step in STEPS {
        let world = world().await;
        world.harness.databases().behave_next(1, Behaviour::respond(503));
        world.harness.object_storage().behave_next(1, Behaviour::respond(503));
        world.sync().await;
        world.advance_clock(Duration::from_mins(2)).await;

        let (harness, proxy) = (&world.harness, world.harness.dynamodb().redeliver_proxy());
        step.stop(harness, proxy);
        let killed = async {
            match step {
                Step::Delivering => harness.databases().wait_for(2).await,
                _ => proxy.wait_until_held(1).await,
            }
            harness.redeliver_function().processes().unwrap().kill().await;
            proxy.clear_faults();
        };
        let (run, ()) = tokio::join!(harness.redeliver(), killed);
        assert!(run.is_err(), "{step:?}: the run was killed");

        let second_run = world.redeliver().await;
        let expected = u64::from(step == Step::BeforeWrite);
        assert_eq!(second_run.leased, expected, "{step:?}: the killed run's lease is respected");
        world.advance_clock(LEASE).await;
        let after = world.redeliver().await;
        assert_eq!(after.leased, u64::from(step.leaves_notification_due()), "{step:?}");
        assert_all_notified(&world, step).await;
    }
}

#[tokio::test]
async fn redeliver_killed_before_its_query_is_recovered() {
    let world = world().await;
    world.plant(&[STORAGE], world.harness.clock().now()).await;
    let proxy = world.harness.dynamodb().redeliver_proxy();
    proxy.inject_on("Query", Fault::HoldRequest, Times::Always);
    let (run, ()) = tokio::join!(world.harness.redeliver(), async {
        proxy.wait_until_held(1).await;
        world.harness.redeliver_function().processes().unwrap().kill().await;
        proxy.clear_faults();
    });
    assert!(run.is_err());
    assert_eq!(world.redeliver().await.delivered, 1);
}

#[tokio::test]
async fn lifecycle_killed_during_registration_counts_it_once() {
    for fault in [Fault::HoldRequest, Fault::HoldResponse] {
        let world = world().await;
        let proxy = world.harness.dynamodb().lifecycle_proxy();
        proxy.inject_on("TransactWriteItems", fault, Times::Nth(1));
        let crn = "crn:v1:bluemix:public:cloud-object-storage:global:a/x:y:bucket:another";
        let (registered, ()) = tokio::join!(world.manager.register(&world.key, crn), async {
            proxy.wait_until_held(1).await;
            world.harness.lifecycle_function().processes().unwrap().kill().await;
            proxy.clear_faults();
        });
        registered.unwrap();
        assert_eq!(world.item().await["services"][STORAGE], json!(2), "{fault:?}: counted once");
    }
}

#[tokio::test]
async fn functions_killed_during_overlapping_deliveries_are_recovered() {
    let world = world().await;
    let harness = &world.harness;
    for service in harness.services() {
        service.behave_next(2, Behaviour::Hang);
    }
    let request = tokio::spawn({
        let (manager, key) = (world.manager.clone(), world.key.clone());
        async move { manager.sync(&key).await.unwrap() }
    });
    harness.databases().wait_for(1).await;
    let rotation = tokio::spawn({
        let (manager, path) = (world.manager.clone(), format!("/api/v2/keys/{}/actions/rotate", world.key));
        async move { manager.post(&path).await.unwrap() }
    });
    harness.databases().wait_for(2).await; // a newer notification, while the older one is being delivered
    harness.sync_function().process().unwrap().kill().await;
    harness.lifecycle_function().processes().unwrap().kill().await;
    assert_eq!(request.await.unwrap().status, 502);
    assert_eq!(rotation.await.unwrap().status, 204, "the event was delivered again and recognized");

    world.advance_clock(LEASE).await;
    world.redeliver().await;
    world.advance_clock(Duration::from_mins(2)).await;
    world.redeliver().await;
    let item = world.item().await;
    assert_eq!((&item["pending"], &item["sequence"]), (&json!({}), &json!(2)));
    for service in harness.services() {
        let last = service.last_state(&world.key).unwrap();
        assert_eq!(
            (last.sequence, last.key_version),
            (2, text(&item["version"]["id"])),
            "{}",
            service.name()
        );
    }
    world.assert_follows_model();
}
