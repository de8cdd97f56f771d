//! Rules for runs of `redeliver`: what a run may not leave to a later one.

use super::{DEADLINE, GRACE, HOUR, RETRY_PERIOD};
use crate::{invocation::Invocation, item::Item, plan::SERVICES, world::State};

/// A key that a run has to lease, because it is due and a time is over.
#[derive(Debug)]
pub(crate) struct ToLease {
    key: usize,
    due_at: u64,
    /// The guarantee that it violates otherwise, and how.
    otherwise: (&'static str, &'static str),
}

/// The keys that a run which begins now has to lease.
pub(crate) fn to_lease(by: &Invocation) -> Vec<ToLease> {
    let (state, clock) = (by.world.state(), by.clock());
    let items = state.keys.iter().map(|key| key.items[by.replica()].as_ref()).enumerate();
    let found = items.filter_map(|(key, item)| {
        let (item, due_at) = (item?, item?.due_at.filter(|due_at| *due_at <= clock)?);
        let otherwise = if awaits_check(item, due_at, clock) {
            ("G9", "a run did not check a deadline that is over")
        } else if is_exhausted(&state, item, clock) {
            ("G7", "a run did not end retries of 24 hours")
        } else {
            return None;
        };
        Some(ToLease { key, due_at, otherwise })
    });
    found.collect()
}

/// Whether a deadline is over. That of an older notification is checked once the key has been due
/// for an hour.
fn awaits_check(item: &Item, due_at: u64, clock: u64) -> bool {
    let mut over = item.owed().map(|(_, notified)| notified.at).filter(|at| at + DEADLINE + GRACE < clock);
    over.any(|at| {
        let is_last = item.notified_at == Some(at);
        due_at + HOUR <= clock || (is_last && due_at <= at + DEADLINE + GRACE)
    })
}

/// Whether the retries of all services end, none of which was paused.
fn is_exhausted(state: &State, item: &Item, clock: u64) -> bool {
    let is_over = item.notified_at.is_some_and(|at| at + RETRY_PERIOD <= clock);
    let was_paused = |name: &String| {
        let mut services = SERVICES.iter().zip(&state.services);
        services.any(|(of, service)| of == name && !service.pauses.is_empty())
    };
    is_over && !item.pending.is_empty() && !item.pending.keys().any(was_paused)
}

/// A run has ended, and has leased these keys.
pub(crate) fn after_run(by: &Invocation, to_lease: &[ToLease]) {
    let is_alone = by.is_alone(&by.world.state());
    if !is_alone || !by.is_faultless() {
        return;
    }
    for ToLease { key, due_at, otherwise: (guarantee, description) } in to_lease {
        let item = by.world.state().keys[*key].items[by.replica()].clone();
        if item.is_some_and(|item| item.due_at == Some(*due_at)) {
            by.world.violated(guarantee, format!("k{key}: {description}, by {by}"));
        }
    }
}
