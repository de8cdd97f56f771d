//! What a seed decides: who does what to which key, what fails, who dies when, and how long it all takes.
//!
//! Pure: the same seed and kind make the same plan. Nothing that happens changes it.

use std::time::Duration;

use fastrand::Rng;
use keysync::domain::LifecycleAction;

use crate::weather::{Severity, Weather};

/// How many services there are in the harness.
pub(crate) const SERVICES: usize = 2;
/// How many resources of a service a key may protect.
pub(crate) const RESOURCES: usize = 2;
/// The most callers that a round has.
pub(crate) const CALLERS: usize = 4;

/// How the functions run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// In this process, on a clock that stands still while something happens.
    InProcess,
    /// The real binaries, which can be killed.
    Real,
}

/// A round.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) kind: Kind,
    /// For each key, the resources that it protects from the start: (service, resource).
    pub(crate) keys: Vec<Vec<(usize, usize)>>,
    pub(crate) phases: Vec<Phase>,
}

/// What happens at once; then it is quiet, and later.
#[derive(Clone, Debug)]
pub(crate) struct Phase {
    pub(crate) weather: Weather,
    pub(crate) deeds: Vec<Deed>,
    pub(crate) kills: Vec<Kill>,
    pub(crate) travel: Duration,
}

/// What somebody does.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    /// A caller synchronizes a key, and asks again with the same correlation id where no answer says what
    /// became of it, as the public Go client does.
    Sync { caller: usize, key: usize, correlation: usize, tries: u32 },
    /// A lifecycle action over the endpoint, which may refuse it.
    Act { key: usize, action: LifecycleAction },
    /// Several actions whose events come in any order, some twice: the bus promises no more. The seed
    /// decides which, from the state that the key is in by then.
    Muddle { key: usize, seed: u64 },
    /// Events of long ago come once more.
    Repeat { seed: u64 },
    /// A resource is registered, or is no longer.
    Register { key: usize, service: usize, resource: usize, registered: bool },
    /// A run of redelivery.
    Redeliver,
}

/// Whose processes die.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Whom {
    Sync,
    Lifecycle,
    Redeliver,
}

/// A death by SIGKILL; in process, where nothing can be killed, the caller hangs up, which ends what the
/// function does at the same point.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kill {
    pub(crate) whom: Whom,
    pub(crate) when: When,
}

/// The point of death, counted from the start of the phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// A call to DynamoDB has been sent and has not arrived.
    BeforeCall(usize),
    /// It was applied, and the answer has not arrived.
    AfterCall(usize),
    /// A callback has arrived at a service.
    Callback { service: usize, nth: usize },
}

impl Plan {
    pub(crate) fn of(seed: u64, kind: Kind) -> Self {
        let mut rng = Rng::with_seed(seed);
        let keys = (0..rng.usize(2..=4)).map(|_| registrations(&mut rng)).collect::<Vec<_>>();
        let callers = rng.usize(2..=CALLERS);
        // 410 ends deliveries for good, so most rounds have none.
        let gone = rng.u8(..8) == 0;
        let mut correlations = Correlations { keys: keys.len(), used: Vec::new() };
        let phases = (0..rng.usize(2..=4))
            .map(|_| phase(&mut rng, kind, (keys.len(), callers), gone, &mut correlations))
            .collect();
        Self { seed, kind, keys, phases }
    }
}

/// Most keys protect something of each service, some nothing.
fn registrations(rng: &mut Rng) -> Vec<(usize, usize)> {
    let all = (0..SERVICES).flat_map(|service| (0..RESOURCES).map(move |resource| (service, resource)));
    all.filter(|_| rng.u8(..3) > 0).collect()
}

/// Which correlation ids were used by whom for what, so that a request can be repeated.
struct Correlations {
    keys: usize,
    used: Vec<(usize, usize)>,
}

impl Correlations {
    /// A new request, or now and then one that was made before.
    fn sync(&mut self, rng: &mut Rng, callers: usize) -> Deed {
        let tries = rng.u32(1..=4);
        if !self.used.is_empty() && rng.u8(..5) == 0 {
            let correlation = rng.usize(..self.used.len());
            let (caller, key) = self.used[correlation];
            return Deed::Sync { caller, key, correlation, tries };
        }
        let (caller, key) = (rng.usize(..callers), rng.usize(..self.keys));
        self.used.push((caller, key));
        Deed::Sync { caller, key, correlation: self.used.len() - 1, tries }
    }
}

fn phase(
    rng: &mut Rng,
    kind: Kind,
    (keys, callers): (usize, usize),
    gone: bool,
    correlations: &mut Correlations,
) -> Phase {
    let severity = [Severity::Calm, Severity::Mild, Severity::Mild, Severity::Rough][rng.usize(..4)];
    let mut deeds = Vec::new();
    for _ in 0..rng.usize(2..=6) {
        deeds.push(correlations.sync(rng, callers));
    }
    for key in 0..keys {
        match rng.u8(..8) {
            0..=2 => deeds.extend((0..rng.usize(1..=2)).map(|_| Deed::Act { key, action: action(rng) })),
            // A key's events are made up from the state that it is in: nobody else may change that.
            3 => deeds.push(Deed::Muddle { key, seed: rng.u64(..) }),
            _ => {}
        }
        if rng.u8(..4) == 0 {
            let (service, resource) = (rng.usize(..SERVICES), rng.usize(..RESOURCES));
            deeds.push(Deed::Register { key, service, resource, registered: rng.bool() });
        }
    }
    if rng.u8(..3) == 0 {
        deeds.push(Deed::Repeat { seed: rng.u64(..) });
    }
    for _ in 0..rng.usize(0..=3) {
        deeds.push(Deed::Redeliver);
    }
    rng.shuffle(&mut deeds);
    let kills = (0..rng.usize(0..=2)).filter_map(|_| kill(rng, kind)).collect();
    let weather = Weather { severity, gone, seed: rng.u64(..) };
    Phase { weather, deeds, kills, travel: advance_clock(rng) }
}

fn action(rng: &mut Rng) -> LifecycleAction {
    use LifecycleAction::{Delete, Disable, Enable, Restore, Rotate};
    [Rotate, Disable, Enable, Delete, Restore][rng.usize(..5)]
}

fn kill(rng: &mut Rng, kind: Kind) -> Option<Kill> {
    let whom = [Whom::Sync, Whom::Redeliver, Whom::Lifecycle][rng.usize(..3)];
    let when = match rng.u8(..3) {
        0 => When::BeforeCall(rng.usize(1..=8)),
        1 => When::AfterCall(rng.usize(1..=8)),
        _ => When::Callback { service: rng.usize(..SERVICES), nth: rng.usize(1..=4) },
    };
    // The queue waits for `lifecycle` as long as it takes: in process nobody can hang up on it.
    (kind == Kind::Real || whom != Whom::Lifecycle).then_some(Kill { whom, when })
}

/// Instants that matter: inside and at the end of a repeated request's ten minutes, of a lease and of the
/// window, to the millisecond.
fn advance_clock(rng: &mut Rng) -> Duration {
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
    fn a_seed_always_makes_the_same_plan() {
        for seed in 0..50 {
            for kind in [Kind::InProcess, Kind::Real] {
                assert_eq!(format!("{:?}", Plan::of(seed, kind)), format!("{:?}", Plan::of(seed, kind)));
            }
        }
        assert_ne!(format!("{:?}", Plan::of(1, Kind::Real)), format!("{:?}", Plan::of(2, Kind::Real)));
    }
}
