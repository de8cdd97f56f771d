//! Redelivery: takes up notifications that nobody confirmed, whoever made them and whatever became of
//! their maker.
//!
//! ```text
//! due index ──▶ lease ──▶ deliver ──▶ confirm      (as for every notification)
//! oldest first  one wins   bulkheads   only while the lease is ours
//! ```
//!
//! Any number of runs may go on at once. A run ends by its own deadline; what it did not get to is due
//! for the next one, and what it died over is due when its leases run out.

use std::ops::AddAssign;

use futures_util::{Stream, StreamExt, future::join_all, stream};
use serde::Serialize;

use crate::{
    clock::Clock,
    deadline::Budget,
    key::{EpochMillis, LeaseId},
    ledger::{
        DueCursor, DueKey, LedgerError, Settled,
        item::{DUE_SHARDS, OutcomeStatus},
    },
    notify::Bulkheads,
    outbox::Outbox,
};

/// Notifications that a run works on at once. More than one service's places (`notify/bulkhead.rs`), so
/// that one service cannot take them all.
const AT_ONCE: usize = 128;

/// Delivers what is due.
#[derive(Debug)]
pub struct Redeliver {
    /// Leases, delivers, confirms.
    pub outbox: Outbox,
    /// Tells the time.
    pub clock: Clock,
}

/// What a run did. Notifications are counted in the first group, callbacks in the second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Taken up by this run.
    pub taken_up: u64,
    /// Found due, and taken up by another run or replaced by a newer notification.
    pub left_to_others: u64,
    /// `DynamoDB` did not do its part: shards not read, leases not taken.
    pub errors: u64,

    /// Answered 2xx.
    pub delivered: u64,
    /// Answered 410: the service wants no more.
    pub refused: u64,
    /// Failed, to be tried again.
    pub retrying: u64,
    /// Not called, because the service is down or busy.
    pub deferred: u64,
    /// Given up after 24 hours.
    pub failed: u64,
}

impl Redeliver {
    /// Delivers what is due, until all of it is done or the time is over.
    pub async fn run(&self, budget: Budget) -> Summary {
        let bulkheads = Bulkheads::for_a_run();
        let last_start = budget.last_start(self.outbox.notifier.callback_timeout());
        self.due_keys(self.clock.now())
            .take_until(tokio::time::sleep_until(last_start))
            .map(|due| self.take_up(due, budget, &bulkheads))
            .buffer_unordered(AT_ONCE)
            .fold(Summary::default(), async |mut sum, part| {
                sum += part;
                sum
            })
            .await
    }

    async fn take_up(
        &self,
        due: Result<DueKey, LedgerError>,
        budget: Budget,
        bulkheads: &Bulkheads,
    ) -> Summary {
        let leased = async {
            let due = due?;
            self.outbox.ledger.lease(&due, LeaseId::unique(), self.clock.now(), budget.lease()).await
        };
        match leased.await {
            Ok(Some(notification)) => {
                let settled = self.outbox.empty(&notification, budget, bulkheads).await;
                Summary { taken_up: 1, ..Summary::of(&settled) }
            }
            Ok(None) => Summary { left_to_others: 1, ..Summary::default() },
            Err(error) => {
                tracing::error!(%error, "not taken up: it stays due");
                Summary { errors: 1, ..Summary::default() }
            }
        }
    }

    /// All that is due at `now`: pages of all shards are read together, and what they hold comes oldest
    /// first. The next pages are read when there is room for them.
    fn due_keys(&self, now: EpochMillis) -> impl Stream<Item = Result<DueKey, LedgerError>> {
        let shards: Vec<(u128, Option<DueCursor>)> = (0..DUE_SHARDS).map(|shard| (shard, None)).collect();
        stream::unfold(shards, move |open| async move {
            if open.is_empty() {
                return None;
            }
            let pages = open.into_iter().map(|(shard, start)| async move {
                (shard, self.outbox.ledger.due(shard, now, start).await)
            });
            let (mut found, mut open) = (Vec::new(), Vec::new());
            for (shard, page) in join_all(pages).await {
                match page {
                    Ok(page) => {
                        found.extend(page.keys.into_iter().map(Ok));
                        open.extend(page.next.map(|next| (shard, Some(next))));
                    }
                    Err(error) => found.push(Err(error)),
                }
            }
            found.sort_by_key(|found| found.as_ref().map(|due| due.at).ok());
            Some((stream::iter(found), open))
        })
        .flatten()
    }
}

impl Summary {
    fn of(settled: &Settled) -> Self {
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
        self.taken_up += other.taken_up;
        self.left_to_others += other.left_to_others;
        self.errors += other.errors;
        self.delivered += other.delivered;
        self.refused += other.refused;
        self.retrying += other.retrying;
        self.deferred += other.deferred;
        self.failed += other.failed;
    }
}
