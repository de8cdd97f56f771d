//! What the table holds.

use super::{Promise, Violation};
use crate::history::{History, Reading, Span, Taken};

/// What an item may weigh, in bytes. It holds two services' places, whatever happens.
const HEAVIEST: usize = 4_096;

/// G6, G8: the sequence grows with claims and with nothing else, and time does not go back.
pub(super) fn only_claims_write(history: &History) -> Vec<Violation> {
    let mut violations = Vec::new();
    let readings: Vec<_> = history.readings().collect();
    for (n, before) in readings.iter().enumerate() {
        let Some(after) = readings[n + 1..].iter().find(|after| after.key == before.key) else { continue };
        let mut broken = |how: String| {
            let how = format!("k{}: {how}\n    {}\n    {}", before.key, before.item, after.item);
            violations.push(Promise::OnlyClaimsWrite.broken(how));
        };
        if after.item.sequence < before.item.sequence || after.item.notified_at < before.item.notified_at {
            broken("the sequence or the last notification went back".to_owned());
            continue;
        }
        let grown = after.item.sequence - before.item.sequence;
        let most = claims_between(history, before, after);
        if grown > most {
            broken(format!("the sequence grew by {grown}, and at most {most} claim(s) can have been made"));
        }
        let same =
            (before.item.notified_at, &before.item.claim) == (after.item.notified_at, &after.item.claim);
        if grown == 0 && !same {
            broken("another claim stands there under the same sequence".to_owned());
        }
    }
    violations
}

fn claims_between(history: &History, before: &Reading, after: &Reading) -> u64 {
    let within = |span: Span| span.overlaps(Span { began: before.at, ended: after.at });
    let actions: Vec<_> = history
        .lifecycles()
        .filter(|it| it.key == before.key && it.result != Taken::Refused && within(it.span))
        .collect();
    let syncs = history
        .syncs()
        .filter(|sync| sync.key == before.key && within(sync.span) && history.may_have_claimed(sync))
        .count();
    (syncs + actions.len()) as u64
}

/// G7: an outbox holds services that were associated once, and its own retries.
pub(super) fn bounded(history: &History) -> Vec<Violation> {
    let mut violations = Vec::new();
    for Reading { key, at, item, .. } in history.readings() {
        let mut broken =
            |how: &str| violations.push(Promise::Bounded.broken(format!("k{key} at {at}: {how}: {item}")));
        let ever = |service: &String| {
            history.readings().any(|other| other.key == *key && other.item.services.contains(service))
                || history.registrations().any(|it| it.key == *key && it.service == *service && it.registered)
        };
        if !item.pending.iter().all(ever) {
            broken("a service is pending that was never associated");
        }
        if !item.retries.is_subset(&item.pending) {
            broken("what is retried is not pending");
        }
        if item.bytes > HEAVIEST {
            broken("the item is too large");
        }
    }
    violations
}
