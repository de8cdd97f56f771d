//! The use case *redelivery*: delivers the notifications that were not confirmed, whether an
//! attempt failed or the function that claimed them did not finish.
//!
//! ```text
//! due index ──▶ bulkheads ──▶ lease ──▶ deliver ──▶ confirm
//! oldest first  by service    one run   the dispatch of every notification;
//!                             wins      confirms only while it holds the lease
//! ```
//!
//! A notification that no service is pending for waits for its deadline in shards of its own. Once
//! that is over, it takes the same path: nothing is delivered, and the acknowledgements are
//! checked.
//!
//! Services that an operator has paused are not called. A run that does not know which ones these
//! are calls none.
//!
//! Runs may overlap. A run ends before its deadline: keys that it did not reach stay due for the
//! next run, and keys of a run that was killed become due when its leases expire.

mod bulkhead;
mod summary;

use std::{ops::Range, pin::pin};

use futures_util::{
    Stream, StreamExt,
    future::{FutureExt, join_all},
    stream::{self, FuturesUnordered},
};
use tracing::{Instrument, field::Empty};

pub use bulkhead::{INITIAL_CONCURRENCY, MAX_CONCURRENCY, MAX_QUEUED, MAX_SKIPPED};
pub use summary::Summary;

use crate::{
    clock::Clock,
    delivery::CircuitBreakers,
    dispatch::{Audit, Dispatcher, Run},
    domain::{EpochMillis, LeaseId},
    ledger::{Awaits, DueCursor, DueKey, LedgerError, Pauses, item::DUE_SHARDS},
    time_budget::TimeBudget,
    trace_context::TraceContext,
};
use bulkhead::{BulkheadKey, Bulkheads, Next};

/// The pages of waiting keys (pending, not due yet) that a run reads per shard: with 16 shards,
/// 64,000 keys, those that are due next first. A key waits at most an hour, so a later run sees the
/// others.
const WAITING_PAGES: usize = 4;
/// The number of shards of pending notifications.
const ALL_SHARDS: u64 = 16;
const _: () = assert!(DUE_SHARDS == ALL_SHARDS as u128);

/// Delivers the notifications that are due.
#[derive(Debug)]
pub struct Redeliver {
    /// The ledger and the delivery of notifications.
    pub dispatcher: Dispatcher,
    /// The source of the current time.
    pub clock: Clock,
    /// Records the audit event of a service that did not act, and of a replay.
    pub audit: Audit,
    /// The number of shards of the due index to read, of each kind of [`Awaits`]: all 16, or fewer
    /// in a simulation whose keys are in the first ones.
    pub shards: u128,
}

impl Redeliver {
    /// Delivers due notifications until none is left, or until no further delivery would end in
    /// time.
    pub async fn run(&self, trace: &TraceContext, budget: TimeBudget) -> Summary {
        let pauses = match self.dispatcher.pauses.read(&self.dispatcher.ledger).await {
            Ok(pauses) => pauses,
            Err(error) => {
                tracing::error!(%error, "paused services unknown; nothing is delivered");
                return Summary { errors: 1, unseen_shards: ALL_SHARDS, ..Summary::default() };
            }
        };
        let (mut summary, mut bulkheads, breakers) =
            (Summary::default(), Bulkheads::default(), CircuitBreakers::default());
        for (service, pause) in pauses.paused() {
            summary.paused_services += 1;
            let (since, operator, reason) = (pause.at, &pause.operator, &pause.reason);
            tracing::warn!(%service, %since, operator, reason, "service is paused");
        }
        for service in pauses.paused_by_registry() {
            summary.paused_services += 1;
            tracing::warn!(%service, reason = "`paused` in KEYSYNC_SERVICES", "service is paused");
        }
        let started_at = self.clock.now();
        // Deliveries first, because a deadline can wait, and for the same reason one shard of
        // deadlines at a time.
        let deadlines = stream::iter(self.shards_of(Awaits::Acknowledgement))
            .flat_map(|shard| self.due_keys(shard..shard + 1, started_at));
        let mut due_pages =
            pin!(self.due_keys(self.shards_of(Awaits::Delivery), started_at).chain(deadlines).fuse());
        let mut waiting = pin!(self.waiting(started_at).fuse());
        let mut deliveries = FuturesUnordered::new();
        let mut latest_delivery_start = pin!(tokio::time::sleep_until(
            budget.latest_delivery_start(self.dispatcher.notifier.longest_timeout())
        ));
        // The first two are also true once the time is over, which ends all reading.
        let (mut has_read_due, mut has_read_waiting, mut is_over) = (false, false, false);
        loop {
            while let Some(next) = bulkheads.next(&breakers, &pauses, self.clock.now()) {
                match next {
                    Next::Lease(due) => {
                        deliveries.push(self.redeliver_one(due, trace, budget, &breakers, &pauses));
                    }
                    Next::Skip(awaits) => summary += Summary::left(awaits),
                }
            }
            if has_read_due && has_read_waiting && deliveries.is_empty() {
                return summary;
            }
            tokio::select! {
                // The order is fixed, so that the simulation can repeat a run. The end of the time
                // comes first: nothing else may hold it up.
                biased;
                () = &mut latest_delivery_start, if !is_over => {
                    if !has_read_waiting {
                        summary.unseen_shards += ALL_SHARDS;
                    }
                    (is_over, has_read_due, has_read_waiting) = (true, true, true);
                    for due in bulkheads.close() {
                        summary += Summary::left(due.awaits);
                    }
                }
                Some((bulkhead, part)) = deliveries.next() => {
                    bulkheads.release(&bulkhead);
                    if part.delivered + part.deadlines_checked > 0 {
                        bulkheads.widen(&bulkhead);
                    }
                    summary += part;
                }
                page = due_pages.next(), if !has_read_due => match page {
                    None => has_read_due = true,
                    Some(page) => for due in page {
                        match due {
                            Ok(due) => {
                                if due.awaits == Awaits::Delivery {
                                    let age = age_ms(due.notified_at, started_at);
                                    summary.oldest_due_ms = summary.oldest_due_ms.max(age);
                                    summary.oldest_pending_ms = summary.oldest_pending_ms.max(age);
                                    summary.pending += 1;
                                }
                                if let Err(due) = bulkheads.add(due) {
                                    summary += Summary::left(due.awaits);
                                }
                            }
                            Err(error) => summary += failed(&error),
                        }
                    }
                },
                part = &mut waiting, if !has_read_waiting => {
                    has_read_waiting = true;
                    summary += part;
                }
            }
        }
    }

    /// Leases, delivers and confirms one notification. Returns its bulkhead and its part of the
    /// summary.
    async fn redeliver_one(
        &self,
        due: DueKey,
        trace: &TraceContext,
        budget: TimeBudget,
        breakers: &CircuitBreakers,
        pauses: &Pauses,
    ) -> (BulkheadKey, Summary) {
        let span =
            tracing::error_span!("notification", instance = %due.instance, key = %due.key, claim = Empty);
        let part = async {
            let ledger = &self.dispatcher.ledger;
            match ledger.lease(&due, LeaseId::unique(), self.clock.now(), budget.lease()).await {
                Ok(Some(notification)) => {
                    let run = Run { breakers, pauses, now: self.clock.now(), audit: self.audit };
                    let dispatched =
                        self.dispatcher.deliver_and_confirm(&notification, trace, budget, Some(run)).await;
                    Summary::of(due.awaits, &dispatched)
                }
                Ok(None) => Summary::contended(due.awaits),
                Err(error) => failed(&error),
            }
        };
        let part = part.instrument(span).await;
        (due.pending, part)
    }

    /// The notifications that are pending and not due at `now`, because they wait for their next
    /// attempt, were deferred by `retry-after`, or are leased. Part of a summary: their number, the
    /// age of the oldest one, and the shards that were not all read.
    async fn waiting(&self, now: EpochMillis) -> Summary {
        let shards = self.shards_of(Awaits::Delivery).map(|shard| self.waiting_in(shard, now));
        join_all(shards).await.into_iter().fold(Summary::default(), |mut sum, part| {
            sum += part;
            sum
        })
    }

    /// The shards that are read for this kind.
    fn shards_of(&self, awaits: Awaits) -> Range<u128> {
        let all = awaits.shards();
        all.start..all.end.min(all.start + self.shards)
    }

    async fn waiting_in(&self, shard: u128, now: EpochMillis) -> Summary {
        let (mut sum, mut start) = (Summary::default(), None);
        for _ in 0..WAITING_PAGES {
            match self.dispatcher.ledger.waiting(shard, now, start).await {
                Ok(page) => {
                    let age = page.oldest.map_or(0, |notified_at| age_ms(notified_at, now));
                    sum.oldest_pending_ms = sum.oldest_pending_ms.max(age);
                    sum.pending += page.keys;
                    start = page.next;
                }
                Err(error) => {
                    tracing::error!(%error, "age of pending notifications unknown");
                    sum.unseen_shards = 1;
                    return sum;
                }
            }
            if start.is_none() {
                return sum;
            }
        }
        sum.unseen_shards = 1;
        sum
    }

    /// The keys of `shards` that are due at `now`. Each item is the next page of every shard
    /// together, oldest first, with an error for each shard that could not be read.
    fn due_keys(
        &self,
        shards: Range<u128>,
        now: EpochMillis,
    ) -> impl Stream<Item = Vec<Result<DueKey, LedgerError>>> {
        let shards: Vec<(u128, Option<DueCursor>)> = shards.map(|shard| (shard, None)).collect();
        stream::unfold(shards, move |unread| async move {
            if unread.is_empty() {
                return None;
            }
            let pages = unread.into_iter().map(|(shard, start)| async move {
                (shard, self.dispatcher.ledger.due(shard, now, start).await)
            });
            let (mut found, mut unread) = (Vec::new(), Vec::new());
            for (shard, page) in join_all(pages).await {
                match page {
                    Ok(page) => {
                        found.extend(page.keys.into_iter().map(Ok));
                        unread.extend(page.next.map(|next| (shard, Some(next))));
                    }
                    Err(error) => found.push(Err(error)),
                }
            }
            found.sort_by_key(|found| found.as_ref().map(|due| due.at).ok());
            Some((found, unread))
        })
    }
}

fn age_ms(notified_at: EpochMillis, now: EpochMillis) -> u64 {
    u64::try_from(now.since(notified_at).as_millis()).unwrap_or(u64::MAX)
}

fn failed(error: &LedgerError) -> Summary {
    tracing::error!(%error, "lease failed; notification stays due");
    Summary { errors: 1, ..Summary::default() }
}
