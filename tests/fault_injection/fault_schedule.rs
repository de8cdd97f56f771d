//! The faults of a phase, call by call. Each proxy and each service has its own random number
//! generator, so the fault of a call depends only on its number at that proxy or service.

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

/// The faults of a phase.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FaultSchedule {
    pub(crate) severity: Severity,
    /// Whether services may respond with 410.
    pub(crate) gone: bool,
    pub(crate) seed: u64,
}

/// How frequent faults are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    /// No faults.
    None,
    /// Some: the SDK's retries mostly succeed.
    Mild,
    /// So many that all attempts of some calls fail.
    Severe,
}

/// Number of callbacks of a phase, per service, with a scheduled behaviour; later ones are acted
/// on.
const CALLBACKS: usize = 40;

impl FaultSchedule {
    /// Injects faults into the calls through `proxy`, which has index `number`. The proxy holds the
    /// calls in `holds` and sends each one's number among all calls it has held since its start.
    pub(crate) fn inject_into_proxy(
        self,
        number: u64,
        proxy: &Proxy,
        held: &Arc<AtomicUsize>,
        mut holds: Holds,
    ) {
        let mut rng = Rng::with_seed(self.seed.wrapping_mul(3).wrapping_add(number));
        let held = held.clone();
        let mut calls = 0;
        proxy.inject_with(move |_| {
            calls += 1;
            // Drawn even if the call is held, so that a hold does not change the faults of later
            // calls.
            let fault = self.severity.affects_call(&mut rng).then(|| fault(&mut rng));
            let Some((stop, reached)) = holds.remove(&calls) else { return fault };
            // The receiver is dropped once the phase is over.
            let _ = reached.send(held.fetch_add(1, Ordering::Relaxed) + 1);
            Some(stop)
        });
    }

    /// The behaviours of service `number` for its next callbacks. Redirects lead to `redirect_url`.
    pub(crate) fn service_behaviours(self, number: u64, redirect_url: &str) -> Vec<Behaviour> {
        let mut rng = Rng::with_seed(self.seed.wrapping_mul(5).wrapping_add(number));
        (0..CALLBACKS)
            .map(|_| {
                if self.severity.affects_callback(&mut rng) {
                    behaviour(&mut rng, self.gone, redirect_url)
                } else {
                    Behaviour::Act
                }
            })
            .collect()
    }
}

/// The calls that a proxy holds, by number, each with the channel that signals it.
pub(crate) type Holds = BTreeMap<usize, (Fault, oneshot::Sender<usize>)>;

impl Severity {
    fn affects_call(self, rng: &mut Rng) -> bool {
        rng.u8(..100) < [0, 12, 35][self as usize]
    }

    fn affects_callback(self, rng: &mut Rng) -> bool {
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
        // Longer than the timeout of one attempt (`ledger/mod.rs`).
        26 => Fault::Delay(Duration::from_millis(1_600)),
        _ => Fault::Delay(Duration::from_millis(rng.u64(1..20))),
    }
}

fn behaviour(rng: &mut Rng, gone: bool, redirect_url: &str) -> Behaviour {
    match rng.u8(..if gone { 20 } else { 17 }) {
        0 | 1 => Behaviour::Reset,
        2..=4 => Behaviour::ActThenReset,
        5 | 6 => Behaviour::TruncateBody,
        7 => Behaviour::Respond { status: 429, retry_after: Some(rng.u64(1..7_200)) },
        8 | 9 => Behaviour::respond(503),
        10 => Behaviour::respond(500),
        11 => Behaviour::respond(400),
        12 => Behaviour::Redirect { to: redirect_url.to_owned() },
        13 => Behaviour::Hang,
        14..=16 => Behaviour::Delay { millis: rng.u64(1..30) },
        _ => Behaviour::respond(410),
    }
}

/// A fault's name in the summary.
pub(crate) fn fault_name(fault: Fault) -> &'static str {
    match fault {
        Fault::LoseResponse => "response lost",
        Fault::Cut => "cut",
        Fault::Fail => "500",
        Fault::FailAfter => "500 after applying",
        Fault::Throttle => "throttled",
        Fault::Conflict => "write conflict",
        Fault::ApplyLate(_) => "applied late",
        Fault::Delay(by) if by > Duration::from_secs(1) => "delayed past the timeout",
        Fault::Delay(_) => "delayed",
        Fault::HoldRequest => "held before",
        Fault::HoldResponse => "held after",
        _ => "another fault",
    }
}

/// A behaviour's name in the summary, or `None` for one that is not a fault.
pub(crate) fn behaviour_name(behaviour: &Behaviour) -> Option<&'static str> {
    Some(match behaviour {
        Behaviour::Act => return None,
        Behaviour::AckWithoutActing => "acknowledged without acting",
        Behaviour::Respond { status: 410, .. } => "410",
        Behaviour::Respond { status: 429, .. } => "429 with retry-after",
        Behaviour::Respond { status: 500.., .. } => "5xx",
        Behaviour::Respond { .. } => "4xx",
        Behaviour::Redirect { .. } => "redirect",
        Behaviour::Delay { .. } => "delayed",
        Behaviour::Hang => "hang",
        Behaviour::Reset => "reset",
        Behaviour::TruncateBody => "truncated body",
        Behaviour::ActThenReset => "acted and reset",
        Behaviour::Flaky { .. } => "flaky",
        _ => "another behaviour",
    })
}

/// The kinds of DynamoDB faults that a long run must include.
pub(crate) const FAULTS: [&str; 10] = [
    "response lost",
    "cut",
    "500",
    "500 after applying",
    "throttled",
    "applied late",
    "delayed past the timeout",
    "delayed",
    "held before",
    "held after",
];

/// The service behaviours that a long run must include.
pub(crate) const BEHAVIOURS: [&str; 10] = [
    "410",
    "429 with retry-after",
    "5xx",
    "4xx",
    "redirect",
    "delayed",
    "hang",
    "reset",
    "truncated body",
    "acted and reset",
];
