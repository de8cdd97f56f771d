//! The comparison of an item of a trace with the model's.

use std::collections::BTreeMap;

use super::{Item, Millis, Request};
use crate::state::{ProcessId, State, Time};

/// What the checker knows beside the model's state.
pub(super) struct Expected<'a> {
    pub(super) now: Millis,
    pub(super) services: &'a [String],
    pub(super) holders: &'a BTreeMap<String, ProcessId>,
    pub(super) request: Option<&'a Request>,
    pub(super) sequences: u64,
    /// A time of the last notification so long ago that it affects nothing.
    pub(super) floor: Time,
}

/// The first attribute that differs, with both values.
pub(super) fn difference(state: &State, item: &Item, expected: &Expected<'_>) -> Option<String> {
    let model = &state.items[0];
    let ahead = |at: &Millis| Time::try_from(at - expected.now).unwrap_or(Time::MAX);
    let differs = |name: &str, model: &dyn std::fmt::Debug, table: &dyn std::fmt::Debug| {
        let (model, table) = (format!("{model:?}"), format!("{table:?}"));
        (model != table).then(|| format!("`{name}` is {table} in the table, {model} in the model"))
    };
    let is_notified = item.notified_at.is_some();
    let notified_at = item.notified_at.as_ref().map(ahead);
    let notified_at = notified_at.map(|at| at.max(expected.floor));
    differs("notified_at", &is_notified.then_some(model.notified_at), &notified_at)
        .or_else(|| {
            let sequence = if is_notified { u64::from(model.sequence) + expected.sequences } else { 0 };
            differs("sequence", &sequence, &item.sequence)
        })
        .or_else(|| {
            let request = model.closed_by.and(expected.request);
            differs("caller", &request, &item.request.as_ref())
        })
        .or_else(|| {
            let holder = item.lease.as_ref().and_then(|lease| expected.holders.get(lease));
            differs("lease", &model.lease.as_ref(), &holder)
        })
        .or_else(|| {
            // A due time that is over stays over.
            let due_at = item.due_at.as_ref().map(|at| ahead(at).max(0));
            differs("due_at", &model.due_at.map(|at| at.max(0)), &due_at)
        })
        .or_else(|| {
            expected.services.iter().zip(&model.outbox).find_map(|(service, entry)| {
                let pending = item.pending.contains(service);
                let failed = item.outcome.get(service).is_some_and(|status| status == "failed");
                let next_at = item.retries.get(service).map_or(0, |at| ahead(at).max(0));
                differs(&format!("pending.{service}"), &entry.pending, &pending)
                    .or_else(|| differs(&format!("outcome.{service} failed"), &entry.exhausted, &failed))
                    .or_else(|| differs(&format!("retries.{service}"), &entry.next_at.max(0), &next_at))
            })
        })
}
