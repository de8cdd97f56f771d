//! A round: the steps of a plan in simulated time, on one thread.

use std::{sync::Arc, time::Duration};

use keysync::domain::LifecycleAction;
use tokio::{task::JoinSet, time::sleep};

use crate::{
    events::{Publisher, wait_for_queue},
    functions,
    invocation::Invocation,
    plan::{Action, Caller, Faults, Function, INSTANCES, OUTSIDE, Plan, Step},
    regions::Tables,
    rules,
    world::{START, Violation, World},
};

/// Runs of `redeliver` after which everything must be settled.
const MAX_LAST_RUNS: usize = 80;
/// The first random numbers of the last syncs.
const LAST_SYNCS: u64 = 1_000_000;

/// The result of a round.
#[derive(Debug)]
pub(crate) struct Played {
    pub(crate) trace: String,
    pub(crate) violations: Vec<Violation>,
    /// The number of calls, callbacks and responses.
    pub(crate) steps: u64,
}

/// Plays a plan with empty tables.
pub(crate) fn play(plan: &Plan, tables: &Tables) -> Played {
    // Seeds the generator of this thread, which the SDK and keysync draw their jitter from.
    fastrand::seed(plan.seed);
    tables.begin(plan);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let world = runtime.expect("a runtime").block_on(async {
        let world = World::new(plan, tables);
        run(&world).await;
        for difference in tables.take_differences() {
            world.violated("table", difference);
        }
        world
    });
    let mut state = world.state();
    Played {
        trace: std::mem::take(&mut state.trace).into_text(),
        violations: std::mem::take(&mut state.violations),
        steps: state.steps,
    }
}

async fn run(world: &Arc<World>) {
    let publisher = Publisher::of_setup(world);
    for (key, registrations) in world.plan.keys.iter().enumerate() {
        publisher.action(key, LifecycleAction::Create);
        for of in registrations {
            publisher.registration(key, *of, true);
        }
    }
    wait_for_queue(world).await;
    let started = world.now();
    let mut running = JoinSet::new();
    for step in world.plan.steps.clone() {
        let wait = (started + step.at).saturating_sub(world.now());
        sleep(Duration::from_millis(wait)).await;
        let world = world.clone();
        running.spawn(async move { take(&world, &step).await });
    }
    while running.join_next().await.is_some() {}
    end(world).await;
}

/// Takes a step.
async fn take(world: &Arc<World>, step: &Step) {
    world.note(&format!("step {}: {:?} ({:?})", step.id, step.action, step.faults));
    let publisher = Publisher::of(world, step);
    match step.action {
        Action::Sync { caller, key, correlation, attempts } => {
            sync(world, step, (caller, key), correlation, attempts).await;
        }
        Action::Event { key, action } => publisher.action(key, action),
        Action::ForeignEvent { key } => publisher.foreign_event(key),
        Action::Purge { key } => publisher.purge(key),
        Action::Register { key, service, resource, registered } => {
            publisher.registration(key, (service, resource), registered);
        }
        Action::Acknowledge { key, service, kind } => publisher.acknowledgement(key, service, kind),
        Action::AcknowledgeUnasked { key, service } => publisher.unasked_acknowledgement(key, service),
        Action::Republish { nth } => publisher.republish(nth),
        Action::Redeliver => {
            let function = (Function::Redeliver, step.instance);
            let by = Invocation::new(world, function, (step.id, 0), step.faults, None);
            functions::redeliver(&by).await;
        }
        Action::Crash { function } => world.crash(function, step.instance),
        Action::Outage { service, lasts } => {
            let until = world.now() + lasts;
            let mut state = world.state();
            let service = &mut state.services[service];
            service.fails_until = service.fails_until.max(until);
        }
        Action::Rejection { service, lasts } => {
            let until = world.now() + lasts;
            world.state().services[service].refuses_until = until;
        }
        Action::Pause { service, lasts } => {
            if world.pause(service) {
                sleep(Duration::from_millis(lasts)).await;
                world.resume(service);
            }
        }
    }
}

/// Sends a sync until its outcome is known, as the public Go client does.
async fn sync(
    world: &Arc<World>,
    step: &Step,
    (caller, key): (Caller, usize),
    correlation: usize,
    attempts: u64,
) {
    for attempt in 0..attempts {
        let request = Some((caller.iam_id(), format!("request-{correlation}")));
        let instance = (step.instance + usize::try_from(attempt).unwrap_or(0)) % INSTANCES;
        let by = Invocation::new(
            world,
            (Function::Sync, instance),
            (step.id, attempt),
            step.faults.of_attempt(attempt),
            request,
        );
        let response = functions::sync(&by, caller, key).await;
        rules::after_sync(&by, caller, key, response);
        let is_lost = by.fails(false);
        if !is_lost && response.is_some_and(|status| !matches!(status, 429 | 500..)) {
            return;
        }
        sleep(Duration::from_millis(by.draw(|rng| rng.u64(200..2000)))).await;
    }
}

/// Ends all faults, runs `redeliver` until nothing is left to do, and checks that a sync succeeds.
async fn end(world: &Arc<World>) {
    world.note("all faults end");
    let skew = world.plan.clock_difference();
    world.state().end_faults();
    wait_for_queue(world).await;
    // Requests that are still under way.
    sleep(Duration::from_secs(45)).await;
    for run in 0..MAX_LAST_RUNS {
        let is_settled = rules::is_settled(&world.state());
        if is_settled {
            break;
        }
        while world.state().replication.under_way > 0 {
            sleep(Duration::from_millis(100)).await;
        }
        let due = world.state().earliest_due().unwrap_or(START);
        let wait = (due + skew + 1).saturating_sub(START + world.now());
        sleep(Duration::from_millis(wait)).await;
        let by = Invocation::new(
            world,
            (Function::Redeliver, run % INSTANCES),
            (OUTSIDE, run as u64),
            Faults::None,
            None,
        );
        functions::redeliver(&by).await;
    }
    if !rules::is_settled(&world.state()) {
        world.violated("liveness", format!("{MAX_LAST_RUNS} runs without faults leave work"));
    }
    rules::at_end(world);
    last_syncs(world, skew).await;
}

/// With open windows and without faults, a sync must succeed and reach every service.
async fn last_syncs(world: &Arc<World>, skew: u64) {
    sleep(Duration::from_millis(3_600_001 + 2 * skew)).await;
    for key in 0..world.plan.keys.len() {
        let purged = world.state().keys[key].purge_published;
        let request = Some((Caller::One.iam_id(), "last-request".to_owned()));
        let by = Invocation::new(
            world,
            (Function::Sync, 0),
            (OUTSIDE, LAST_SYNCS + key as u64),
            Faults::None,
            request,
        );
        let response = functions::sync(&by, Caller::One, key).await;
        rules::after_sync(&by, Caller::One, key, response);
        let expected = if purged { 404 } else { 204 };
        let pending = world.state().keys[key].item().is_some_and(|item| !item.pending.is_empty());
        if response != Some(expected) || pending {
            world.violated(
                "liveness",
                format!("the last sync of k{key}: {response:?} instead of {expected}, pending: {pending}"),
            );
        }
    }
}
