//! Redelivery: takes up notifications that nobody confirmed, whoever made them and whatever became of
//! their maker.
//!
//! ```text
//! due index ──▶ lanes ──▶ lease ──▶ deliver ──▶ confirm      (as for every notification)
//! oldest first  by service  one wins              only while the lease is ours
//! ```
//!
//! Any number of runs may go on at once. A run ends by its own deadline; what it did not get to is due
//! for the next one, and what it died over is due when its leases run out.

mod lanes;
mod summary;

use std::pin::pin;

use futures_util::{
    Stream, StreamExt,
    future::join_all,
    stream::{self, FuturesUnordered},
};

pub use summary::Summary;

use crate::{
    clock::Clock,
    deadline::Budget,
    key::{EpochMillis, LeaseId},
    ledger::{DueCursor, DueKey, LedgerError, item::DUE_SHARDS},
    notify::Health,
    outbox::Outbox,
};
use lanes::{LaneName, Lanes, Next};

/// Delivers what is due.
#[derive(Debug)]
pub struct Redeliver {
    /// Leases, delivers, confirms.
    pub outbox: Outbox,
    /// Tells the time.
    pub clock: Clock,
}

impl Redeliver {
    /// Delivers what is due, until all of it is done or the time is over.
    pub async fn run(&self, budget: Budget) -> Summary {
        let (mut sum, mut lanes, health) = (Summary::default(), Lanes::default(), Health::default());
        let mut found = pin!(self.due_keys(self.clock.now()).fuse());
        let mut running = FuturesUnordered::new();
        let mut last_start =
            pin!(tokio::time::sleep_until(budget.last_start(self.outbox.notifier.callback_timeout())));
        // Nothing more is looked for: all was found, or the time is over.
        let (mut has_looked, mut is_over) = (false, false);
        loop {
            while let Some(next) = lanes.next(&health, self.clock.now()) {
                match next {
                    Next::TakeUp(due) => running.push(self.take_up(due, budget, &health)),
                    Next::Leave => sum.left_due += 1,
                }
            }
            if has_looked && running.is_empty() {
                return sum;
            }
            tokio::select! {
                Some((lane, part)) = running.next() => {
                    lanes.done(&lane, part.delivered > 0);
                    sum += part;
                }
                page = found.next(), if !has_looked => match page {
                    None => has_looked = true,
                    Some(page) => for due in page {
                        match due {
                            Ok(due) => sum.left_due += u64::from(!lanes.add(due)),
                            Err(error) => sum += failed(&error),
                        }
                    }
                },
                () = &mut last_start, if !is_over => {
                    (is_over, has_looked) = (true, true);
                    sum.left_due += lanes.close() as u64;
                }
            }
        }
    }

    async fn take_up(&self, due: DueKey, budget: Budget, health: &Health) -> (LaneName, Summary) {
        let ledger = &self.outbox.ledger;
        let part = match ledger.lease(&due, LeaseId::unique(), self.clock.now(), budget.lease()).await {
            Ok(Some(notification)) => {
                let settled = self.outbox.empty(&notification, budget, Some(health)).await;
                Summary { taken_up: 1, ..Summary::of(&settled) }
            }
            Ok(None) => Summary { left_to_others: 1, ..Summary::default() },
            Err(error) => failed(&error),
        };
        (due.pending, part)
    }

    /// All that is due at `now`, page by page: those of all shards are read together, and what they hold
    /// comes oldest first.
    fn due_keys(&self, now: EpochMillis) -> impl Stream<Item = Vec<Result<DueKey, LedgerError>>> {
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
            Some((found, open))
        })
    }
}

fn failed(error: &LedgerError) -> Summary {
    tracing::error!(%error, "not taken up: it stays due");
    Summary { errors: 1, ..Summary::default() }
}
