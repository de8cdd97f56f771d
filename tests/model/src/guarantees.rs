//! The guarantees G1–G10 as properties that the checker evaluates in every state.
//!
//! G2 and G7 are properties of a single state. The others concern a transition: it compares both
//! states with the history, and records a violation as a bit.

#![allow(missing_docs, reason = "each guarantee's name is its description")]

use stateright::Property;

use crate::{
    bounds::{Bounds, Explore},
    liveness,
    protocol::Protocol,
    state::{CALLERS, NEVER, ProcessId, State, Step, Violations},
};

pub const G1: &str = "G1 one winner: two syncs never close the same window";
pub const G2_OUTBOX: &str = "G2 nothing lost: a service that is not notified is pending, and the item is due";
pub const G2_QUIESCENT: &str = "G2 nothing lost: at quiescence every service has the newest notification";
pub const G2_LIVENESS: &str = "G2 nothing lost: without further faults every service is eventually notified";
pub const G2_REPLAY: &str = "G2 nothing lost: no confirmation drops a service that was replayed";
pub const G3: &str = "G3 no false 409: no request is rejected because of its own claim";
pub const G4: &str = "G4 no false 204: every 204 has a durable claim";
pub const G5_OUTBOX: &str = "G5 newest wins: no confirmation touches a newer outbox";
pub const G5_RECEIVER: &str = "G5 newest wins: no receiver goes back to an older state";
pub const G5_FACTS: &str = "G5 newest wins: no event undoes a newer one";
pub const G6: &str = "G6 rejected requests change nothing";
pub const G7: &str = "G7 bounded: the outbox holds only pending services, and attempts are limited";
pub const G8_APART: &str = "G8 clocks: two syncs are at least a window minus the skew apart";
pub const G8_FORWARD: &str = "G8 clocks: notified_at never goes back";
pub const G9_QUIESCENT: &str = "G9 no silence: at quiescence every service has acknowledged or is reported";
pub const G9_DEFERRED: &str =
    "G9 no silence: no confirmation defers the deadline of what is not acknowledged";
pub const G9_ONCE: &str = "G9 no silence: nothing is reported again after its check is recorded";
pub const G10: &str = "G10 isolation: no request or event of another account changes a key";

impl Violations {
    pub(crate) const G1: u16 = 1;
    pub(crate) const G3: u16 = 1 << 1;
    pub(crate) const G4: u16 = 1 << 2;
    pub(crate) const G5_OUTBOX: u16 = 1 << 3;
    pub(crate) const G5_RECEIVER: u16 = 1 << 4;
    pub(crate) const G5_FACTS: u16 = 1 << 5;
    pub(crate) const G6: u16 = 1 << 6;
    pub(crate) const G7: u16 = 1 << 7;
    pub(crate) const G8_APART: u16 = 1 << 8;
    pub(crate) const G8_FORWARD: u16 = 1 << 9;
    pub(crate) const G10: u16 = 1 << 10;
    pub(crate) const G9_ONCE: u16 = 1 << 11;
    pub(crate) const G2_REPLAY: u16 = 1 << 12;
    pub(crate) const G9_DEFERRED: u16 = 1 << 13;

    /// Records a violation of `guarantee` if `is_violated`.
    pub(crate) fn record_if(&mut self, guarantee: u16, is_violated: bool) {
        if is_violated {
            self.0 |= guarantee;
        }
    }

    fn keeps(self, guarantee: u16) -> bool {
        self.0 & guarantee == 0
    }
}

/// The guarantees, and reachability properties that show that they are not vacuous.
pub(crate) fn properties(model: &Protocol) -> Vec<Property<Protocol>> {
    let mut properties = vec![
        Property::always(G1, holds::<{ Violations::G1 }>),
        Property::always(G2_OUTBOX, unnotified_service_is_pending),
        Property::always(G2_QUIESCENT, |model, state| !is_quiescent(state) || all_notified(model, state)),
        Property::always(G2_LIVENESS, liveness::reaches_quiescence),
        Property::always(G2_REPLAY, holds::<{ Violations::G2_REPLAY }>),
        Property::always(G3, holds::<{ Violations::G3 }>),
        Property::always(G4, holds::<{ Violations::G4 }>),
        Property::always(G5_OUTBOX, holds::<{ Violations::G5_OUTBOX }>),
        Property::always(G5_RECEIVER, holds::<{ Violations::G5_RECEIVER }>),
        Property::always(G5_FACTS, holds::<{ Violations::G5_FACTS }>),
        Property::always(G6, holds::<{ Violations::G6 }>),
        Property::always(G7, is_bounded),
        Property::always(G8_APART, holds::<{ Violations::G8_APART }>),
        Property::always(G8_FORWARD, holds::<{ Violations::G8_FORWARD }>),
        Property::always(G9_QUIESCENT, |model, state| !is_quiescent(state) || all_answered(model, state)),
        Property::always(G9_DEFERRED, holds::<{ Violations::G9_DEFERRED }>),
        Property::always(G9_ONCE, holds::<{ Violations::G9_ONCE }>),
        Property::always(G10, holds::<{ Violations::G10 }>),
    ];
    properties.extend(possibilities(&model.bounds));
    properties
}

/// States that must be reachable within these bounds. Like the guarantees, these must not depend on
/// the identity of a process.
fn possibilities(bounds: &Bounds) -> Vec<Property<Protocol>> {
    let mut possible = vec![Property::sometimes("the protocol reaches quiescence", |_, state: &State| {
        state.items[0].sequence > 0 && is_quiescent(state)
    })];
    if bounds.callers > 0 {
        possible.push(Property::sometimes(
            "a retry after a lost response finds its own claim",
            |_, state: &State| ProcessId::all().any(|pid| has_lost_response(state, pid, true)),
        ));
    }
    if bounds.callers > 1 && bounds.keys == 1 {
        possible.push(Property::sometimes("a second sync wins", |_, state: &State| {
            let callers = &state.processes[..CALLERS];
            let one_done = callers.iter().any(|caller| caller.step == Step::Done);
            one_done && callers.iter().any(|caller| caller.is_working()) && state.items[0].event == 0
        }));
    }
    if bounds.explore != Explore::Reduced {
        possible.push(Property::sometimes("a slow process loses its lease", |_, state: &State| {
            ProcessId::all().any(|pid| has_lost_lease(state, pid))
        }));
    }
    if bounds.explore != Explore::Reduced && bounds.callers + usize::from(bounds.events) > 1 {
        possible.push(Property::sometimes(
            "a retry after a lost response finds a newer claim",
            |_, state: &State| ProcessId::all().any(|pid| has_lost_response(state, pid, false)),
        ));
    }
    if bounds.has_deadline() {
        possible.push(Property::sometimes("a service is overdue", |_, state: &State| {
            state.history[0].reported != 0 && is_quiescent(state)
        }));
        possible.push(Property::sometimes("a service acknowledges in time", |_, state: &State| {
            state.items[0].checked && state.history[0].reported == 0
        }));
    }
    possible
}

fn holds<const GUARANTEE: u16>(_: &Protocol, state: &State) -> bool {
    state.violations.keeps(GUARANTEE)
}

fn unnotified_service_is_pending(model: &Protocol, state: &State) -> bool {
    (0..model.bounds.keys).all(|key| {
        let item = &state.items[key];
        (0..model.bounds.services).all(|service| {
            let entry = item.outbox[service];
            let notified = state.receivers[key][service].last_sequence >= item.sequence;
            notified || entry.exhausted || (entry.pending && item.due_at.is_some())
        })
    })
}

/// Whether no process has work to finish and no item is or becomes due. New requests and events
/// remain possible, and callbacks in flight may still be lost.
pub(crate) fn is_quiescent(state: &State) -> bool {
    !state.processes.iter().any(|process| process.is_working() && process.step != Step::HasRead)
        && state.items.iter().all(|item| item.due_at.is_none())
}

pub(crate) fn all_notified(model: &Protocol, state: &State) -> bool {
    (0..model.bounds.keys).all(|key| {
        let item = &state.items[key];
        (0..model.bounds.services).all(|service| {
            item.outbox[service].exhausted || state.receivers[key][service].last_sequence == item.sequence
        })
    })
}

/// Whether every service has acknowledged the last notification, is reported, or is reported
/// elsewhere because its retries are exhausted.
fn all_answered(model: &Protocol, state: &State) -> bool {
    let notified = (0..model.bounds.keys).filter(|&key| state.items[key].sequence > 0);
    !model.bounds.has_deadline()
        || notified.into_iter().all(|key| {
            let item = &state.items[key];
            let answered = item.acknowledged | state.history[key].reported;
            (0..model.bounds.services)
                .all(|service| answered & 1 << service != 0 || item.outbox[service].exhausted)
        })
}

/// Whether `due_at` is set exactly while a service is pending or the deadline is not checked, which
/// keeps the index sparse, and the number of attempts is limited. Transitions check that `retries`
/// contains only pending services.
fn is_bounded(model: &Protocol, state: &State) -> bool {
    state.violations.keeps(Violations::G7)
        && state.items.iter().all(|item| {
            let pending = item.outbox.iter().any(|entry| entry.pending);
            let is_older_unchecked = item.older.iter().any(|at| *at != NEVER);
            let unchecked =
                model.bounds.has_deadline() && item.sequence > 0 && (!item.checked || is_older_unchecked);
            (pending || unchecked) == item.due_at.is_some()
                && item.outbox.iter().all(|entry| entry.attempts <= model.bounds.most_attempts())
        })
}

fn has_lost_response(state: &State, pid: ProcessId, own_claim: bool) -> bool {
    let process = state.process(pid);
    let is_newest = process.sequence == state.items[process.key()].sequence;
    process.step == Step::ResponseLost && is_newest == own_claim
}

fn has_lost_lease(state: &State, pid: ProcessId) -> bool {
    let process = state.process(pid);
    process.step == Step::Delivering && state.items[process.key()].lease != Some(pid)
}
