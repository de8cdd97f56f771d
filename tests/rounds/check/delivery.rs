//! What the services were told.

use std::collections::{BTreeMap, BTreeSet};

use super::{Promise, Violation};
use crate::history::{Callback, History, Reading, Taken};

/// G2: whenever nothing is going on, each service of the last claim was told of it, or it is in the outbox
/// and due. And once all is healed, the outbox is empty.
pub(super) fn nothing_lost(history: &History) -> Vec<Violation> {
    let mut violations = Vec::new();
    for reading in history.readings() {
        let Reading { key, at, item, told, settled } = reading;
        let mut broken = |how: String| {
            violations.push(Promise::NothingLost.broken(format!("k{key} at {at}: {how}: {item}")));
        };
        if !item.pending.is_empty() && item.due_at.is_none() {
            broken("something is pending, and never due".to_owned());
        }
        if *settled && (!item.pending.is_empty() || item.due_at.is_some()) {
            broken("all was healed, and yet the outbox is not empty".to_owned());
        }
        for service in associated(history, reading) {
            let knows = told.get(&service).map_or(0, |told| told.sequence);
            let wants_no_more = history.callbacks().any(|callback| {
                (callback.key, callback.sequence, &callback.service) == (*key, item.sequence, &service)
                    && callback.behaviour.contains("410")
            });
            if knows < item.sequence && !item.pending.contains(&service) && !wants_no_more {
                broken(format!("{service} was never told of {}: it knows of {knows}", item.sequence));
            }
        }
    }
    violations
}

/// The services that were certainly associated with the key when its last claim was made: they were so when
/// the table was last read before it, and have not left since.
fn associated(history: &History, reading: &Reading) -> BTreeSet<String> {
    let earlier = |other: &&Reading| other.key == reading.key && other.at.tick < reading.at.tick;
    let before =
        history.readings().filter(earlier).filter(|other| other.item.sequence < reading.item.sequence);
    let Some(before) = before.max_by_key(|other| other.at.tick) else { return BTreeSet::new() };
    let left: BTreeSet<_> = history
        .registrations()
        .filter(|change| !change.registered && change.key == reading.key)
        .filter(|change| change.span.ended.tick > before.at.tick && change.span.began.tick < reading.at.tick)
        .map(|change| &change.service)
        .collect();
    before.item.services.iter().filter(|service| !left.contains(service)).cloned().collect()
}

/// G5: what a service goes by is never newer than the table, nor another state than the table's; and the
/// table's is that of the last lifecycle action.
pub(super) fn newest_state(history: &History) -> Vec<Violation> {
    let mut violations = Vec::new();
    for Reading { key, at, item, told, .. } in history.readings() {
        let mut broken = |how: String| {
            violations.push(Promise::TheNewestStateWins.broken(format!("k{key} at {at}: {how}")));
        };
        for (service, told) in told {
            if told.sequence > item.sequence {
                broken(format!("{service} was told of {}, and the last is {}", told.sequence, item.sequence));
            }
            let same = (told.state, &told.version) == (item.state, &item.version);
            if told.sequence == item.sequence && !same {
                broken(format!("{service} goes by state {} ({}): {item}", told.state, told.version));
            }
        }
        let actions: Vec<_> = history
            .lifecycles()
            .filter(|action| action.key == *key && action.result != Taken::Refused)
            .filter(|action| action.span.began.tick < at.tick)
            .collect();
        // Where actions overlap, or nobody can say whether one was taken, the last one is not known.
        let last = actions.iter().max_by_key(|action| action.span.ended.tick);
        if let Some(last) = last.filter(|last| {
            let others = actions.iter().filter(|other| !std::ptr::eq(**other, **last));
            last.result == Taken::Surely
                && last.span.ended.tick < at.tick
                && others.into_iter().all(|other| other.span.ended.tick < last.span.began.tick)
        }) && last.state != item.state
        {
            broken(format!("the last action was `{}` (state {}): {item}", last.action, last.state));
        }
    }
    violations
}

/// A sequence number stands for one state, and an event id for one service's place in it.
pub(super) fn consistent_callbacks(history: &History) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut broken = |how: String| violations.push(Promise::CallbacksAreConsistent.broken(how));
    let mut said: BTreeMap<(usize, u64), &Callback> = BTreeMap::new();
    let mut ids: BTreeMap<&str, &Callback> = BTreeMap::new();
    let mut places: BTreeMap<(usize, u64, &str), &str> = BTreeMap::new();
    for callback in history.callbacks() {
        let Callback { service, key, event_id, sequence, state, version, action, verdict, .. } = callback;
        let first = said.entry((*key, *sequence)).or_insert(callback);
        if (first.state, &first.version, &first.action) != (*state, version, action) {
            broken(format!(
                "k{key} sequence {sequence} came as `{}` (state {}) and as `{action}` (state {state})",
                first.action, first.state
            ));
        }
        if claim(&first.event_id) != claim(event_id) {
            broken(format!("k{key} sequence {sequence} is of two claims: {} and {event_id}", first.event_id));
        }
        let first = ids.entry(event_id).or_insert(callback);
        if (first.key, first.sequence, &first.service) != (*key, *sequence, service) {
            broken(format!("event {event_id} came in two places"));
        }
        let first = places.entry((*key, *sequence, service)).or_insert(event_id);
        if first != event_id {
            broken(format!("k{key} sequence {sequence} came to {service} as {first} and as {event_id}"));
        }
        if !event_id.ends_with(service.as_str()) {
            broken(format!("{service} was told what was meant for another: {event_id}"));
        }
        if verdict.contains("Rejected") {
            broken(format!("{service} did not believe {event_id}: {verdict}"));
        }
    }
    violations
}

/// `<key>:<claim>:<service>`
fn claim(event_id: &str) -> Option<&str> {
    event_id.split(':').nth(1)
}
