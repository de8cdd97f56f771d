//! Rounds about one deadline: what services, callers and `redeliver` do in the hours before it and
//! in the minutes after it. Random steps rarely come at these moments.

use fastrand::Rng;

use super::{
    Acknowledgement, Action, Caller, Faults, HOUR, INSTANCES, MINUTE, Parts, RESOURCES, SERVICES, Step,
    lifecycle_action, registrations,
};

/// The time in which services must acknowledge, and the time until that is checked.
const DEADLINE: u64 = 4 * HOUR;
const CHECK: u64 = DEADLINE + 5 * MINUTE;

/// A notification, and what happens until its deadline is checked.
pub(super) fn plan(rng: &mut Rng) -> Parts {
    let mut registered = registrations(rng);
    registered.push(([0, 2][rng.usize(..2)], rng.usize(..RESOURCES)));
    registered.sort_unstable();
    registered.dedup();
    let clocks = std::array::from_fn(|_| std::array::from_fn(|_| clock(rng)));
    let worst = [Faults::None, Faults::Some, Faults::Many][rng.usize(..3)];
    let mut steps: Vec<_> = (0..rng.usize(3..=10)).map(|_| step(rng, worst)).collect();
    if rng.u8(..8) == 0 {
        let action = rejection(rng);
        steps.push(Step { at: 0, action, ..step(rng, worst) });
    }
    let claim = if rng.bool() { sync(0) } else { event(rng) };
    steps.push(Step { at: 1, action: claim, ..step(rng, worst) });
    steps.sort_by_key(|step| step.at);
    for (id, step) in steps.iter_mut().enumerate() {
        step.id = id;
    }
    (vec![registered], clocks, steps)
}

fn clock(rng: &mut Rng) -> i64 {
    if rng.u8(..4) == 0 { rng.i64(-2000..=2000) } else { 0 }
}

fn step(rng: &mut Rng, worst: Faults) -> Step {
    let faults = if rng.u8(..4) == 0 { worst } else { Faults::None };
    Step { id: 0, at: moment(rng), faults, instance: rng.usize(..INSTANCES), action: action(rng) }
}

/// A time after the notification.
fn moment(rng: &mut Rng) -> u64 {
    match rng.u8(..12) {
        0..=3 => rng.u64(MINUTE..DEADLINE),
        4..=5 => rng.u64(DEADLINE - 3 * MINUTE..DEADLINE),
        6..=7 => rng.u64(DEADLINE..CHECK),
        8 => DEADLINE + rng.u64(..200),
        9..=10 => rng.u64(CHECK..CHECK + 2 * MINUTE),
        _ => CHECK + rng.u64(..3),
    }
}

fn action(rng: &mut Rng) -> Action {
    match rng.u8(..20) {
        0..=8 => Action::Acknowledge {
            key: 0,
            service: rng.usize(..SERVICES.len()),
            kind: Acknowledgement {
                nth: [0, 0, 0, 1][rng.usize(..4)],
                contradicts: rng.u8(..3) == 0,
                minutes_ago: [0, 0, 1, 4][rng.usize(..4)],
                resource: [None, Some(0), Some(1)][rng.usize(..3)],
            },
        },
        9..=11 => Action::Redeliver,
        12 => rejection(rng),
        13 => sync(1),
        14 => event(rng),
        15..=16 => Action::Register {
            key: 0,
            service: rng.usize(..SERVICES.len()),
            resource: rng.usize(..RESOURCES),
            registered: rng.u8(..4) == 0,
        },
        17 => Action::Pause { service: rng.usize(..SERVICES.len()), lasts: rng.u64(..6 * HOUR) },
        18 => Action::Outage { service: rng.usize(..SERVICES.len()), lasts: rng.u64(..6 * HOUR) },
        _ => Action::Republish { nth: rng.usize(..16) },
    }
}

fn rejection(rng: &mut Rng) -> Action {
    Action::Rejection { service: rng.usize(..SERVICES.len()), lasts: rng.u64(..6 * HOUR) }
}

fn sync(correlation: usize) -> Action {
    Action::Sync { caller: Caller::One, key: 0, correlation, attempts: 2 }
}

fn event(rng: &mut Rng) -> Action {
    Action::Event { key: 0, action: lifecycle_action(rng) }
}
