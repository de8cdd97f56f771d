//! All paths of the model to a bounded depth.
//!
//! The paths begin in the initial state, or after some fixed steps: a deadline is over only after
//! many.
//!
//! Two paths to the same state of the model continue alike, so each state is expanded once for each
//! depth that is left; the real item that it is expanded from is that of the first path. Actions
//! that the model rejects are taken, too: they must change nothing.

use std::{collections::HashMap, time::Duration};

use keysync_model::{
    acknowledgement::Acknowledgement,
    bounds::Bounds,
    protocol::{Action, Callback},
    state::{ProcessId, SERVICES, State, Time},
};

use crate::{Configuration, Through, mapping::Scale, system::System};

/// Ticks of an hour: the window, and more than a lease, a backoff and the ten minutes of a replay.
pub(crate) const HOURS: Scale = Scale(Duration::from_hours(1));
/// Ticks of the time from a deadline to its check. A backoff may be longer.
const FIVE_MINUTES: Scale = Scale(Duration::from_mins(5));
/// The four hours to acknowledge. Their check comes five minutes later, at the next tick.
pub(crate) const DEADLINE: Time = 4;
pub(crate) const SMALL: Bounds = Bounds { late_callbacks: false, ..Bounds::SMALL };

struct Counts {
    states: usize,
    steps: usize,
}

/// A state to expand: the model's, the real one, the steps left, and the path that led to it.
struct Node {
    state: State,
    system: System,
    left: usize,
    path: Vec<Action>,
}

/// Takes `first`, and then all paths of up to `depth` steps.
async fn explore(configuration: &Configuration, first: &[Action], depth: usize) -> Counts {
    let (mut state, mut system) = (configuration.initial(), System::new(configuration).await);
    for (n, action) in first.iter().enumerate() {
        let after = configuration.step(&mut system, &state, *action).await;
        state = after.unwrap_or_else(|difference| panic!("{difference} after {:#?}", &first[..n]));
    }
    let root = Node { state, system, left: depth, path: first.to_vec() };
    let (mut open, mut expanded) = (vec![root], HashMap::new());
    let mut counts = Counts { states: 1, steps: 0 };
    while let Some(Node { state, system, left, path }) = open.pop() {
        // A longer path may have come first.
        if expanded.get(&state).is_some_and(|expanded| *expanded >= left) {
            continue;
        }
        counts.states += usize::from(expanded.insert(state, left).is_none());
        let actions = configuration.actions(&state).into_iter();
        for action in actions.filter(|action| system.is_comparable(*action, &state)) {
            let mut system = system.clone();
            system.restore();
            let path: Vec<_> = path.iter().copied().chain([action]).collect();
            counts.steps += 1;
            match configuration.step(&mut system, &state, action).await {
                Ok(after) if after != state && left > 1 => {
                    open.push(Node { state: after, system, left: left - 1, path });
                }
                Ok(_) => {}
                Err(difference) => panic!("{difference} ({})\nafter {path:#?}", configuration.name),
            }
        }
    }
    counts
}

async fn assert_conforms(name: &'static str, bounds: &Bounds, depth: usize) {
    assert_conforms_after(&[], Configuration::new(name, HOURS, bounds, Through::Ledger), depth).await;
}

async fn assert_conforms_after(first: &[Action], configuration: Configuration, depth: usize) {
    fastrand::seed(1); // The backoff is random.
    let started = std::time::Instant::now();
    let Counts { states, steps } = explore(&configuration, first, depth).await;
    let (name, after, time) = (configuration.name, first.len(), started.elapsed());
    println!("{name}: all paths of {depth} steps after {after}, {states} states, {steps} steps, {time:.1?}");
}

#[tokio::test]
async fn ledger_follows_model_on_short_paths() {
    let purges = Bounds { purges: true, rejected_writes: true, ..SMALL };
    assert_conforms("a purge, and writes that are rejected", &purges, 3).await;
    let callers = Bounds { callers: 3, events: 0, redeliverers: 0, ..SMALL };
    assert_conforms("three callers", &callers, 4).await;
    let services = Bounds { services: 2, retries_requests: false, uneven_backoff: true, ..SMALL };
    assert_conforms("a caller, an event and a redeliverer", &services, 3).await;
    let late = Bounds { callers: 1, events: 0, redeliverers: 2, late_requests: true, ..SMALL };
    assert_conforms("two redeliverers and late requests", &late, 4).await;
    let replays = Bounds { events: 0, services: 2, operator_replays: 1, ..SMALL };
    assert_conforms("an operator's replay", &replays, 4).await;
    let claim = Action::Claim { pid: ProcessId::caller(0), key: 0, clock: 0, response_lost: false };
    // The retries of one service end; a notification follows.
    let caller = ProcessId::caller(0);
    let exhausted = [
        claim,
        Action::Deliver { pid: caller, callbacks: [Callback::Acknowledged, Callback::Failed] },
        Action::Tick,
        Action::Tick,
        Action::Confirm { pid: caller, clock: 0, later: 0 },
    ];
    let limited = Bounds { services: 2, retry_limit: 2, ..SMALL };
    let limited = Configuration::new("after exhausted retries", HOURS, &limited, Through::Ledger);
    assert_conforms_after(&exhausted, limited, 3).await;
    // The caller repeats its request after exactly ten minutes, or later.
    let crash = Action::Crash { pid: ProcessId::caller(0) };
    let repeated = Bounds { events: 0, redeliverers: 0, ..SMALL };
    let repeated = Configuration::new("a repeated request", FIVE_MINUTES, &repeated, Through::Ledger);
    assert_conforms_after(&[claim, crash, Action::Tick], repeated, 3).await;
}

/// The dispatcher's steps: a claim, the callbacks, the confirmation, a redelivery.
#[tokio::test]
async fn dispatcher_follows_model_on_short_paths() {
    let dispatched = |name, bounds: &Bounds| Configuration::new(name, HOURS, bounds, Through::Dispatcher);
    let services = Bounds { services: 2, events: 0, retries_requests: false, late_callbacks: true, ..SMALL };
    let (caller, redeliverer) = (ProcessId::caller(0), ProcessId::redeliverer(0));
    let claim = Action::Claim { pid: caller, key: 0, clock: 0, response_lost: false };
    let after_claim = dispatched("a claim, dispatched", &services);
    assert_conforms_after(&[claim], after_claim, 3).await;
    let failed = Action::Deliver { pid: caller, callbacks: [Callback::Acknowledged, Callback::Failed] };
    let confirm = |pid| Action::Confirm { pid, clock: 0, later: 0 };
    let after_failure = dispatched("a failed callback, dispatched", &services);
    assert_conforms_after(&[claim, failed, confirm(caller), Action::Tick], after_failure, 3).await;

    // An operator replays to the settled service while the other one is called; then again.
    let lease = Action::Lease { pid: redeliverer, key: 0, clock: 0, response_lost: false };
    let replays = Bounds { operator_replays: 1, late_callbacks: false, ..services };
    let during_delivery = dispatched("a replay during a redelivery", &replays);
    let leased = [claim, failed, confirm(caller), Action::Tick, lease];
    assert_conforms_after(&leased, during_delivery, 3).await;
    let replays = Bounds { operator_replays: 2, ..replays };
    let delivered = Action::Deliver { pid: caller, callbacks: [Callback::Acknowledged; SERVICES] };
    let replay = Action::Replay { key: 0, service: 1, clock: 0 };
    let again = [claim, delivered, confirm(caller), replay, Action::Tick, lease];
    assert_conforms_after(&again, dispatched("a second replay", &replays), 3).await;

    let deadline =
        Bounds { deadline: DEADLINE, any_acknowledgement: true, late_callbacks: false, ..services };
    let reached = [Callback::Acknowledged; SERVICES];
    let deliver = Action::Deliver { pid: caller, callbacks: reached };
    let mut silent = vec![claim, deliver, confirm(caller)];
    silent.extend([Action::Tick; 4]);
    let before_deadline = dispatched("a deadline that is almost over", &deadline);
    assert_conforms_after(&silent, before_deadline, 4).await;

    // At exactly four hours; the check is five minutes later.
    let ticks = 12 * DEADLINE;
    let to_the_minute = Bounds { deadline: ticks, grace: 1, services: 1, ..deadline };
    let to_the_minute =
        Configuration::new("a deadline to the minute", FIVE_MINUTES, &to_the_minute, Through::Dispatcher);
    let mut four_hours = vec![claim, deliver, confirm(caller)];
    four_hours.extend((0..ticks).map(|_| Action::Tick));
    assert_conforms_after(&four_hours, to_the_minute, 5).await;

    // The action replaces a notification that only one service has acknowledged.
    let action = ProcessId::lifecycle(0, 1);
    let replaced = [
        claim,
        deliver,
        confirm(caller),
        Action::Acknowledge { key: 0, service: 0, acknowledgement: Acknowledgement::AT_ONCE },
        Action::Tick,
        Action::Record { pid: action, clock: 0, response_lost: false },
        Action::Deliver { pid: action, callbacks: reached },
        confirm(action),
        Action::Tick,
        Action::Tick,
        Action::Tick,
        Action::Tick,
        lease,
    ];
    let older = Bounds { events: 1, ..deadline };
    let older_deadline = dispatched("the deadline of an older notification", &older);
    assert_conforms_after(&replaced, older_deadline, 3).await;
}
