//! The checker: a pure function from a history to the guarantees that it violates.
//!
//! It reports only certain violations. A claim is known to have been made within a time span, not
//! exactly when. Two claims count as less than an hour apart only if this is so for all possible
//! times in their spans, and a 409 counts as false only if nothing can have closed the window.

mod conformance;
mod delivery;
mod table;
#[cfg(test)]
mod tests;
mod window;

use std::fmt;

use crate::history::{Entry, History, Response};

/// A violated guarantee.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) guarantee: Guarantee,
    /// The observations that violate it.
    pub(crate) description: String,
}

/// The guarantees of the protocol, and of the test itself (`NoDefect`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Guarantee {
    OneSyncPerWindow,
    LifecycleActionClosesWindow,
    ClaimBehindEvery204,
    NoFalse409,
    KnownResponses,
    NothingLost,
    NewestStateWins,
    ConsistentCallbacks,
    OnlyClaimsWrite,
    BoundedOutbox,
    FollowsModel,
    NoDefect,
}

/// All violations in a history.
pub(crate) fn check(history: &History) -> Vec<Violation> {
    let checks = [
        window::one_accepted,
        window::lifecycle_closes,
        window::claims_behind_accepted,
        window::explained_conflicts,
        known_responses,
        delivery::nothing_lost,
        delivery::newest_state,
        delivery::consistent_callbacks,
        table::only_claims_write,
        table::bounded,
        conformance::follows_model,
        no_defects,
    ];
    checks.iter().flat_map(|check| check(history)).collect()
}

fn known_responses(history: &History) -> Vec<Violation> {
    let is_known = |response: &Response| match response {
        Response::Status(204 | 502, _) | Response::None => true,
        Response::Status(409, code) => code == "REQ_TOO_EARLY_ERR",
        Response::Status(429, code) => code == "TOO_MANY_REQUESTS_ERR",
        Response::Status(503, code) => code == "SERVICE_UNAVAILABLE_ERR",
        Response::Status(..) => false,
    };
    let unknown = history.syncs().filter(|sync| !is_known(&sync.response)).map(|sync| {
        Guarantee::KnownResponses.violated(format!("unexpected response to a sync: {}", formatted(sync)))
    });
    let failed = history.syncs().filter(|sync| sync.must_succeed && !sync.accepted()).map(|sync| {
        let description = format!("no faults and an open window, but the sync failed: {}", formatted(sync));
        Guarantee::KnownResponses.violated(description)
    });
    unknown.chain(failed).collect()
}

fn no_defects(history: &History) -> Vec<Violation> {
    let defects = history.entries.iter().filter_map(|entry| match entry {
        Entry::Defect(_, text) => Some(Guarantee::NoDefect.violated(text.clone())),
        _ => None,
    });
    let dead = history.dead_letters.iter().map(|reason| {
        Guarantee::NoDefect.violated(format!("a valid event was moved to the dead-letter queue: {reason}"))
    });
    defects.chain(dead).collect()
}

impl Guarantee {
    fn violated(self, description: String) -> Violation {
        Violation { guarantee: self, description }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.guarantee, self.description)
    }
}

/// A sync as the history prints it.
fn formatted(sync: &crate::history::Sync) -> String {
    Entry::Sync(sync.clone()).to_string()
}
