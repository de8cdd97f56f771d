//! What a run did, for its log line and for whoever invoked it.

use std::ops::AddAssign;

use serde::Serialize;

use crate::ledger::{Settled, item::OutcomeStatus};

/// What a run did. Notifications are counted in the first group, callbacks in the second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Taken up by this run.
    pub leased: u64,
    /// Found due, and taken up by another run or replaced by a newer notification.
    pub contended: u64,
    /// Found due and left for the next run: its services are down, or there was no time.
    pub left_due: u64,
    /// `DynamoDB` did not do its part: shards not read, leases not taken.
    pub errors: u64,
    /// The age of the oldest that was found due, in ms since it was claimed; 0 where nothing was.
    pub oldest_due_ms: u64,
    /// The age of the oldest that was found pending, whether due or waiting for its next attempt, in ms since it
    /// was claimed; 0 where nothing was.
    pub oldest_pending_ms: u64,
    /// Shards whose waiting notifications were not all seen, for want of time or because `DynamoDB` failed: the
    /// oldest may be older than is said here.
    pub unseen_shards: u64,

    /// Answered 2xx.
    pub delivered: u64,
    /// Answered 410: the service wants no more.
    pub refused: u64,
    /// Failed, to be tried again.
    pub retrying: u64,
    /// Not called, because the service is down or asked to be left alone.
    pub deferred: u64,
    /// Given up after 24 hours.
    pub failed: u64,
}

impl Summary {
    pub(super) fn of(settled: &Settled) -> Self {
        let mut sum = Self::default();
        for settlement in settled.values() {
            let count = match settlement.outcome.as_ref().map(|outcome| outcome.status) {
                Some(OutcomeStatus::Delivered) => &mut sum.delivered,
                Some(OutcomeStatus::Refused) => &mut sum.refused,
                Some(OutcomeStatus::Retrying) => &mut sum.retrying,
                Some(OutcomeStatus::Failed) => &mut sum.failed,
                None => &mut sum.deferred,
            };
            *count += 1;
        }
        sum
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
        self.unseen_shards += other.unseen_shards;
        self.delivered += other.delivered;
        self.refused += other.refused;
        self.retrying += other.retrying;
        self.deferred += other.deferred;
        self.failed += other.failed;
    }
}
