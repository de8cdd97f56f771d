//! The summary of a run: fields of its log line, and the result of the invocation
//! (docs/reference/logs-metrics-audit.md, "Result of a run").

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use crate::{
    dispatch::Dispatched,
    ledger::{Awaits, FindingKind, item::OutcomeStatus},
};

/// The counts of a run. The first group counts notifications, the second deliveries to a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Notifications that this run leased.
    pub leased: u64,
    /// Due, but leased by another run or replaced by a newer notification.
    pub contended: u64,
    /// Due, and left to the next run: the circuits of its services are open, or the time was over.
    pub left_due: u64,
    /// Failed calls to DynamoDB: shards that were not read, leases that were not taken.
    pub errors: u64,
    /// Deadlines that were over and were checked. Their notifications are not counted above.
    pub deadlines_checked: u64,
    /// Deadlines that are over and left to the next run, or were checked by another run.
    pub deadlines_left: u64,
    /// Services that did not acknowledge in time.
    pub overdue: u64,
    /// Services that acknowledged a key state that contradicts the key's.
    pub conflicting: u64,
    /// The age of the oldest due notification, in ms since its claim; 0 if none was due.
    pub oldest_due_ms: u64,
    /// The age of the oldest pending notification, due or not, in ms since its claim; 0 if none was
    /// pending.
    pub oldest_pending_ms: u64,
    /// Pending notifications, due or not. One that becomes due or is leased while the run reads may
    /// be counted twice or not at all.
    pub pending: u64,
    /// Shards whose waiting notifications were not all read, because there are too many, the time
    /// was over or DynamoDB failed: there may be more than `pending` pending notifications, and one
    /// that is older than `oldest_pending_ms`.
    pub unseen_shards: u64,

    /// Responses with 2xx.
    pub delivered: u64,
    /// Responses with 410, which are not retried.
    pub refused: u64,
    /// Failed attempts that are retried.
    pub retrying: u64,
    /// Not attempted, because the service is paused, its circuit is open or it sent `retry-after`.
    pub deferred: u64,
    /// Retries exhausted after 24 hours.
    pub failed: u64,
}

impl Summary {
    /// The counts of one leased notification.
    pub(super) fn of(awaits: Awaits, dispatched: &Dispatched) -> Self {
        let Dispatched { settled, checked } = dispatched;
        let count = |kind| {
            let found = checked.iter().flatten().filter(|finding| finding.kind == kind);
            found.count() as u64
        };
        let mut summary = Self {
            leased: u64::from(awaits == Awaits::Delivery),
            deadlines_checked: u64::from(checked.is_some()),
            overdue: count(FindingKind::Overdue),
            conflicting: count(FindingKind::Conflicting),
            ..Self::default()
        };
        for settlement in settled.values() {
            let count = match settlement.outcome.as_ref().map(|outcome| outcome.status) {
                Some(OutcomeStatus::Delivered) => &mut summary.delivered,
                Some(OutcomeStatus::Refused) => &mut summary.refused,
                Some(OutcomeStatus::Retrying) => &mut summary.retrying,
                Some(OutcomeStatus::Failed) => &mut summary.failed,
                None => &mut summary.deferred,
            };
            *count += 1;
        }
        summary
    }
}

impl Summary {
    /// One notification that is left to another run.
    pub(super) fn left(awaits: Awaits) -> Self {
        match awaits {
            Awaits::Delivery => Self { left_due: 1, ..Self::default() },
            Awaits::Acknowledgement => Self { deadlines_left: 1, ..Self::default() },
        }
    }

    /// One notification that another run leased, or that a newer one has replaced.
    pub(super) fn contended(awaits: Awaits) -> Self {
        match awaits {
            Awaits::Delivery => Self { contended: 1, ..Self::default() },
            Awaits::Acknowledgement => Self { deadlines_left: 1, ..Self::default() },
        }
    }
}

impl AddAssign for Summary {
    fn add_assign(&mut self, other: Self) {
        self.leased += other.leased;
        self.contended += other.contended;
        self.left_due += other.left_due;
        self.errors += other.errors;
        self.oldest_due_ms = self.oldest_due_ms.max(other.oldest_due_ms);
        self.oldest_pending_ms = self.oldest_pending_ms.max(other.oldest_pending_ms);
        self.pending += other.pending;
        self.unseen_shards += other.unseen_shards;
        self.deadlines_checked += other.deadlines_checked;
        self.deadlines_left += other.deadlines_left;
        self.overdue += other.overdue;
        self.conflicting += other.conflicting;
        self.delivered += other.delivered;
        self.refused += other.refused;
        self.retrying += other.retrying;
        self.deferred += other.deferred;
        self.failed += other.failed;
    }
}
