//! Rounds of any steps, in any order and at any times.

use fastrand::Rng;

use super::{
    Acknowledgement, Action, Caller, Faults, Function, HOUR, INSTANCES, MINUTE, Parts, RESOURCES, SECOND,
    SERVICES, Step, lifecycle_action, registrations,
};

/// How close the steps of a round are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    /// Days.
    Days,
    /// Seconds, with one key and with clocks a minute apart: leases end early, and requests that
    /// are late meet newer notifications.
    Crowded,
}

/// Steps of all kinds.
pub(super) fn plan(rng: &mut Rng) -> Parts {
    let pace = if rng.u8(..3) == 0 { Pace::Crowded } else { Pace::Days };
    let most_keys = if pace == Pace::Crowded { 1 } else { 2 };
    let keys: Vec<_> = (0..rng.usize(1..=most_keys)).map(|_| registrations(rng)).collect();
    let clocks = std::array::from_fn(|_| std::array::from_fn(|_| clock(rng, pace)));
    let worst = [Faults::None, Faults::Some, Faults::Many, Faults::Many][rng.usize(..4)];
    let mut correlations = Vec::new();
    let (mut at, mut steps) = (0, Vec::new());
    for id in 0..rng.usize(3..=14) {
        at += pause(rng, pace);
        let faults = if rng.bool() { worst } else { Faults::None };
        let action = action(rng, keys.len(), pace, &mut correlations);
        steps.push(Step { id, at, faults, instance: rng.usize(..INSTANCES), action });
    }
    (keys, clocks, steps)
}

/// Most clocks agree; some are a little ahead or behind, few a minute. In a crowded round, most are
/// a minute apart.
fn clock(rng: &mut Rng, pace: Pace) -> i64 {
    match rng.u8(..10) {
        _ if pace == Pace::Crowded => [-60_000, 0, 60_000][rng.usize(..3)],
        0..=5 => 0,
        6..=8 => rng.i64(-2000..=2000),
        _ => [-60_000, 60_000][rng.usize(..2)],
    }
}

/// The time between two steps: often so short that they overlap, else around the protocol's limits.
fn pause(rng: &mut Rng, pace: Pace) -> u64 {
    let edge = |limit: u64, rng: &mut Rng| limit + rng.u64(0..=2) - 1;
    if pace == Pace::Crowded && rng.u8(..8) > 0 {
        return if rng.u8(..4) > 0 { rng.u64(0..2000) } else { rng.u64(0..32 * SECOND) };
    }
    match rng.u8(..24) {
        0..=9 => rng.u64(0..60),
        10..=13 => rng.u64(60..5000),
        14 => edge(31 * SECOND, rng),
        15 => rng.u64(SECOND..3 * MINUTE),
        16 => edge(10 * MINUTE, rng),
        17..=19 => edge(HOUR, rng),
        20 => rng.u64(MINUTE..2 * HOUR),
        21 => edge(4 * HOUR, rng),
        22 => edge(24 * HOUR, rng),
        _ => rng.u64(HOUR..30 * HOUR),
    }
}

fn action(rng: &mut Rng, keys: usize, pace: Pace, correlations: &mut Vec<(Caller, usize)>) -> Action {
    let key = rng.usize(..keys);
    let kind = if pace == Pace::Crowded && rng.bool() { rng.u8(8..21) } else { rng.u8(..33) };
    match kind {
        0..=9 => sync(rng, key, correlations),
        10..=15 => Action::Event { key, action: lifecycle_action(rng) },
        16..=20 => Action::Redeliver,
        21..=22 => Action::Crash {
            function: [Function::Sync, Function::Lifecycle, Function::Redeliver][rng.usize(..3)],
        },
        23..=24 => Action::Register {
            key,
            service: rng.usize(..SERVICES.len()),
            resource: rng.usize(..RESOURCES),
            registered: rng.bool(),
        },
        25..=26 => Action::Acknowledge {
            key,
            service: rng.usize(..SERVICES.len()),
            kind: Acknowledgement {
                nth: [0, 0, 0, 0, 1, 2][rng.usize(..6)],
                contradicts: rng.u8(..3) == 0,
                minutes_ago: [0, 0, 0, 1, 4, 4][rng.usize(..6)],
                resource: [None, Some(0), Some(1)][rng.usize(..3)],
            },
        },
        27..=28 => Action::Outage {
            service: rng.usize(..SERVICES.len()),
            lasts: if rng.bool() { rng.u64(..26 * HOUR) } else { rng.u64(..2 * MINUTE) },
        },
        29 => Action::Republish { nth: rng.usize(..16) },
        30 => Action::ForeignEvent { key },
        31 => Action::Pause {
            service: rng.usize(..SERVICES.len()),
            lasts: if rng.bool() { rng.u64(..30 * HOUR) } else { rng.u64(..10 * MINUTE) },
        },
        _ if rng.bool() => Action::Purge { key },
        _ => Action::Redeliver,
    }
}

fn sync(rng: &mut Rng, key: usize, correlations: &mut Vec<(Caller, usize)>) -> Action {
    let attempts = rng.u64(1..=3);
    if !correlations.is_empty() && rng.u8(..4) == 0 {
        let correlation = rng.usize(..correlations.len());
        let (caller, key) = correlations[correlation];
        // Another caller may use the same correlation ID.
        let caller = if rng.u8(..6) == 0 { Caller::Two } else { caller };
        return Action::Sync { caller, key, correlation, attempts };
    }
    let caller = match rng.u8(..12) {
        0 => Caller::Reader,
        1 => Caller::Foreign,
        2..=4 => Caller::Two,
        _ => Caller::One,
    };
    correlations.push((caller, key));
    Action::Sync { caller, key, correlation: correlations.len() - 1, attempts }
}
