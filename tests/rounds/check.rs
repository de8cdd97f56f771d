//! The checker: a pure function from a history to what was wrong in it.
//!
//! It says only what is certain. Of two claims of which it is known that each was made somewhere within a
//! span of time, it says that they were less than an hour apart only if they were so wherever in their
//! spans they were; and it says that a 409 was wrong only if nothing whatever can have closed the window.

mod delivery;
mod table;
#[cfg(test)]
mod tests;
mod window;

use std::fmt;

use crate::history::{Answer, Entry, History};

/// What must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// The promise that was broken.
    pub(crate) of: Promise,
    /// How, in plain words.
    pub(crate) how: String,
}

/// What the contract and the design promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Promise {
    OneAcceptedInTheWindow,
    ALifecycleActionClosesTheWindow,
    No204WithoutAClaim,
    NoFalse409,
    OnlyKnownAnswers,
    NothingLost,
    TheNewestStateWins,
    CallbacksAreConsistent,
    OnlyClaimsWrite,
    Bounded,
    NoDefect,
}

/// Everything that was wrong.
pub(crate) fn check(history: &History) -> Vec<Violation> {
    let checks = [
        window::one_accepted,
        window::lifecycle_closes,
        window::claims_behind_accepted,
        window::explained_conflicts,
        known_answers,
        delivery::nothing_lost,
        delivery::newest_state,
        delivery::consistent_callbacks,
        table::only_claims_write,
        table::bounded,
        no_defects,
    ];
    checks.iter().flat_map(|check| check(history)).collect()
}

fn known_answers(history: &History) -> Vec<Violation> {
    let is_known = |answer: &Answer| match answer {
        Answer::Status(204 | 502, _) | Answer::None => true,
        Answer::Status(409, code) => code == "REQ_TOO_EARLY_ERR",
        Answer::Status(429, code) => code == "TOO_MANY_REQUESTS_ERR",
        Answer::Status(503, code) => code == "SERVICE_UNAVAILABLE_ERR",
        Answer::Status(..) => false,
    };
    let strange = history
        .syncs()
        .filter(|sync| !is_known(&sync.answer))
        .map(|sync| Promise::OnlyKnownAnswers.broken(format!("a sync was answered so: {}", shown(sync))));
    let refused = history.syncs().filter(|sync| sync.calm && !sync.accepted()).map(|sync| {
        let how = format!("nothing failed, the window was open, and yet: {}", shown(sync));
        Promise::OnlyKnownAnswers.broken(how)
    });
    strange.chain(refused).collect()
}

fn no_defects(history: &History) -> Vec<Violation> {
    let defects = history.entries.iter().filter_map(|entry| match entry {
        Entry::Defect(_, text) => Some(Promise::NoDefect.broken(text.clone())),
        _ => None,
    });
    let dead = history.dead_letters.iter().map(|reason| {
        Promise::NoDefect.broken(format!("a good event went to the dead-letter queue: {reason}"))
    });
    defects.chain(dead).collect()
}

impl Promise {
    fn broken(self, how: String) -> Violation {
        Violation { of: self, how }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.of, self.how)
    }
}

/// An entry as the history prints it.
fn shown(sync: &crate::history::Sync) -> String {
    Entry::Sync(sync.clone()).to_string()
}
