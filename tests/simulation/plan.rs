//! The plan of a round: who does what when, decided by the seed alone.
//!
//! Each step has random numbers of its own (`Plan::rng`), so that a step behaves alike when others
//! are removed: the shrinker depends on it.

use fastrand::Rng;
use keysync::{domain::LifecycleAction, ledger::DynamoDbClient};

use crate::{regions::Regions, rules::SHARDS, subset::Subset};

/// The instances of each function.
pub(crate) const INSTANCES: usize = 2;
/// The associated services.
pub(crate) const SERVICES: [&str; 3] =
    ["cloud-object-storage", "databases-for-postgresql", "secrets-manager"];
/// The services that acknowledge their notifications.
pub(crate) const ACKNOWLEDGING: [&str; 2] = [SERVICES[0], SERVICES[2]];
/// Resources of each service that can be registered with a key.
pub(crate) const RESOURCES: usize = 2;

/// Of this many seeds, one uses the SDK alone, and the others the thin client for first attempts.
const SDK_ROUNDS: u64 = 4;
/// Of this many seeds, one has keys in all shards. A run of `redeliver` takes 3 queries per shard,
/// and most of a round would be queries of empty ones.
const ALL_SHARDS_ROUNDS: u64 = 8;

const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;

/// The number, in place of a step's, of the setup and of the end of a round.
pub(crate) const OUTSIDE: usize = usize::MAX;

/// The plan of one round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) regions: Regions,
    /// The shards of the due index that the keys are in and that `redeliver` reads.
    pub(crate) shards: u128,
    /// The client of claims and confirmations.
    pub(crate) client: DynamoDbClient,
    /// For each key, the registrations at the start, as (service, resource).
    pub(crate) keys: Vec<Vec<(usize, usize)>>,
    /// How far the clock of each instance is ahead, in ms: `sync`, `lifecycle`, `redeliver`.
    pub(crate) clocks: [[i64; INSTANCES]; 3],
    pub(crate) steps: Vec<Step>,
}

/// A step, at a time in ms after the setup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) id: usize,
    pub(crate) at: u64,
    pub(crate) faults: Faults,
    /// The instance of the function that serves the step at first.
    pub(crate) instance: usize,
    pub(crate) action: Action,
}

/// How close the steps of a round are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    /// Days.
    Days,
    /// Seconds, with one key and with clocks a minute apart: leases end early, and requests that
    /// are late meet newer notifications.
    Crowded,
}

/// How often the calls of a step fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Faults {
    None,
    Some,
    Many,
}

/// A function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Function {
    Sync,
    Lifecycle,
    Redeliver,
}

/// A caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// A Writer of the account.
    One,
    /// A Manager of the account.
    Two,
    /// A Reader of the account: denied.
    Reader,
    /// A Writer of another account. IAM permits every action there.
    Foreign,
}

/// An acknowledgement by a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Acknowledgement {
    /// The number of the notification, from 0 for the newest one.
    pub(crate) nth: usize,
    /// Whether it says the opposite of the key's state.
    pub(crate) contradicts: bool,
    /// How long ago the service acted.
    pub(crate) minutes_ago: u64,
    /// The resource that it names.
    pub(crate) resource: Option<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// A sync, repeated with the same correlation id while its outcome is unknown.
    Sync {
        caller: Caller,
        key: usize,
        correlation: usize,
        attempts: u64,
    },
    /// A lifecycle action, published as an event.
    Event {
        key: usize,
        action: LifecycleAction,
    },
    /// A lifecycle event of another account about this key.
    ForeignEvent {
        key: usize,
    },
    Purge {
        key: usize,
    },
    /// The start or end of a registration, published as an event.
    Register {
        key: usize,
        service: usize,
        resource: usize,
        registered: bool,
    },
    /// A service acknowledges a notification that it has.
    Acknowledge {
        key: usize,
        service: usize,
        kind: Acknowledgement,
    },
    /// One run of `redeliver`.
    Redeliver,
    /// An earlier event arrives again.
    Republish {
        nth: usize,
    },
    /// An instance of a function ends, with everything that it does.
    Crash {
        function: Function,
    },
    /// A service fails all callbacks for this time, in ms.
    Outage {
        service: usize,
        lasts: u64,
    },
    /// The operator pauses a service for this time, in ms.
    Pause {
        service: usize,
        lasts: u64,
    },
}

impl Plan {
    /// The plan of a seed.
    pub(crate) fn of(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let pace = if rng.u8(..3) == 0 { Pace::Crowded } else { Pace::Days };
        let most_keys = if pace == Pace::Crowded { 1 } else { 2 };
        let keys: Vec<_> = (0..rng.usize(1..=most_keys)).map(|_| registrations(&mut rng)).collect();
        let clocks = std::array::from_fn(|_| std::array::from_fn(|_| clock(&mut rng, pace)));
        let worst = [Faults::None, Faults::Some, Faults::Many, Faults::Many][rng.usize(..4)];
        let mut correlations = Vec::new();
        let (mut at, mut steps) = (0, Vec::new());
        for id in 0..rng.usize(3..=14) {
            at += pause(&mut rng, pace);
            let faults = if rng.bool() { worst } else { Faults::None };
            let action = action(&mut rng, keys.len(), pace, &mut correlations);
            steps.push(Step { id, at, faults, instance: rng.usize(..INSTANCES), action });
        }
        let client = if seed.is_multiple_of(SDK_ROUNDS) { DynamoDbClient::Sdk } else { DynamoDbClient::Thin };
        let shards = if seed.is_multiple_of(ALL_SHARDS_ROUNDS) { SHARDS } else { 1 };
        Self { seed, regions: Regions::One, shards, client, keys, clocks, steps }
    }

    /// The random numbers of a step; those of the setup and the end are those of [`OUTSIDE`].
    pub(crate) fn rng(&self, step: usize, attempt: u64) -> Rng {
        let mixed =
            (step as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ attempt.wrapping_mul(0xD1B5_4A32_D192_ED03);
        Rng::with_seed(self.seed.wrapping_mul(0xA076_1D64_78BD_642F) ^ mixed)
    }

    /// The largest difference between two clocks, true time included.
    pub(crate) fn clock_difference(&self) -> u64 {
        let clocks = || self.clocks.iter().flatten().copied().chain([0]);
        clocks().max().unwrap_or(0).abs_diff(clocks().min().unwrap_or(0))
    }

    /// Whether no call fails.
    pub(crate) fn is_faultless(&self) -> bool {
        self.steps.iter().all(|step| step.faults == Faults::None)
    }

    /// The part of the plan that `subset` names.
    pub(crate) fn part(&self, subset: &Subset) -> Self {
        let mut part = self.clone();
        part.steps.retain(|step| subset.steps.iter().any(|(id, _)| *id == step.id));
        for step in &mut part.steps {
            if subset.steps.contains(&(step.id, false)) {
                step.faults = Faults::None;
            }
        }
        if !subset.clocks {
            part.clocks = Default::default();
        }
        part
    }
}

fn registrations(rng: &mut Rng) -> Vec<(usize, usize)> {
    let all = (0..SERVICES.len()).flat_map(|service| (0..RESOURCES).map(move |resource| (service, resource)));
    all.filter(|_| rng.u8(..3) == 0).collect()
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

fn lifecycle_action(rng: &mut Rng) -> LifecycleAction {
    use LifecycleAction::{Delete, Disable, Enable, Restore, Rotate};
    [Rotate, Disable, Enable, Delete, Restore][rng.usize(..5)]
}
