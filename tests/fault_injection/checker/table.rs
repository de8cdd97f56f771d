//! Writes to the table and the size of its items.

use super::{Guarantee, Violation};
use crate::history::{History, Outcome, Snapshot, Span};

/// Maximum size of an item with two services, in bytes.
const MAX_ITEM_BYTES: usize = 4_096;

/// G6, G8: only claims increase the sequence and write the item, and `notified_at` never decreases.
pub(super) fn only_claims_write(history: &History) -> Vec<Violation> {
    let mut violations = Vec::new();
    let snapshots: Vec<_> = history.snapshots().collect();
    for (n, before) in snapshots.iter().enumerate() {
        let Some(after) = snapshots[n + 1..].iter().find(|after| after.key == before.key) else { continue };
        let mut violation = |description: String| {
            let description =
                format!("k{}: {description}\n    {}\n    {}", before.key, before.item, after.item);
            violations.push(Guarantee::OnlyClaimsWrite.violated(description));
        };
        if after.item.sequence < before.item.sequence || after.item.notified_at < before.item.notified_at {
            violation("the sequence or `notified_at` decreased".to_owned());
            continue;
        }
        let grown = after.item.sequence - before.item.sequence;
        let most = claims_between(history, before, after);
        if grown > most {
            violation(format!("the sequence increased by {grown}, but at most {most} claim(s) are possible"));
        }
        let same =
            (before.item.notified_at, &before.item.claim) == (after.item.notified_at, &after.item.claim);
        if grown == 0 && !same {
            violation("the claim changed without a new sequence".to_owned());
        }
    }
    violations
}

fn claims_between(history: &History, before: &Snapshot, after: &Snapshot) -> u64 {
    let within = |span: Span| span.overlaps(Span { began: before.at, ended: after.at });
    let actions: Vec<_> = history
        .lifecycles()
        .filter(|it| it.key == before.key && it.result != Outcome::Rejected && within(it.span))
        .collect();
    let syncs = history
        .syncs()
        .filter(|sync| sync.key == before.key && within(sync.span) && history.may_have_claimed(sync))
        .count();
    (syncs + actions.len()) as u64
}

/// G7: an outbox contains only services that were associated at some time, and retries of those
/// only.
pub(super) fn bounded(history: &History) -> Vec<Violation> {
    let mut violations = Vec::new();
    for Snapshot { key, at, item, .. } in history.snapshots() {
        let mut violation = |description: &str| {
            let description = format!("k{key} at {at}: {description}: {item}");
            violations.push(Guarantee::BoundedOutbox.violated(description));
        };
        let was_associated = |service: &String| {
            history.snapshots().any(|other| other.key == *key && other.item.services.contains(service))
                || history.registrations().any(|it| it.key == *key && it.service == *service && it.registered)
        };
        if !item.pending.iter().all(was_associated) {
            violation("a pending service was never associated");
        }
        if !item.retries.is_subset(&item.pending) {
            violation("a retried service is not pending");
        }
        if item.bytes > MAX_ITEM_BYTES {
            violation("the item exceeds its maximum size");
        }
    }
    violations
}
