//! Rounds about the retries of a day: a service is out or paused while `redeliver` runs, until
//! after the end of the retries. Some rounds have ten keys, because a circuit opens after four
//! failures in one run, which delivers four at first. Random steps rarely come at these moments.

use fastrand::Rng;

use super::{
    Acknowledgement, Action, Caller, Faults, HOUR, INSTANCES, MINUTE, Parts, SECOND, SERVICES, Step,
    lifecycle_action,
};

/// The time after which acknowledgements are checked.
const CHECK: u64 = 4 * HOUR + 5 * MINUTE;
/// The time after which retries end.
const RETRY_PERIOD: u64 = 24 * HOUR;

/// A notification of each key, of which one service gets none.
pub(super) fn plan(rng: &mut Rng) -> Parts {
    let service = rng.usize(..SERVICES.len());
    let keys: Vec<_> = (0..[1, 1, 2, 10][rng.usize(..4)]).map(|_| registrations(rng, service)).collect();
    let clocks = std::array::from_fn(|_| std::array::from_fn(|_| clock(rng)));
    let worst = [Faults::None, Faults::Some, Faults::Many][rng.usize(..3)];
    let step = |rng: &mut Rng, at: u64, action: Action| {
        let faults = if rng.u8(..4) == 0 { worst } else { Faults::None };
        Step { id: 0, at, faults, instance: rng.usize(..INSTANCES), action }
    };
    let mut steps = Vec::new();
    let first = interruption(rng, service);
    steps.push(step(rng, 0, first));
    for key in 0..keys.len() {
        let action = if rng.bool() {
            Action::Sync { caller: Caller::One, key, correlation: key, attempts: 2 }
        } else {
            Action::Event { key, action: lifecycle_action(rng) }
        };
        let at = rng.u64(1..2 * SECOND);
        steps.push(step(rng, at, action));
    }
    for _ in 0..rng.usize(3..=9) {
        let at = run_at(rng);
        steps.push(step(rng, at, Action::Redeliver));
    }
    for _ in 0..rng.usize(..=4) {
        let (at, action) = (rng.u64(..RETRY_PERIOD + HOUR), other(rng, keys.len(), service));
        steps.push(step(rng, at, action));
    }
    steps.sort_by_key(|step| step.at);
    for (id, step) in steps.iter_mut().enumerate() {
        step.id = id;
    }
    (keys, clocks, steps)
}

/// A resource of the service, and sometimes one of another.
fn registrations(rng: &mut Rng, service: usize) -> Vec<(usize, usize)> {
    let mut registered = vec![(service, 0)];
    if rng.u8(..3) == 0 {
        registered.push(((service + 1) % SERVICES.len(), 0));
    }
    registered
}

fn clock(rng: &mut Rng) -> i64 {
    if rng.u8(..4) == 0 { rng.i64(-2000..=2000) } else { 0 }
}

/// The time of a run of `redeliver`: after the deadline, near the end of the retries, or any other.
fn run_at(rng: &mut Rng) -> u64 {
    match rng.u8(..8) {
        0..=1 => CHECK + rng.u64(..10 * MINUTE),
        2 => rng.u64(MINUTE..RETRY_PERIOD),
        3 => RETRY_PERIOD - rng.u64(..HOUR),
        4..=5 => RETRY_PERIOD + rng.u64(..HOUR),
        _ => rng.u64(HOUR..30 * HOUR),
    }
}

/// The service is out or paused, often for longer than its retries.
fn interruption(rng: &mut Rng, service: usize) -> Action {
    let lasts = if rng.bool() { rng.u64(RETRY_PERIOD..30 * HOUR) } else { rng.u64(..RETRY_PERIOD) };
    if rng.u8(..3) == 0 { Action::Pause { service, lasts } } else { Action::Outage { service, lasts } }
}

fn other(rng: &mut Rng, keys: usize, service: usize) -> Action {
    let key = rng.usize(..keys);
    match rng.u8(..8) {
        0..=2 => interruption(rng, service),
        3..=4 => {
            Action::Register { key, service, resource: [0, 0, 0, 1][rng.usize(..4)], registered: rng.bool() }
        }
        5 => {
            let kind = Acknowledgement { nth: 0, contradicts: false, minutes_ago: 0, resource: None };
            Action::Acknowledge { key, service, kind }
        }
        6 => Action::AcknowledgeUnasked { key, service: (service + 2) % SERVICES.len() },
        _ => Action::Event { key, action: lifecycle_action(rng) },
    }
}
