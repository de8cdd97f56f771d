//! Rounds with takeovers: a run of `redeliver` leases a notification whose claimant has not
//! confirmed it, often too early because of its clock; the claimant and newer claims go on. Random
//! steps and faults rarely meet like this.

use fastrand::Rng;

use super::{
    Action, Caller, Clocks, Faults, Function, HOUR, INSTANCES, MINUTE, Parts, PlannedFault, RESOURCES,
    SECOND, SERVICES, Step, lifecycle_action, registrations,
};
use crate::invocation::Fault;

/// The time from a claim or lease to the end of its lease, in ms.
const LEASE: i64 = 30 * 1000;
/// A clock that is wrong is a minute off, longer than a lease.
const CLOCKS: [i64; 3] = [-60_000, 0, 60_000];

/// Rounds of one to three takeovers, an hour apart.
pub(super) fn plan(rng: &mut Rng) -> Parts {
    let mut registered = registrations(rng);
    if registered.is_empty() {
        registered.push((rng.usize(..SERVICES.len()), rng.usize(..RESOURCES)));
    }
    let clocks = std::array::from_fn(|_| std::array::from_fn(|_| CLOCKS[rng.usize(..CLOCKS.len())]));
    let (mut at, mut steps) = (rng.u64(..MINUTE), Vec::new());
    for number in 0..rng.usize(1..=3) {
        steps.extend(takeover(rng, &clocks, at, number));
        at += HOUR + 3 * MINUTE + rng.u64(..HOUR);
    }
    steps.sort_by_key(|step| step.at);
    for (id, step) in steps.iter_mut().enumerate() {
        step.id = id;
    }
    (vec![registered], clocks, steps)
}

/// A claim, a run of `redeliver` that finds it, and what follows.
fn takeover(rng: &mut Rng, clocks: &Clocks, at: u64, number: usize) -> Vec<Step> {
    let claim = if rng.u8(..4) > 0 { sync(number) } else { event(rng) };
    let fault = fault_of_claim(rng);
    let mut steps = vec![step(rng, at, claim, fault)];
    for _ in 0..rng.usize(1..=3) {
        let last = &steps[steps.len() - 1];
        let instance = rng.usize(..INSTANCES);
        let action = match rng.u8(..8) {
            _ if steps.len() == 1 => Action::Redeliver,
            0..=3 => event(rng),
            4 => sync(number),
            _ => Action::Redeliver,
        };
        let wait = if action == Action::Redeliver && rng.bool() {
            until_lease_ends(clocks, last, instance) + rng.i64(-6000..2000)
        } else {
            0
        };
        let at = last.at + u64::try_from(wait).unwrap_or(0) + rng.u64(..1500);
        let fault = fault_after_claim(rng);
        steps.push(Step { instance, ..step(rng, at, action, fault) });
    }
    steps
}

/// The time until the lease that a step takes ends by the clock of an instance of `redeliver`, in
/// ms.
fn until_lease_ends(clocks: &Clocks, step: &Step, instance: usize) -> i64 {
    let function = match step.action {
        Action::Sync { .. } => Function::Sync,
        Action::Redeliver => Function::Redeliver,
        _ => Function::Lifecycle,
    };
    LEASE + clocks[function as usize][step.instance] - clocks[Function::Redeliver as usize][instance]
}

/// A step whose claim, lease or next write has a fault.
fn step(rng: &mut Rng, at: u64, action: Action, fault: Fault) -> Step {
    // A late request meets what happens while its repetition waits for the services.
    let callbacks = match fault {
        Fault::Late(_) => rng.u64(3 * SECOND..5 * SECOND),
        _ if rng.bool() => rng.u64(..5 * SECOND),
        _ => 0,
    };
    let planned = PlannedFault { write: [0, 0, 1][rng.usize(..3)], fault, callbacks };
    let faults = if rng.u8(..4) == 0 { Faults::None } else { Faults::Planned(planned) };
    Step { id: 0, at, faults, instance: rng.usize(..INSTANCES), action }
}

fn sync(number: usize) -> Action {
    Action::Sync { caller: Caller::One, key: 0, correlation: number, attempts: 2 }
}

fn event(rng: &mut Rng) -> Action {
    Action::Event { key: 0, action: lifecycle_action(rng) }
}

/// Mostly no response, so that a run of `redeliver` comes before the next attempt.
fn fault_of_claim(rng: &mut Rng) -> Fault {
    match rng.u8(..8) {
        0..=3 => Fault::HangsAfter,
        4 => Fault::ResponseLost,
        5 => Fault::CrashAfter,
        _ => fault_after_claim(rng),
    }
}

fn fault_after_claim(rng: &mut Rng) -> Fault {
    match rng.u8(..12) {
        0..=2 => Fault::ResponseLost,
        3 => Fault::HangsAfter,
        4..=7 => Fault::Late(rng.u64(1..=5000)),
        8 => Fault::FailedAfter,
        9 => Fault::Hangs,
        10 => Fault::CrashBefore,
        _ => Fault::CrashAfter,
    }
}
