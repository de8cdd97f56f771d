//! Delivery of notifications.

use std::collections::{BTreeMap, BTreeSet};

use super::{Guarantee, Violation};
use crate::history::{Callback, History, Outcome, Snapshot};

/// G2: in every snapshot, each associated service has received the last claim, or is in the outbox
/// with a due time. Once all faults are removed and redelivery has run, the outbox is empty.
pub(super) fn nothing_lost(history: &History) -> Vec<Violation> {
    let mut violations = Vec::new();
    for reading in history.snapshots() {
        let Snapshot { key, at, item, notified, settled } = reading;
        let mut violation = |description: String| {
            violations
                .push(Guarantee::NothingLost.violated(format!("k{key} at {at}: {description}: {item}")));
        };
        if !item.pending.is_empty() && item.due_at.is_none() {
            violation("a service is pending without a due time".to_owned());
        }
        if *settled && (!item.pending.is_empty() || item.due_at.is_some()) {
            violation("the outbox is not empty after all faults were removed".to_owned());
        }
        for service in associated(history, reading) {
            let last = notified.get(&service).map_or(0, |last| last.sequence);
            let opted_out = history.callbacks().any(|callback| {
                (callback.key, callback.sequence, &callback.service) == (*key, item.sequence, &service)
                    && callback.behaviour.contains("410")
            });
            if last < item.sequence && !item.pending.contains(&service) && !opted_out {
                violation(format!(
                    "{service} was never notified of {}: its last notification is {last}",
                    item.sequence
                ));
            }
        }
    }
    violations
}

/// The services that were certainly associated with the key at its last claim: those of the last
/// snapshot before the claim without the ones that deregistered since.
fn associated(history: &History, reading: &Snapshot) -> BTreeSet<String> {
    let earlier = |other: &&Snapshot| other.key == reading.key && other.at.tick < reading.at.tick;
    let before =
        history.snapshots().filter(earlier).filter(|other| other.item.sequence < reading.item.sequence);
    let Some(before) = before.max_by_key(|other| other.at.tick) else { return BTreeSet::new() };
    let left: BTreeSet<_> = history
        .registrations()
        .filter(|change| !change.registered && change.key == reading.key)
        .filter(|change| change.span.ended.tick > before.at.tick && change.span.began.tick < reading.at.tick)
        .map(|change| &change.service)
        .collect();
    before.item.services.iter().filter(|service| !left.contains(service)).cloned().collect()
}

/// G5: no service has acted on a newer notification than the table's, or on another state with the
/// same sequence. The table has the state of the last lifecycle action.
pub(super) fn newest_state(history: &History) -> Vec<Violation> {
    let mut violations = Vec::new();
    for Snapshot { key, at, item, notified, .. } in history.snapshots() {
        let mut violation = |description: String| {
            violations.push(Guarantee::NewestStateWins.violated(format!("k{key} at {at}: {description}")));
        };
        for (service, last) in notified {
            if last.sequence > item.sequence {
                violation(format!(
                    "{service} acted on {}, but the newest is {}",
                    last.sequence, item.sequence
                ));
            }
            let same = (last.state, &last.version) == (item.state, &item.version);
            if last.sequence == item.sequence && !same {
                violation(format!("{service} acted on state {} ({}): {item}", last.state, last.version));
            }
        }
        let actions: Vec<_> = history
            .lifecycles()
            .filter(|action| action.key == *key && action.result != Outcome::Rejected)
            .filter(|action| action.span.began.tick < at.tick)
            .collect();
        // If actions overlap, or it is unknown whether one was recorded, the last action is
        // unknown.
        let last = actions.iter().max_by_key(|action| action.span.ended.tick);
        if let Some(last) = last.filter(|last| {
            let others = actions.iter().filter(|other| !std::ptr::eq(**other, **last));
            last.result == Outcome::Recorded
                && last.span.ended.tick < at.tick
                && others.into_iter().all(|other| other.span.ended.tick < last.span.began.tick)
        }) && last.state != item.state
        {
            violation(format!("the last action was `{}` (state {}): {item}", last.action, last.state));
        }
    }
    violations
}

/// A sequence number identifies one claim and state, and an event id one service of that claim.
pub(super) fn consistent_callbacks(history: &History) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut violation =
        |description: String| violations.push(Guarantee::ConsistentCallbacks.violated(description));
    let mut states: BTreeMap<(usize, u64), &Callback> = BTreeMap::new();
    let mut ids: BTreeMap<&str, &Callback> = BTreeMap::new();
    let mut ids_by_service: BTreeMap<(usize, u64, &str), &str> = BTreeMap::new();
    for callback in history.callbacks() {
        let Callback { service, key, event_id, sequence, state, version, action, verdict, .. } = callback;
        let first = states.entry((*key, *sequence)).or_insert(callback);
        if (first.state, &first.version, &first.action) != (*state, version, action) {
            violation(format!(
                "k{key} sequence {sequence} was delivered as `{}` (state {}) and as `{action}` (state {state})",
                first.action, first.state
            ));
        }
        if claim(&first.event_id) != claim(event_id) {
            violation(format!(
                "k{key} sequence {sequence} belongs to two claims: {} and {event_id}",
                first.event_id
            ));
        }
        let first = ids.entry(event_id).or_insert(callback);
        if (first.key, first.sequence, &first.service) != (*key, *sequence, service) {
            violation(format!("event {event_id} has two keys, sequences or services"));
        }
        let first = ids_by_service.entry((*key, *sequence, service)).or_insert(event_id);
        if first != event_id {
            violation(format!(
                "k{key} sequence {sequence} was delivered to {service} as {first} and as {event_id}"
            ));
        }
        if event_id.rsplit('_').next() != Some(service) {
            violation(format!("{service} received an event for another service: {event_id}"));
        }
        if verdict.contains("Rejected") {
            violation(format!("{service} rejected {event_id}: {verdict}"));
        }
    }
    violations
}

/// The claim in an event id, which has the form `<key>_<claim>_<service>`.
fn claim(event_id: &str) -> Option<&str> {
    event_id.split('_').nth(1)
}
