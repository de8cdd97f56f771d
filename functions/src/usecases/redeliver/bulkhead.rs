//! Bulkheads: a service that is slow or down takes its own lane of a run and no more.
//!
//! What is due is sorted into lanes by the services that it is pending for, before anything is leased.
//! A lane works on a few notifications at once: on few at first, and on more as they succeed, so that a
//! service that comes back is not met by all that it missed. What a lane has no room for waits in it as a
//! bare key, and costs nobody anything.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use crate::{
    delivery::{CircuitBreakers, CircuitState, RETRY_PERIOD},
    domain::{EpochMillis, ServiceName},
    ledger::DueKey,
};

/// Notifications that a lane works on at once: at first, and at the most.
const INITIAL_CONCURRENCY: usize = 4;
/// The most notifications that a bulkhead works on at once.
const MAX_CONCURRENCY: usize = 32;
/// Keys that wait in a lane. More than it gets through in a run; the rest stays due.
const MAX_QUEUED: usize = 4096;

/// The services that a notification is pending for: the name of its lane.
pub(super) type BulkheadKey = Vec<ServiceName>;

/// The lanes of one run.
#[derive(Debug, Default)]
pub(super) struct Bulkheads(BTreeMap<BulkheadKey, Bulkhead>);

#[derive(Debug)]
struct Bulkhead {
    waiting: VecDeque<DueKey>,
    running: usize,
    concurrency: usize,
}

/// What to do with a key that waits.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Take it up.
    Lease(DueKey),
    /// Leave it, for the next run: none of its services can be told now.
    Skip,
}

impl Bulkheads {
    /// Sorts a key into its lane. False where the lane is full.
    pub(super) fn add(&mut self, due: DueKey) -> bool {
        let bulkhead = self.0.entry(due.pending.clone()).or_insert_with(|| Bulkhead {
            waiting: VecDeque::new(),
            running: 0,
            concurrency: INITIAL_CONCURRENCY,
        });
        let has_room = bulkhead.waiting.len() < MAX_QUEUED;
        if has_room {
            bulkhead.waiting.push_back(due);
        }
        has_room
    }

    /// The next key that there is room for, in any lane.
    pub(super) fn next(&mut self, breakers: &CircuitBreakers, now: EpochMillis) -> Option<Next> {
        let mut bulkheads = self.0.values_mut();
        let bulkhead = bulkheads
            .find(|bulkhead| bulkhead.running < bulkhead.concurrency && !bulkhead.waiting.is_empty())?;
        let due = bulkhead.waiting.pop_front()?;
        if all_circuits_open(&due, breakers, now) {
            return Some(Next::Skip);
        }
        bulkhead.running += 1;
        Some(Next::Lease(due))
    }

    /// A lane is done with one of its keys.
    pub(super) fn done(&mut self, name: &BulkheadKey, succeeded: bool) {
        if let Some(bulkhead) = self.0.get_mut(name) {
            bulkhead.running = bulkhead.running.saturating_sub(1);
            if succeeded {
                bulkhead.concurrency = (bulkhead.concurrency * 2).min(MAX_CONCURRENCY);
            }
        }
    }

    /// Forgets what waits, and tells how many that were.
    pub(super) fn close(&mut self) -> usize {
        self.0.values_mut().map(|bulkhead| std::mem::take(&mut bulkhead.waiting).len()).sum()
    }
}

/// All its services are down, and it is not the time to give them up. One that asked to be left alone is
/// another matter: that is written down.
fn all_circuits_open(due: &DueKey, breakers: &CircuitBreakers, now: EpochMillis) -> bool {
    let is_down = |service: &ServiceName| breakers.of(service) == CircuitState::Open;
    !due.pending.is_empty() && due.pending.iter().all(is_down) && age(due, now) < RETRY_PERIOD
}

fn age(due: &DueKey, now: EpochMillis) -> Duration {
    now.since(due.notified_at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::KeyId;

    const NOW: EpochMillis = EpochMillis::new(1_795_496_400_000);

    fn due(services: &[&str]) -> DueKey {
        DueKey {
            instance: "5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11".parse().unwrap(),
            key: KeyId::random(),
            at: NOW,
            notified_at: NOW,
            pending: services.iter().map(|service| service.parse().unwrap()).collect(),
        }
    }

    /// Takes up all that there is room for, and tells for which services.
    fn redeliver_one(bulkheads: &mut Bulkheads, breakers: &CircuitBreakers) -> Vec<BulkheadKey> {
        std::iter::from_fn(|| bulkheads.next(breakers, NOW))
            .map(|next| match next {
                Next::Lease(due) => due.pending,
                Next::Skip => Vec::new(),
            })
            .collect()
    }

    #[test]
    fn a_lane_that_stands_still_holds_up_no_other() {
        let (mut bulkheads, breakers) = (Bulkheads::default(), CircuitBreakers::default());
        for _ in 0..100 {
            assert!(bulkheads.add(due(&["a"])));
        }
        assert_eq!(redeliver_one(&mut bulkheads, &breakers).len(), INITIAL_CONCURRENCY);
        bulkheads.add(due(&["b"]));
        let b = due(&["b"]).pending;
        assert_eq!(redeliver_one(&mut bulkheads, &breakers), [b]);
        assert_eq!(bulkheads.close(), 100 - INITIAL_CONCURRENCY);
    }

    #[test]
    fn a_lane_widens_as_it_succeeds() {
        let (mut bulkheads, breakers) = (Bulkheads::default(), CircuitBreakers::default());
        for _ in 0..100 {
            bulkheads.add(due(&["a"]));
        }
        let mut running = redeliver_one(&mut bulkheads, &breakers).len();
        for succeeded in [false, true, true, true, true] {
            bulkheads.done(&due(&["a"]).pending, succeeded);
            running = running - 1 + redeliver_one(&mut bulkheads, &breakers).len();
        }
        assert_eq!(running, MAX_CONCURRENCY);
    }

    #[test]
    fn a_lane_has_room_for_so_many_and_no_more() {
        let mut bulkheads = Bulkheads::default();
        let took = (0..=MAX_QUEUED).filter(|_| bulkheads.add(due(&["a"]))).count();
        assert_eq!(took, MAX_QUEUED);
    }

    #[test]
    fn what_is_due_for_services_that_are_down_is_left_until_it_is_given_up() {
        let (mut bulkheads, breakers) = (Bulkheads::default(), CircuitBreakers::default());
        crate::delivery::tests::take_down(&breakers, &"a".parse().unwrap());
        bulkheads.add(due(&["a"]));
        assert_eq!(bulkheads.next(&breakers, NOW), Some(Next::Skip));
        bulkheads.add(due(&["a", "b"]));
        assert!(matches!(bulkheads.next(&breakers, NOW), Some(Next::Lease(_))), "b can be told");
        bulkheads.add(due(&["a"]));
        assert!(matches!(bulkheads.next(&breakers, NOW.plus(RETRY_PERIOD)), Some(Next::Lease(_))));
    }
}
