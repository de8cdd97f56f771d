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
    key::{EpochMillis, ServiceName},
    ledger::DueKey,
    notify::{GIVE_UP_AFTER, Health, Standing},
};

/// Notifications that a lane works on at once: at first, and at the most.
const AT_ONCE: (usize, usize) = (4, 32);
/// Keys that wait in a lane. More than it gets through in a run; the rest stays due.
const WAITING: usize = 4096;

/// The services that a notification is pending for: the name of its lane.
pub(super) type LaneName = Vec<ServiceName>;

/// The lanes of one run.
#[derive(Debug, Default)]
pub(super) struct Lanes(BTreeMap<LaneName, Lane>);

#[derive(Debug)]
struct Lane {
    waiting: VecDeque<DueKey>,
    running: usize,
    at_once: usize,
}

/// What to do with a key that waits.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Take it up.
    TakeUp(DueKey),
    /// Leave it, for the next run: none of its services can be told now.
    Leave,
}

impl Lanes {
    /// Sorts a key into its lane. False where the lane is full.
    pub(super) fn add(&mut self, due: DueKey) -> bool {
        let lane = self.0.entry(due.pending.clone()).or_insert_with(|| Lane {
            waiting: VecDeque::new(),
            running: 0,
            at_once: AT_ONCE.0,
        });
        let has_room = lane.waiting.len() < WAITING;
        if has_room {
            lane.waiting.push_back(due);
        }
        has_room
    }

    /// The next key that there is room for, in any lane.
    pub(super) fn next(&mut self, health: &Health, now: EpochMillis) -> Option<Next> {
        let mut lanes = self.0.values_mut();
        let lane = lanes.find(|lane| lane.running < lane.at_once && !lane.waiting.is_empty())?;
        let due = lane.waiting.pop_front()?;
        if is_hopeless(&due, health, now) {
            return Some(Next::Leave);
        }
        lane.running += 1;
        Some(Next::TakeUp(due))
    }

    /// A lane is done with one of its keys.
    pub(super) fn done(&mut self, name: &LaneName, succeeded: bool) {
        if let Some(lane) = self.0.get_mut(name) {
            lane.running = lane.running.saturating_sub(1);
            if succeeded {
                lane.at_once = (lane.at_once * 2).min(AT_ONCE.1);
            }
        }
    }

    /// Forgets what waits, and tells how many that were.
    pub(super) fn close(&mut self) -> usize {
        self.0.values_mut().map(|lane| std::mem::take(&mut lane.waiting).len()).sum()
    }
}

/// All its services are down, and it is not the time to give them up. One that asked to be left alone is
/// another matter: that is written down.
fn is_hopeless(due: &DueKey, health: &Health, now: EpochMillis) -> bool {
    let is_down = |service: &ServiceName| health.of(service) == Standing::Down;
    !due.pending.is_empty() && due.pending.iter().all(is_down) && age(due, now) < GIVE_UP_AFTER
}

fn age(due: &DueKey, now: EpochMillis) -> Duration {
    now.since(due.notified_at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::KeyId;

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
    fn take_up(lanes: &mut Lanes, health: &Health) -> Vec<LaneName> {
        std::iter::from_fn(|| lanes.next(health, NOW))
            .map(|next| match next {
                Next::TakeUp(due) => due.pending,
                Next::Leave => Vec::new(),
            })
            .collect()
    }

    #[test]
    fn a_lane_that_stands_still_holds_up_no_other() {
        let (mut lanes, health) = (Lanes::default(), Health::default());
        for _ in 0..100 {
            assert!(lanes.add(due(&["a"])));
        }
        assert_eq!(take_up(&mut lanes, &health).len(), AT_ONCE.0);
        lanes.add(due(&["b"]));
        let b = due(&["b"]).pending;
        assert_eq!(take_up(&mut lanes, &health), [b]);
        assert_eq!(lanes.close(), 100 - AT_ONCE.0);
    }

    #[test]
    fn a_lane_widens_as_it_succeeds() {
        let (mut lanes, health) = (Lanes::default(), Health::default());
        for _ in 0..100 {
            lanes.add(due(&["a"]));
        }
        let mut running = take_up(&mut lanes, &health).len();
        for succeeded in [false, true, true, true, true] {
            lanes.done(&due(&["a"]).pending, succeeded);
            running = running - 1 + take_up(&mut lanes, &health).len();
        }
        assert_eq!(running, AT_ONCE.1);
    }

    #[test]
    fn a_lane_has_room_for_so_many_and_no_more() {
        let mut lanes = Lanes::default();
        let took = (0..=WAITING).filter(|_| lanes.add(due(&["a"]))).count();
        assert_eq!(took, WAITING);
    }

    #[test]
    fn what_is_due_for_services_that_are_down_is_left_until_it_is_given_up() {
        let (mut lanes, health) = (Lanes::default(), Health::default());
        crate::notify::tests::take_down(&health, &"a".parse().unwrap());
        lanes.add(due(&["a"]));
        assert_eq!(lanes.next(&health, NOW), Some(Next::Leave));
        lanes.add(due(&["a", "b"]));
        assert!(matches!(lanes.next(&health, NOW), Some(Next::TakeUp(_))), "b can be told");
        lanes.add(due(&["a"]));
        assert!(matches!(lanes.next(&health, NOW.plus(GIVE_UP_AFTER)), Some(Next::TakeUp(_))));
    }
}
