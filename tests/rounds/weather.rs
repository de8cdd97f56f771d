//! What fails, call by call: decided by a random number generator of its own for each proxy and each
//! service, so that a call's fate hangs on its number there and on nothing else.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use fastrand::Rng;
use keysync_testkit::{
    dynamodb::{Fault, Proxy},
    services::Behaviour,
};
use tokio::sync::oneshot;

/// How a phase's faults come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weather {
    pub(crate) severity: Severity,
    /// Whether services may answer 410.
    pub(crate) gone: bool,
    pub(crate) seed: u64,
}

/// How many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    /// None.
    Calm,
    /// Some: the SDK's own tries mostly get through.
    Mild,
    /// So many that calls fail altogether.
    Rough,
}

/// Callbacks of a phase whose fate is decided; those after them are acted on.
const CALLBACKS: usize = 40;

impl Weather {
    /// Makes the calls through `proxy`, which is the `number`th, fail. At the calls in `holds` it stops,
    /// and says which hold since the start of the proxy that was.
    pub(crate) fn over_dynamo(self, number: u64, proxy: &Proxy, held: &Arc<AtomicUsize>, mut holds: Holds) {
        let mut rng = Rng::with_seed(self.seed.wrapping_mul(3).wrapping_add(number));
        let held = held.clone();
        let mut calls = 0;
        proxy.inject_with(move |_| {
            calls += 1;
            // Drawn in any case, so that a hold changes nothing for the calls after it.
            let fault = self.severity.strikes(&mut rng).then(|| fault(&mut rng));
            let Some((stop, reached)) = holds.remove(&calls) else { return fault };
            // Nobody listens any more where the phase is over.
            let _ = reached.send(held.fetch_add(1, Ordering::Relaxed) + 1);
            Some(stop)
        });
    }

    /// How the service treats its callbacks one after the other. `elsewhere` is where it redirects to.
    pub(crate) fn over_service(self, number: u64, elsewhere: &str) -> Vec<Behaviour> {
        let mut rng = Rng::with_seed(self.seed.wrapping_mul(5).wrapping_add(number));
        (0..CALLBACKS)
            .map(|_| {
                if self.severity.strikes_services(&mut rng) {
                    behaviour(&mut rng, self.gone, elsewhere)
                } else {
                    Behaviour::Act
                }
            })
            .collect()
    }
}

/// Calls, by their number, at which a proxy stops, and whom it tells.
pub(crate) type Holds = BTreeMap<usize, (Fault, oneshot::Sender<usize>)>;

impl Severity {
    fn strikes(self, rng: &mut Rng) -> bool {
        rng.u8(..100) < [0, 12, 35][self as usize]
    }

    fn strikes_services(self, rng: &mut Rng) -> bool {
        rng.u8(..100) < [0, 30, 60][self as usize]
    }
}

fn fault(rng: &mut Rng) -> Fault {
    match rng.u8(..32) {
        0..=6 => Fault::LoseResponse,
        7..=11 => Fault::Cut,
        12..=15 => Fault::Fail,
        16..=19 => Fault::FailAfter,
        20 => Fault::Throttle,
        21 => Fault::Conflict,
        22..=25 => Fault::ApplyLate(Duration::from_millis(rng.u64(1..200))),
        // Longer than a try may take (`ledger/mod.rs`).
        26 => Fault::Delay(Duration::from_millis(1_600)),
        _ => Fault::Delay(Duration::from_millis(rng.u64(1..20))),
    }
}

fn behaviour(rng: &mut Rng, gone: bool, elsewhere: &str) -> Behaviour {
    match rng.u8(..if gone { 20 } else { 17 }) {
        0 | 1 => Behaviour::Reset,
        2..=4 => Behaviour::ActThenReset,
        5 | 6 => Behaviour::TruncateBody,
        7 => Behaviour::Respond { status: 429, retry_after: Some(rng.u64(1..7_200)) },
        8 | 9 => Behaviour::respond(503),
        10 => Behaviour::respond(500),
        11 => Behaviour::respond(400),
        12 => Behaviour::Redirect { to: elsewhere.to_owned() },
        13 => Behaviour::Hang,
        14..=16 => Behaviour::Delay { millis: rng.u64(1..30) },
        _ => Behaviour::respond(410),
    }
}

/// What a fault is called in the summary.
pub(crate) fn fault_name(fault: Fault) -> &'static str {
    match fault {
        Fault::LoseResponse => "answer lost",
        Fault::Cut => "cut",
        Fault::Fail => "500",
        Fault::FailAfter => "500 after applying",
        Fault::Throttle => "throttled",
        Fault::Conflict => "write conflict",
        Fault::ApplyLate(_) => "applied late",
        Fault::Delay(by) if by > Duration::from_secs(1) => "delayed past the time-out",
        Fault::Delay(_) => "delayed",
        Fault::HoldRequest => "held before",
        Fault::HoldResponse => "held after",
        _ => "another fault",
    }
}

/// What a behaviour is called in the summary; `None` for one that is no fault.
pub(crate) fn behaviour_name(behaviour: &Behaviour) -> Option<&'static str> {
    Some(match behaviour {
        Behaviour::Act => return None,
        Behaviour::AckWithoutActing => "missed",
        Behaviour::Respond { status: 410, .. } => "410",
        Behaviour::Respond { status: 429, .. } => "429 with retry-after",
        Behaviour::Respond { status: 500.., .. } => "5xx",
        Behaviour::Respond { .. } => "4xx",
        Behaviour::Redirect { .. } => "redirect",
        Behaviour::Delay { .. } => "delayed",
        Behaviour::Hang => "hang",
        Behaviour::Reset => "reset",
        Behaviour::TruncateBody => "half a body",
        Behaviour::ActThenReset => "acted and reset",
        Behaviour::Flaky { .. } => "flaky",
        _ => "another behaviour",
    })
}

/// Every kind of fault of DynamoDB that a long run must have had.
pub(crate) const FAULTS: [&str; 10] = [
    "answer lost",
    "cut",
    "500",
    "500 after applying",
    "throttled",
    "applied late",
    "delayed past the time-out",
    "delayed",
    "held before",
    "held after",
];

/// Every behaviour of services that it must have had.
pub(crate) const BEHAVIOURS: [&str; 10] = [
    "410",
    "429 with retry-after",
    "5xx",
    "4xx",
    "redirect",
    "delayed",
    "hang",
    "reset",
    "half a body",
    "acted and reset",
];
