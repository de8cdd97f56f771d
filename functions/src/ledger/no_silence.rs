//! Property: whatever happens to a key, exactly those services are found overdue that did not
//! acknowledge in time (guarantee G9).
//!
//! Random sequences of notifications, acknowledgements, runs of `redeliver`, crashes and clock
//! steps, on an item in memory. What the code finds from the bounded item is compared with a
//! witness that remembers every acknowledgement. `tests/e2e/random_deadlines.rs` plays shorter ones
//! on a table.

use std::{collections::BTreeMap, time::Duration};

use super::{
    Acknowledgement, Acknowledgements, Deadline, Notification, Notified,
    acknowledge::acknowledged_sequence,
    item::tests::{delivered, notification},
};
use crate::domain::{ClaimId, EpochMillis, EventId, LeaseId, ServiceName, deadline};

const SEQUENCES: u64 = 3000;
const STEPS: usize = 60;
const MINUTE: Duration = Duration::from_mins(1);

/// An acknowledgement as its service made it.
struct Made {
    service: ServiceName,
    sequence: u64,
    at: EpochMillis,
}

/// A process between its read of the item and its confirmation.
struct Running {
    read: Notification,
    at: EpochMillis,
    /// The number of acknowledgements that had arrived.
    arrived: usize,
    is_run: bool,
}

impl Running {
    fn new(world: &World, is_run: bool) -> Self {
        Self { read: world.item.clone(), at: world.now, arrived: world.made.len(), is_run }
    }
}

struct World {
    rng: fastrand::Rng,
    now: EpochMillis,
    item: Notification,
    due_at: Option<EpochMillis>,
    running: Vec<Running>,
    /// The notifications so far, by number.
    notified: BTreeMap<u64, Notified>,
    made: Vec<Made>,
    /// The witness: for each service the oldest notification that it owes, and the newest confirmed
    /// one if that is another and must be checked, too.
    owed: BTreeMap<ServiceName, Vec<Notified>>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut item = notification();
        (item.sequence, item.key.sequence, item.key.claim) = (0, 0, None);
        (item.key.pending, item.key.retries) = (BTreeMap::new(), BTreeMap::new());
        Self {
            rng: fastrand::Rng::with_seed(seed),
            now: item.at,
            item,
            due_at: None,
            running: Vec::new(),
            notified: BTreeMap::new(),
            made: Vec::new(),
            owed: BTreeMap::new(),
        }
    }

    /// What a claim and the record of an action write.
    fn notify(&mut self) {
        let item = &mut self.item;
        item.sequence += 1;
        // Ordered, although no time passes between some.
        let claim: ClaimId = format!("019aaf60-0000-7000-8000-{:012x}", item.sequence).parse().unwrap();
        item.claim = claim;
        item.lease = claim.into();
        item.at = self.now;
        let key = &mut item.key;
        (key.claim, key.lease) = (Some(item.claim), Some(item.lease));
        (key.sequence, key.notified_at) = (item.sequence, Some(item.at));
        (key.pending, key.outcome) = (key.services.clone(), BTreeMap::new());
        self.notified.insert(item.sequence, Notified::from(&*item));
        self.due_at = Some(self.now.plus(MINUTE));
        self.running.push(Running::new(self, false));
    }

    /// A run of `redeliver` leases the item if it is due.
    fn lease(&mut self) {
        if self.due_at.is_some_and(|due_at| due_at <= self.now) {
            self.item.lease = LeaseId::unique();
            self.item.key.lease = Some(self.item.lease);
            self.due_at = Some(self.now.plus(MINUTE));
            self.running.push(Running::new(self, true));
        }
    }

    /// A process reports and confirms, unless it dies before or in between.
    fn finish(&mut self) {
        if self.running.is_empty() {
            return;
        }
        let nth = self.rng.usize(..self.running.len());
        let running = self.running.swap_remove(nth);
        let Running { ref read, at, is_run, .. } = running;
        let is_first = read.key.deadline.as_ref().is_none_or(|stored| !stored.is_of(read));
        let mut deadline = Deadline::after(read, at, |_| true).unwrap();
        let holds = read.claim == self.item.claim && read.lease == self.item.lease;
        // A process that has lost its lease reports what it read, which was true then.
        let found = if is_run && holds { deadline.check(&read.key, at) } else { None };
        let dies = self.rng.u8(..5) == 0;
        if holds && !dies && is_first {
            self.witness_confirmation(&running);
        }
        if is_run && holds {
            let found = found.iter().flatten();
            let found: Vec<_> = found.map(|it| (it.service.clone(), it.notification.sequence)).collect();
            assert_eq!(sorted(found), self.witness_check(&running, !dies, is_first), "at {at}");
        }
        if holds && !dies {
            self.due_at = deadline.check_at();
            self.item.key.deadline = Some(deadline);
            self.item.key.pending.clear();
            self.item.key.outcome = delivered(&self.item);
            let services = self.item.key.services.clone();
            let outcome = self.item.key.outcome.values().next().unwrap().clone();
            self.item.key.outcome = services.into_keys().map(|it| (it, outcome.clone())).collect();
        }
    }

    fn acknowledge(&mut self) {
        let Some(newest) = self.notified.keys().next_back().copied() else { return };
        let services: Vec<_> = self.item.key.services.keys().cloned().collect();
        let service = self.rng.choice(services).unwrap();
        let sequence = self.rng.u64(newest.saturating_sub(2).max(1)..=newest);
        let notified = &self.notified[&sequence];
        // It arrives within the time that the check waits for.
        let at = self.now.minus(MINUTE * self.rng.u32(..5)).max(notified.at);
        let event = EventId { key: self.item.key.crn.key, claim: notified.claim, service: service.clone() };
        self.made.push(Made { service: service.clone(), sequence, at });
        let key = &self.item.key;
        if let Ok(sequence) = acknowledged_sequence(&self.item, &event, at) {
            let new = Acknowledgement { at, key_state: String::new(), resource: None };
            let stored = key.acknowledged.get(&service);
            let owed: Vec<_> = key.owed(&service).collect();
            let after = Acknowledgements::after(stored, &new, sequence, &owed, key);
            self.item.key.acknowledged.insert(service, after);
        }
    }

    /// Whether the service acted in time, as far as the process knows.
    fn is_acknowledged(&self, service: &ServiceName, notified: &Notified, running: &Running) -> bool {
        self.made[..running.arrived].iter().any(|made| {
            made.service == *service
                && made.sequence >= notified.sequence
                && made.at <= deadline::of(notified.at)
        })
    }

    fn witness_confirmation(&mut self, running: &Running) {
        let read = &running.read;
        for service in read.key.services.keys() {
            let owed = self.owed.remove(service).unwrap_or_default().into_iter();
            let silent: Vec<_> = owed.filter(|it| !self.is_acknowledged(service, it, running)).collect();
            let kept = silent.into_iter().next();
            self.owed.insert(service.clone(), kept.into_iter().chain([read.into()]).collect());
        }
    }

    /// The services that are overdue at a check.
    fn witness_check(
        &mut self,
        running: &Running,
        is_recorded: bool,
        is_first: bool,
    ) -> Vec<(ServiceName, u64)> {
        let mut owed = self.owed.clone();
        if is_first && !is_recorded {
            let before = self.owed.clone();
            self.witness_confirmation(running);
            owed = std::mem::replace(&mut self.owed, before);
        }
        let mut overdue = Vec::new();
        for (service, owed) in &mut owed {
            let is_over = |notified: &Notified| deadline::checked_from(notified.at) <= running.at;
            let over: Vec<_> = owed.extract_if(.., |notified| is_over(notified)).collect();
            let over = over.into_iter().filter(|it| !self.is_acknowledged(service, it, running));
            overdue.extend(over.map(|notified| (service.clone(), notified.sequence)));
        }
        if is_recorded {
            self.owed = owed;
        }
        sorted(overdue)
    }

    fn step(&mut self) {
        match self.rng.u8(..12) {
            0 | 1 => self.notify(),
            2 | 3 => self.lease(),
            4..=6 => self.finish(),
            7 | 8 => self.acknowledge(),
            9 => self.now = self.now.plus(MINUTE * self.rng.u32(1..60)),
            10 => self.now = self.now.plus(MINUTE),
            _ => self.now = self.now.plus(Duration::from_hours(1) * self.rng.u32(1..5)),
        }
    }
}

fn sorted(mut found: Vec<(ServiceName, u64)>) -> Vec<(ServiceName, u64)> {
    found.sort();
    found
}

#[test]
fn every_silent_service_is_found_once() {
    let first = std::env::var("KEYSYNC_TEST_SEED").map_or(1, |seed| seed.parse().expect("an integer"));
    for seed in first..first + SEQUENCES {
        println!("seed {seed}");
        let mut world = World::new(seed);
        (0..STEPS).for_each(|_| world.step());
        for _ in 0..200 {
            world.now = world.now.plus(Duration::from_mins(30));
            world.lease();
            world.finish();
        }
        assert_eq!(world.due_at, None, "the item leaves the index");
        assert!(world.owed.values().all(Vec::is_empty), "every deadline was checked: {:?}", world.owed);
    }
}
