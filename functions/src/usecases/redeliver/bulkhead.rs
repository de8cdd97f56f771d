//! Bulkheads: a service that is slow or down delays only its own notifications.
//!
//! Before anything is leased, due keys are queued by the set of services that they are pending for:
//! one bulkhead per set. The concurrency of a bulkhead starts low and doubles with each success, so
//! that a service that recovers is not flooded with its backlog. A queued key is not leased: until
//! its turn, any other run can lease it (docs/explanation/adr/0004-bulkheads-before-leases.md).

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use crate::{
    delivery::{CircuitBreakers, CircuitState, RETRY_PERIOD},
    domain::{EpochMillis, ServiceName, deadline},
    ledger::{Awaits, DueKey, Pauses},
};

/// The concurrent notifications of a new bulkhead (docs/reference/limits.md#bulkhead).
pub const INITIAL_CONCURRENCY: usize = 4;
/// The maximum of concurrent notifications of a bulkhead.
pub const MAX_CONCURRENCY: usize = 32;
/// The maximum length of a queue: more than a bulkhead processes in a run. Further keys stay due
/// (docs/reference/limits.md#bulkhead-queue).
pub const MAX_QUEUED: usize = 4096;
/// The time for which a due key is left to the next run at most, because its services are paused or
/// their circuits are open: as long as the longest backoff (docs/reference/limits.md#skipped).
pub const MAX_SKIPPED: Duration = Duration::from_hours(1);

/// The services that a notification is pending for, which identify its bulkhead.
pub(super) type BulkheadKey = Vec<ServiceName>;

/// The bulkheads of one run.
#[derive(Debug, Default)]
pub(super) struct Bulkheads(BTreeMap<BulkheadKey, Bulkhead>);

#[derive(Debug)]
struct Bulkhead {
    queue: VecDeque<DueKey>,
    running: usize,
    concurrency: usize,
}

/// The next step for a queued key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Lease it and deliver its notification. The bulkhead counts it as running until
    /// [`Bulkheads::release`].
    Lease(DueKey),
    /// Leave it to the next run, because all its services are paused, or their circuits are open.
    Skip(Awaits),
}

impl Bulkheads {
    /// Queues a key in its bulkhead. Returns it if the queue is full.
    pub(super) fn add(&mut self, due: DueKey) -> Result<(), DueKey> {
        let bulkhead = self.0.entry(due.pending.clone()).or_insert_with(|| Bulkhead {
            queue: VecDeque::new(),
            running: 0,
            concurrency: INITIAL_CONCURRENCY,
        });
        if bulkhead.queue.len() >= MAX_QUEUED {
            return Err(due);
        }
        bulkhead.queue.push_back(due);
        Ok(())
    }

    /// The next key of a bulkhead that has capacity left. `None` if there is none.
    pub(super) fn next(
        &mut self,
        breakers: &CircuitBreakers,
        pauses: &Pauses,
        now: EpochMillis,
    ) -> Option<Next> {
        let mut bulkheads = self.0.values_mut();
        let bulkhead = bulkheads
            .find(|bulkhead| bulkhead.running < bulkhead.concurrency && !bulkhead.queue.is_empty())?;
        let due = bulkhead.queue.pop_front()?;
        if all_paused(&due, pauses, now) || all_circuits_open(&due, breakers, now) {
            return Some(Next::Skip(due.awaits));
        }
        bulkhead.running += 1;
        Some(Next::Lease(due))
    }

    /// Ends the processing of one key of the bulkhead.
    pub(super) fn release(&mut self, services: &BulkheadKey) {
        if let Some(bulkhead) = self.0.get_mut(services) {
            bulkhead.running = bulkhead.running.saturating_sub(1);
        }
    }

    /// Doubles the concurrency of the bulkhead after a success, up to [`MAX_CONCURRENCY`].
    pub(super) fn widen(&mut self, services: &BulkheadKey) {
        if let Some(bulkhead) = self.0.get_mut(services) {
            bulkhead.concurrency = (bulkhead.concurrency * 2).min(MAX_CONCURRENCY);
        }
    }

    /// Empties all queues and returns the keys that were in them.
    pub(super) fn close(&mut self) -> impl Iterator<Item = DueKey> {
        self.0.values_mut().flat_map(|bulkhead| std::mem::take(&mut bulkhead.queue))
    }
}

/// Whether an operator has paused all services, and no deadline has to be checked.
fn all_paused(due: &DueKey, pauses: &Pauses, now: EpochMillis) -> bool {
    !due.pending.is_empty()
        && due.pending.iter().all(|service| pauses.is_paused(service))
        && !may_await_check(due, now)
}

/// Whether the circuits of all services are open, the retries are not exhausted yet and no deadline
/// has to be checked. A service that is deferred by `retry-after` does not count: its next attempt
/// is recorded in the item.
fn all_circuits_open(due: &DueKey, breakers: &CircuitBreakers, now: EpochMillis) -> bool {
    let is_open = |service: &ServiceName| breakers.state(service) == CircuitState::Open;
    !due.pending.is_empty()
        && due.pending.iter().all(is_open)
        && age(due, now) < RETRY_PERIOD
        && !may_await_check(due, now)
}

/// Whether the key may be due because a deadline is over. Its check makes it due for the next
/// attempt, which is later, so a pause or an open circuit saves its lease again. The index does not
/// know the deadline of an older notification: that is checked after [`MAX_SKIPPED`] at the latest.
fn may_await_check(due: &DueKey, now: EpochMillis) -> bool {
    let check_at = deadline::checked_from(due.notified_at);
    (check_at <= now && due.at <= check_at) || now.since(due.at) >= MAX_SKIPPED
}

fn age(due: &DueKey, now: EpochMillis) -> Duration {
    now.since(due.notified_at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::KeyId, ledger::Pause};

    const NOW: EpochMillis = EpochMillis::new(1_795_496_400_000);

    fn due(services: &[&str]) -> DueKey {
        DueKey {
            instance: "5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11".parse().unwrap(),
            key: KeyId::random(),
            awaits: Awaits::Delivery,
            at: NOW,
            notified_at: NOW,
            pending: services.iter().map(|service| service.parse().unwrap()).collect(),
        }
    }

    /// Takes every key that there is capacity for, and returns the services of each.
    fn take_all(bulkheads: &mut Bulkheads, breakers: &CircuitBreakers) -> Vec<BulkheadKey> {
        std::iter::from_fn(|| bulkheads.next(breakers, &Pauses::default(), NOW))
            .map(|next| match next {
                Next::Lease(due) => due.pending,
                Next::Skip(_) => Vec::new(),
            })
            .collect()
    }

    #[test]
    fn stalled_bulkhead_does_not_delay_another() {
        let (mut bulkheads, breakers) = (Bulkheads::default(), CircuitBreakers::default());
        for _ in 0..100 {
            bulkheads.add(due(&["a"])).unwrap();
        }
        assert_eq!(take_all(&mut bulkheads, &breakers).len(), INITIAL_CONCURRENCY);
        bulkheads.add(due(&["b"])).unwrap();
        let b = due(&["b"]).pending;
        assert_eq!(take_all(&mut bulkheads, &breakers), [b]);
        assert_eq!(bulkheads.close().count(), 100 - INITIAL_CONCURRENCY);
    }

    #[test]
    fn concurrency_doubles_with_each_success() {
        let (mut bulkheads, breakers) = (Bulkheads::default(), CircuitBreakers::default());
        for _ in 0..100 {
            bulkheads.add(due(&["a"])).unwrap();
        }
        let mut running = take_all(&mut bulkheads, &breakers).len();
        for succeeded in [false, true, true, true, true] {
            let services = due(&["a"]).pending;
            bulkheads.release(&services);
            if succeeded {
                bulkheads.widen(&services);
            }
            running = running - 1 + take_all(&mut bulkheads, &breakers).len();
        }
        assert_eq!(running, MAX_CONCURRENCY);
    }

    #[test]
    fn queue_is_bounded() {
        let mut bulkheads = Bulkheads::default();
        let queued = (0..=MAX_QUEUED).filter(|_| bulkheads.add(due(&["a"])).is_ok()).count();
        assert_eq!(queued, MAX_QUEUED);
    }

    #[test]
    fn skips_open_circuits_until_retries_are_exhausted() {
        let (mut bulkheads, breakers) = (Bulkheads::default(), CircuitBreakers::default());
        crate::delivery::tests::open_circuit(&breakers, &"a".parse().unwrap());
        bulkheads.add(due(&["a"])).unwrap();
        assert_eq!(bulkheads.next(&breakers, &Pauses::default(), NOW), Some(Next::Skip(Awaits::Delivery)));
        bulkheads.add(due(&["a", "b"])).unwrap();
        assert!(
            matches!(bulkheads.next(&breakers, &Pauses::default(), NOW), Some(Next::Lease(_))),
            "the circuit of b is closed"
        );
        let now = NOW.plus(RETRY_PERIOD);
        bulkheads.add(DueKey { at: now, ..due(&["a"]) }).unwrap();
        assert!(matches!(bulkheads.next(&breakers, &Pauses::default(), now), Some(Next::Lease(_))));
    }

    #[test]
    fn open_circuit_does_not_delay_the_check() {
        let (mut bulkheads, breakers) = (Bulkheads::default(), CircuitBreakers::default());
        crate::delivery::tests::open_circuit(&breakers, &"a".parse().unwrap());
        let (check_at, minute) = (deadline::checked_from(NOW), Duration::from_mins(1));
        let mut is_leased = |at: EpochMillis, now: EpochMillis| {
            bulkheads.add(DueKey { at, ..due(&["a"]) }).unwrap();
            let next = bulkheads.next(&breakers, &Pauses::default(), now);
            bulkheads.release(&due(&["a"]).pending);
            matches!(next, Some(Next::Lease(_)))
        };
        assert!(!is_leased(check_at.minus(minute), check_at.minus(minute)), "before");
        assert!(is_leased(check_at, check_at));
        assert!(is_leased(check_at.minus(minute), check_at.plus(minute)), "an attempt was due before");
        assert!(!is_leased(check_at.plus(minute), check_at.plus(minute)), "checked: an attempt is due");
        let hour_later = NOW.plus(MAX_SKIPPED);
        assert!(!is_leased(NOW, hour_later.minus(minute)));
        assert!(is_leased(NOW, hour_later), "an older notification may have to be checked");
    }

    #[test]
    fn paused_service_is_leased_only_for_its_deadline() {
        let pause = Pause { at: NOW, operator: "ada".to_owned(), reason: "moved".to_owned(), resumed: None };
        let pauses = Pauses::from_iter([("a".parse().unwrap(), pause)]);
        let leased = |services: &[&str], due_at: EpochMillis, now: EpochMillis| {
            let mut bulkheads = Bulkheads::default();
            bulkheads.add(DueKey { at: due_at, ..due(services) }).unwrap();
            let next = bulkheads.next(&CircuitBreakers::default(), &pauses, now);
            matches!(next, Some(Next::Lease(_)))
        };
        let (check_at, minute) = (deadline::checked_from(NOW), Duration::from_mins(1));
        assert!(leased(&["b"], NOW, NOW.plus(minute)));
        assert!(leased(&["a", "b"], NOW, NOW.plus(minute)));
        assert!(!leased(&["a"], NOW, NOW.plus(minute)));
        assert!(leased(&["a"], NOW, NOW.plus(MAX_SKIPPED)), "once an hour");
        assert!(!leased(&["a"], check_at.minus(minute), check_at.minus(minute)));
        assert!(leased(&["a"], check_at.minus(minute), check_at), "the deadline is over");
        assert!(!leased(&["a"], check_at.plus(minute), check_at.plus(minute * 2)), "it was checked");
    }
}
