//! The plan of a round: who does what when, decided by the seed alone.
//!
//! Each step has random numbers of its own (`Plan::rng`), so that a step behaves alike when others
//! are removed: the shrinker depends on it.

mod anything;
mod deadlines;
mod retries;
mod takeovers;

use fastrand::Rng;
use keysync::{domain::LifecycleAction, ledger::DynamoDbClient};

use crate::{invocation::Fault, regions::Regions, rules::SHARDS, subset::Subset};

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
/// Of this many seeds, one has a takeover, one a deadline, and one the retries of a day.
const KINDS: u64 = 5;
const TAKEOVER: u64 = 1;
const DEADLINE: u64 = 3;
const RETRIES: u64 = 4;
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
    pub(crate) clocks: Clocks,
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

/// How often the calls of a step fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Faults {
    None,
    Some,
    Many,
    /// One write of its first invocation has a fault.
    Planned(PlannedFault),
}

/// A fault of one write, in a place that random faults rarely hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PlannedFault {
    /// The number of the write, from 0.
    pub(crate) write: u64,
    pub(crate) fault: Fault,
    /// The time that each callback takes, in ms.
    pub(crate) callbacks: u64,
}

impl Faults {
    /// The faults of an invocation: a planned fault happens in the first one of a step.
    pub(crate) fn of_attempt(self, attempt: u64) -> Self {
        match self {
            Self::Planned(_) if attempt > 0 => Self::None,
            faults => faults,
        }
    }
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
    /// An event of another account about this key.
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
    /// A service acknowledges the newest notification, although it was not to get it.
    AcknowledgeUnasked {
        key: usize,
        service: usize,
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
    /// A service refuses all notifications (410) for this time, in ms.
    Rejection {
        service: usize,
        lasts: u64,
    },
    /// The operator pauses a service for this time, in ms.
    Pause {
        service: usize,
        lasts: u64,
    },
}

/// How far the clock of each instance is ahead, in ms: `sync`, `lifecycle`, `redeliver`.
pub(crate) type Clocks = [[i64; INSTANCES]; 3];

/// The registrations of each key at the start, the clocks and the steps.
type Parts = (Vec<Vec<(usize, usize)>>, Clocks, Vec<Step>);

impl Plan {
    /// The plan of a seed.
    pub(crate) fn of(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let (keys, clocks, steps) = match seed % KINDS {
            TAKEOVER => takeovers::plan(&mut rng),
            DEADLINE => deadlines::plan(&mut rng),
            RETRIES => retries::plan(&mut rng),
            _ => anything::plan(&mut rng),
        };
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

/// The registrations of a key at the start.
fn registrations(rng: &mut Rng) -> Vec<(usize, usize)> {
    let all = (0..SERVICES.len()).flat_map(|service| (0..RESOURCES).map(move |resource| (service, resource)));
    all.filter(|_| rng.u8(..3) == 0).collect()
}

fn lifecycle_action(rng: &mut Rng) -> LifecycleAction {
    use LifecycleAction::{Delete, Disable, Enable, Restore, Rotate};
    [Rotate, Disable, Enable, Delete, Restore][rng.usize(..5)]
}
