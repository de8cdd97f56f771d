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

mod bulkhead;
mod summary;

use std::pin::pin;

use futures_util::{
    Stream, StreamExt,
    future::{FutureExt, join_all},
    stream::{self, FuturesUnordered},
};
use tracing::{Instrument, field::Empty};

pub use summary::Summary;

use crate::{
    clock::Clock,
    delivery::CircuitBreakers,
    dispatch::Dispatcher,
    domain::{EpochMillis, LeaseId},
    ledger::{DueCursor, DueKey, LedgerError, item::DUE_SHARDS},
    time_budget::TimeBudget,
    trace_context::TraceContext,
};
use bulkhead::{BulkheadKey, Bulkheads, Next};

/// How many pages of what waits are read of a shard in a run: with 16 shards, 64,000 keys. Of more, those that
/// are due next are seen; all are due within the hour, and are seen then.
const WAITING_PAGES: usize = 4;

/// Delivers what is due.
#[derive(Debug)]
pub struct Redeliver {
    /// Leases, delivers, confirms.
    pub dispatcher: Dispatcher,
    /// Tells the time.
    pub clock: Clock,
}

impl Redeliver {
    /// Delivers what is due, until all of it is done or the time is over.
    pub async fn run(&self, trace: &TraceContext, budget: TimeBudget) -> Summary {
        let (mut sum, mut bulkheads, breakers) =
            (Summary::default(), Bulkheads::default(), CircuitBreakers::default());
        let started_at = self.clock.now();
        let mut found = pin!(self.due_keys(started_at).fuse());
        let mut waiting = pin!(self.oldest_waiting(started_at).fuse());
        let mut running = FuturesUnordered::new();
        let mut latest_delivery_start = pin!(tokio::time::sleep_until(
            budget.latest_delivery_start(self.dispatcher.notifier.callback_timeout())
        ));
        // Nothing more is looked for: all was found, or the time is over. The same for what waits.
        let (mut has_looked, mut has_aged, mut is_over) = (false, false, false);
        loop {
            while let Some(next) = bulkheads.next(&breakers, self.clock.now()) {
                match next {
                    Next::Lease(due) => running.push(self.redeliver_one(due, trace, budget, &breakers)),
                    Next::Skip => sum.left_due += 1,
                }
            }
            if has_looked && has_aged && running.is_empty() {
                return sum;
            }
            tokio::select! {
                Some((bulkhead, part)) = running.next() => {
                    bulkheads.done(&bulkhead, part.delivered > 0);
                    sum += part;
                }
                page = found.next(), if !has_looked => match page {
                    None => has_looked = true,
                    Some(page) => for due in page {
                        match due {
                            Ok(due) => {
                                let age = age_ms(due.notified_at, started_at);
                                sum.oldest_due_ms = sum.oldest_due_ms.max(age);
                                sum.oldest_pending_ms = sum.oldest_pending_ms.max(age);
                                sum.left_due += u64::from(!bulkheads.add(due));
                            }
                            Err(error) => sum += failed(&error),
                        }
                    }
                },
                part = &mut waiting, if !has_aged => {
                    has_aged = true;
                    sum += part;
                }
                () = &mut latest_delivery_start, if !is_over => {
                    sum.unseen_shards += if has_aged { 0 } else { u64::try_from(DUE_SHARDS).unwrap_or(u64::MAX) };
                    (is_over, has_looked, has_aged) = (true, true, true);
                    sum.left_due += bulkheads.close() as u64;
                }
            }
        }
    }

    async fn redeliver_one(
        &self,
        due: DueKey,
        trace: &TraceContext,
        budget: TimeBudget,
        breakers: &CircuitBreakers,
    ) -> (BulkheadKey, Summary) {
        let span =
            tracing::error_span!("notification", instance = %due.instance, key = %due.key, claim = Empty);
        let part = async {
            let ledger = &self.dispatcher.ledger;
            match ledger.lease(&due, LeaseId::unique(), self.clock.now(), budget.lease()).await {
                Ok(Some(notification)) => {
                    let settled = self
                        .dispatcher
                        .deliver_and_confirm(&notification, trace, budget, Some(breakers))
                        .await;
                    Summary { leased: 1, ..Summary::of(&settled) }
                }
                Ok(None) => Summary { contended: 1, ..Summary::default() },
                Err(error) => failed(&error),
            }
        };
        let part = part.instrument(span).await;
        (due.pending, part)
    }

    /// How old the oldest notification is that is pending and not due at `now`: it failed and waits for its next
    /// attempt, or its service asked for time, or somebody is at work on it.
    async fn oldest_waiting(&self, now: EpochMillis) -> Summary {
        let shards = (0..DUE_SHARDS).map(|shard| self.oldest_waiting_in(shard, now));
        join_all(shards).await.into_iter().fold(Summary::default(), |mut sum, part| {
            sum += part;
            sum
        })
    }

    async fn oldest_waiting_in(&self, shard: u128, now: EpochMillis) -> Summary {
        let (mut sum, mut start) = (Summary::default(), None);
        for _ in 0..WAITING_PAGES {
            match self.dispatcher.ledger.waiting(shard, now, start).await {
                Ok(page) => {
                    let age = page.oldest.map_or(0, |notified_at| age_ms(notified_at, now));
                    sum.oldest_pending_ms = sum.oldest_pending_ms.max(age);
                    start = page.next;
                }
                Err(error) => {
                    tracing::error!(%error, "the age of what waits is not known");
                    sum.unseen_shards = 1;
                    return sum;
                }
            }
            if start.is_none() {
                return sum;
            }
        }
        sum
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
                (shard, self.dispatcher.ledger.due(shard, now, start).await)
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

fn age_ms(notified_at: EpochMillis, now: EpochMillis) -> u64 {
    u64::try_from(now.since(notified_at).as_millis()).unwrap_or(u64::MAX)
}

fn failed(error: &LedgerError) -> Summary {
    tracing::error!(%error, "not taken up: it stays due");
    Summary { errors: 1, ..Summary::default() }
}
