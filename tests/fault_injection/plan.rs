//! The plan of a round: actions on keys, faults, kills and clock advances, all decided by the seed.
//!
//! Planning is pure: the same seed and kind give the same plan, whatever happens in the round.

use std::time::Duration;

use fastrand::Rng;
use keysync::domain::LifecycleAction;

use crate::fault_schedule::{FaultSchedule, Severity};

/// Number of services in the harness.
pub(crate) const SERVICES: usize = 2;
/// Maximum number of resources of one service that a key protects.
pub(crate) const RESOURCES: usize = 2;
/// Maximum number of callers in a round.
pub(crate) const CALLERS: usize = 4;

/// Runtime of the functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// In this process, on a clock that only moves between phases.
    InProcess,
    /// The real binaries, whose processes can be killed.
    Real,
}

/// The plan of one round.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) kind: Kind,
    /// For each key, its initial registrations as (service, resource).
    pub(crate) keys: Vec<Vec<(usize, usize)>>,
    pub(crate) phases: Vec<Phase>,
}

/// Actions that run concurrently. The phase ends when no call is in flight and the clock is
/// advanced.
#[derive(Clone, Debug)]
pub(crate) struct Phase {
    pub(crate) faults: FaultSchedule,
    pub(crate) actions: Vec<Action>,
    pub(crate) kills: Vec<Kill>,
    pub(crate) advance_by: Duration,
}

/// One action of a caller, a service or the infrastructure.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// A sync, retried with the same correlation id while its outcome is unknown, as the public Go
    /// client does.
    Sync { caller: usize, key: usize, correlation: usize, attempts: u32 },
    /// A lifecycle action through the emulated KMS, which may reject it.
    Lifecycle { key: usize, action: LifecycleAction },
    /// Several lifecycle actions whose events arrive in any order, some of them twice, as the event
    /// bus permits. The seed and the key's state at that time decide which.
    Reorder { key: usize, seed: u64 },
    /// Redelivery of events that were published in earlier phases.
    Republish { seed: u64 },
    /// A registration is added or removed.
    Register { key: usize, service: usize, resource: usize, registered: bool },
    /// One redelivery run.
    Redeliver,
}

/// The function whose processes are killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    Sync,
    Lifecycle,
    Redeliver,
}

/// A kill by SIGKILL. In process, where nothing can be killed, the caller drops the connection
/// instead, which cancels the function at the same point.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kill {
    pub(crate) target: Target,
    pub(crate) point: KillPoint,
}

/// The point of a kill, counted from the start of the phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KillPoint {
    /// A DynamoDB call was sent and has not arrived.
    BeforeCall(usize),
    /// A DynamoDB call was applied, and its response has not arrived.
    AfterCall(usize),
    /// A callback arrived at a service.
    Callback { service: usize, nth: usize },
}

impl Plan {
    pub(crate) fn of(seed: u64, kind: Kind) -> Self {
        let mut rng = Rng::with_seed(seed);
        let keys = (0..rng.usize(2..=4)).map(|_| registrations(&mut rng)).collect::<Vec<_>>();
        let callers = rng.usize(2..=CALLERS);
        // A 410 ends deliveries to the service permanently, so most rounds have none.
        let gone = rng.u8(..8) == 0;
        let mut correlations = Correlations { keys: keys.len(), used: Vec::new() };
        let phases = (0..rng.usize(2..=4))
            .map(|_| phase(&mut rng, kind, (keys.len(), callers), gone, &mut correlations))
            .collect();
        Self { seed, kind, keys, phases }
    }
}

/// Random initial registrations of a key, possibly none.
fn registrations(rng: &mut Rng) -> Vec<(usize, usize)> {
    let all = (0..SERVICES).flat_map(|service| (0..RESOURCES).map(move |resource| (service, resource)));
    all.filter(|_| rng.u8(..3) > 0).collect()
}

/// The caller and key of every correlation id so far, so that a request can be repeated.
struct Correlations {
    keys: usize,
    used: Vec<(usize, usize)>,
}

impl Correlations {
    /// A new request, or with a probability of 1/5 an earlier one again.
    fn sync(&mut self, rng: &mut Rng, callers: usize) -> Action {
        let attempts = rng.u32(1..=4);
        if !self.used.is_empty() && rng.u8(..5) == 0 {
            let correlation = rng.usize(..self.used.len());
            let (caller, key) = self.used[correlation];
            return Action::Sync { caller, key, correlation, attempts };
        }
        let (caller, key) = (rng.usize(..callers), rng.usize(..self.keys));
        self.used.push((caller, key));
        Action::Sync { caller, key, correlation: self.used.len() - 1, attempts }
    }
}

fn phase(
    rng: &mut Rng,
    kind: Kind,
    (keys, callers): (usize, usize),
    gone: bool,
    correlations: &mut Correlations,
) -> Phase {
    let severity = [Severity::None, Severity::Mild, Severity::Mild, Severity::Severe][rng.usize(..4)];
    let mut actions = Vec::new();
    for _ in 0..rng.usize(2..=6) {
        actions.push(correlations.sync(rng, callers));
    }
    for key in 0..keys {
        match rng.u8(..8) {
            0..=2 => {
                actions.extend((0..rng.usize(1..=2)).map(|_| Action::Lifecycle { key, action: action(rng) }));
            }
            // The events are generated from the key's current state, so no other action may change
            // it meanwhile.
            3 => actions.push(Action::Reorder { key, seed: rng.u64(..) }),
            _ => {}
        }
        if rng.u8(..4) == 0 {
            let (service, resource) = (rng.usize(..SERVICES), rng.usize(..RESOURCES));
            actions.push(Action::Register { key, service, resource, registered: rng.bool() });
        }
    }
    if rng.u8(..3) == 0 {
        actions.push(Action::Republish { seed: rng.u64(..) });
    }
    for _ in 0..rng.usize(0..=3) {
        actions.push(Action::Redeliver);
    }
    rng.shuffle(&mut actions);
    let kills = (0..rng.usize(0..=2)).filter_map(|_| kill(rng, kind)).collect();
    let faults = FaultSchedule { severity, gone, seed: rng.u64(..) };
    Phase { faults, actions, kills, advance_by: clock_advance(rng) }
}

fn action(rng: &mut Rng) -> LifecycleAction {
    use LifecycleAction::{Delete, Disable, Enable, Restore, Rotate};
    [Rotate, Disable, Enable, Delete, Restore][rng.usize(..5)]
}

fn kill(rng: &mut Rng, kind: Kind) -> Option<Kill> {
    let target = [Target::Sync, Target::Redeliver, Target::Lifecycle][rng.usize(..3)];
    let point = match rng.u8(..3) {
        0 => KillPoint::BeforeCall(rng.usize(1..=8)),
        1 => KillPoint::AfterCall(rng.usize(1..=8)),
        _ => KillPoint::Callback { service: rng.usize(..SERVICES), nth: rng.usize(1..=4) },
    };
    // The queue waits for `lifecycle` without a timeout, so in process nothing drops its
    // connection.
    (kind == Kind::Real || target != Target::Lifecycle).then_some(Kill { target, point })
}

/// A clock advance around the protocol's limits, exact to the millisecond: the ten minutes of an
/// idempotent replay, the lease, and the window.
fn clock_advance(rng: &mut Rng) -> Duration {
    const MILLI: Duration = Duration::from_millis(1);
    let (replay, window) = (Duration::from_mins(10), Duration::from_hours(1));
    match rng.u8(..10) {
        0 => Duration::ZERO,
        1 => Duration::from_secs(31),
        2 => replay,
        3 => replay + MILLI,
        4 => window,
        5 | 6 => window + MILLI,
        7 => Duration::from_mins(rng.u64(1..60)),
        _ => Duration::from_mins(rng.u64(60..120)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_gives_same_plan() {
        for seed in 0..50 {
            for kind in [Kind::InProcess, Kind::Real] {
                assert_eq!(format!("{:?}", Plan::of(seed, kind)), format!("{:?}", Plan::of(seed, kind)));
            }
        }
        assert_ne!(format!("{:?}", Plan::of(1, Kind::Real)), format!("{:?}", Plan::of(2, Kind::Real)));
    }
}
