//! A service that is down for a day, and the runs of `redeliver` during and after it.
//!
//! Each key misses one notification, and is due from then on. A run takes the keys that are due,
//! the oldest first, into the bulkhead of the service, as `usecases::redeliver` does.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    time::Duration,
};

use keysync::{
    delivery::RETRY_PERIOD,
    usecases::redeliver::{INITIAL_CONCURRENCY, MAX_CONCURRENCY, MAX_QUEUED, MAX_SKIPPED},
};

use super::Options;

/// The interval between runs, in milliseconds (`infra/template.yaml`).
const INTERVAL: u64 = 60_000;
/// The time of a run in which deliveries start: its limit of 55 s less the reserve for
/// confirmations and the timeout of a callback (`docs/reference/limits.md`).
const STARTING: u64 = 48_000;
/// Consecutive failures that open the circuit (`docs/reference/limits.md#circuit`).
const FAILURES_TO_OPEN: u64 = 4;
/// Entries of the index that a read unit covers: 0.3 KB each, eventually consistent.
const ENTRIES_PER_READ_UNIT: u64 = 26;
/// Write units of a lease that is confirmed: 2 for each write of the item, and those of the index,
/// where the next due time is one entry less and one more.
const DELIVERED_UNITS: u64 = 7;
const DEFERRED_UNITS: u64 = 8;

/// What happened.
#[derive(Clone, Debug, Default)]
pub(super) struct Outage {
    /// Attempts while the service was down.
    pub(super) failed_attempts: u64,
    /// Notifications whose retries were exhausted.
    pub(super) exhausted: u64,
    /// Notifications that were delivered after it was back.
    pub(super) delivered: u64,
    /// The time from its return until nothing was pending.
    pub(super) drained_after: Duration,
    /// The most callbacks in a second.
    pub(super) peak_per_second: u64,
    pub(super) read_units: u64,
    pub(super) write_units: u64,
    pub(super) runs: u64,
    /// The total duration of the runs.
    pub(super) busy: Duration,
}

/// A pending notification: when it is due, when it was claimed, and the attempts so far.
type Pending = Reverse<(u64, u64, u32)>;

/// Simulates an outage during which the notifications of `options.keys` are claimed at even
/// intervals.
pub(super) fn simulate(options: &Options, random: &mut fastrand::Rng) -> Outage {
    let (down_for, mut outage) = (millis(options.outage), Outage::default());
    let mut due: BinaryHeap<Pending> = BinaryHeap::with_capacity(options.keys);
    let mut claims = (0..wide(options.keys)).map(|n| n * down_for / wide(options.keys)).peekable();
    let mut now = 0;
    loop {
        while let Some(at) = claims.next_if(|at| *at <= now) {
            outage.failed_attempts += 1; // by `sync` itself
            due.push(Reverse((at + random.u64(..INTERVAL), at, 1)));
        }
        if claims.peek().is_none() && due.is_empty() {
            return outage;
        }
        let until_back = down_for.saturating_sub(now);
        let took = Run { options, random, outage: &mut outage, started: now }.run(&mut due, until_back == 0);
        outage.runs += 1;
        outage.busy += Duration::from_millis(took);
        if until_back == 0 && due.is_empty() {
            outage.drained_after = Duration::from_millis(now + took - down_for);
        }
        now += INTERVAL;
    }
}

/// One run of `redeliver`.
struct Run<'a> {
    options: &'a Options,
    random: &'a mut fastrand::Rng,
    outage: &'a mut Outage,
    started: u64,
}

impl Run<'_> {
    /// Processes what is due, and returns the duration.
    fn run(self, pending: &mut BinaryHeap<Pending>, is_back: bool) -> u64 {
        let Self { options, random, outage, started } = self;
        outage.read_units += wide(pending.len()).div_ceil(ENTRIES_PER_READ_UNIT) + 16;
        let (write, callback) = (millis(options.write), millis(options.callback));
        // The instants at which the places of the bulkhead are free.
        let mut places = BinaryHeap::from(vec![Reverse(0_u64); INITIAL_CONCURRENCY]);
        let (mut failures, mut end, mut later) = (0, 0, Vec::new());
        let mut callbacks = BTreeMap::<u64, u64>::new();
        for _ in 0..MAX_QUEUED {
            let Some(Reverse((at, claimed, attempts))) = pending.pop_if_due(started) else { break };
            let Some(Reverse(free)) = places.pop() else { break };
            let now = started + free;
            let is_last = now >= claimed + millis(RETRY_PERIOD);
            let is_open = failures >= FAILURES_TO_OPEN;
            if free > STARTING || (is_open && !is_last && now < at + millis(MAX_SKIPPED)) {
                // Stays due: no time is left, or its service's circuit is open.
                places.push(Reverse(free));
                later.push(Reverse((at, claimed, attempts)));
                continue;
            }
            let duration = if is_open { 2 * write } else { 2 * write + callback };
            end = end.max(free + duration);
            places.push(Reverse(free + duration));
            if !is_open {
                *callbacks.entry((free + write) / 1000).or_default() += 1;
            }
            if is_back {
                outage.delivered += 1;
                outage.write_units += DELIVERED_UNITS;
                let more = places.len().min(MAX_CONCURRENCY - places.len());
                places.extend((0..more).map(|_| Reverse(free + duration)));
                continue;
            }
            outage.write_units += DEFERRED_UNITS;
            if is_last {
                outage.exhausted += 1;
                continue;
            }
            let (attempts, bound) =
                if is_open { (attempts, 60_000) } else { (attempts + 1, bound(attempts)) };
            if !is_open {
                failures += 1;
                outage.failed_attempts += 1;
            }
            let next = (now + duration + random.u64(..bound)).min(claimed + millis(RETRY_PERIOD));
            later.push(Reverse((next, claimed, attempts)));
        }
        pending.extend(later);
        let peak = callbacks.into_values().max().unwrap_or_default();
        outage.peak_per_second = outage.peak_per_second.max(peak);
        end
    }
}

/// The bound of the wait after an attempt, in milliseconds: it doubles up to an hour.
fn bound(attempts: u32) -> u64 {
    (60_000 << attempts.min(6)).min(3_600_000)
}

trait PopIfDue {
    fn pop_if_due(&mut self, now: u64) -> Option<Pending>;
}

impl PopIfDue for BinaryHeap<Pending> {
    fn pop_if_due(&mut self, now: u64) -> Option<Pending> {
        self.peek().filter(|Reverse((at, ..))| *at <= now)?;
        self.pop()
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

pub(super) fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn simulated(keys: usize, outage: Duration) -> Outage {
        simulate(&Options { keys, outage, ..Options::default() }, &mut fastrand::Rng::with_seed(1))
    }

    #[test]
    fn everything_is_delivered_after_a_day() {
        let outage = simulated(20_000, Duration::from_hours(24));
        assert_eq!((outage.delivered + outage.exhausted, outage.exhausted), (20_000, 0));
        assert!(outage.drained_after < Duration::from_hours(1), "{outage:?}");
    }

    #[test]
    fn retries_are_exhausted_after_more_than_a_day() {
        let outage = simulated(1000, Duration::from_hours(48));
        assert!(outage.exhausted > 300 && outage.delivered > 300, "{outage:?}");
    }
}
