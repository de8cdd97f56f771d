//! The guarantees, as far as a log can decide them: `docs/reference/keysyncctl.md#check-log` lists
//! the rules.

mod deliveries;
mod ends;
mod responses;
mod window;

use keysync::domain::{EpochMillis, EventId, ServiceName};
use serde::Serialize;

use super::{
    Millis, Position,
    history::{Claim, History, KeyHistory},
};

/// What the rules found.
#[derive(Default)]
pub(super) struct Found {
    pub(super) violations: Vec<Finding>,
    /// What only a line that is missing would decide.
    pub(super) undecided: Vec<Finding>,
}

/// A line that contradicts a guarantee, or that cannot be decided.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) position: Position,
    pub(super) key: String,
    pub(super) guarantee: Guarantee,
    pub(super) message: String,
}

/// The guarantees of `docs/explanation/guarantees.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) enum Guarantee {
    G1,
    G2,
    G3,
    G4,
    G5,
    G7,
    G8,
    G9,
}

/// The rules of one key.
#[derive(Clone, Copy)]
struct Rules<'a> {
    history: &'a History,
    key: &'a str,
    of_key: &'a KeyHistory,
    /// The largest difference of two clocks.
    skew: Millis,
}

/// Checks each key.
pub(super) fn check(history: &History, skew: Millis) -> Found {
    let mut found = Found::default();
    for (key, of_key) in &history.keys {
        let rules = Rules { history, key, of_key, skew };
        rules.window(&mut found);
        rules.responses(&mut found);
        rules.deliveries(&mut found);
        rules.ends(&mut found);
    }
    for findings in [&mut found.violations, &mut found.undecided] {
        findings.sort_by(|a, b| a.position.cmp(&b.position));
    }
    found
}

impl<'a> Rules<'a> {
    fn finding(self, guarantee: Guarantee, position: &Position, message: String) -> Finding {
        Finding { position: position.clone(), key: self.key.to_owned(), guarantee, message }
    }

    /// The claim whose notification an event delivers.
    fn claim_of(self, event: &EventId) -> Option<&'a Claim> {
        self.of_key.claims.get(&event.claim.to_string())
    }

    /// Whether an operator replayed a claim to a service: its retries begin again.
    fn is_replayed_by_operator(self, event: &EventId) -> bool {
        self.of_key.operator_replays.contains(&(event.claim.to_string(), event.service.to_string()))
    }

    /// Whether a line between two instants says that a service is paused.
    fn is_paused(self, service: &ServiceName, from: Millis, to: Millis) -> bool {
        let pauses = self.history.pauses.get(&service.to_string()).into_iter().flatten();
        pauses.into_iter().any(|at| (from..=to).contains(at))
    }
}

/// An instant in a message.
pub(super) fn instant(at: Millis) -> EpochMillis {
    EpochMillis::new(u64::try_from(at).unwrap_or_default())
}

/// A duration in a message, in seconds with three decimals.
fn seconds(duration: Millis) -> String {
    format!("{}.{:03} s", duration / 1000, (duration % 1000).abs())
}
