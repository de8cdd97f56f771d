//! The state of the model: items, receivers and processes.
//!
//! All times are ticks *from now*: an item that was notified two ticks ago has `notified_at == -2`.
//! Times too long ago to have an effect stay at a floor, so that time can advance without creating
//! new states.

use std::hash::{Hash, Hasher};

pub use crate::process_id::{ProcessId, Role};
use crate::{
    bounds::{Bounds, Explore},
    reductions,
};

/// Maximum numbers in any configuration.
pub const KEYS: usize = 2;
/// Two requests of one person with different correlation ids, and one of another person with the
/// first of these ids.
pub const CALLERS: usize = 3;
/// Lifecycle events of a key.
pub const EVENTS: usize = 2;
/// Redeliverers.
pub const REDELIVERERS: usize = 2;
/// Services.
pub const SERVICES: usize = 2;
/// All processes.
pub const PROCESSES: usize = CALLERS + KEYS * EVENTS + REDELIVERERS;

/// Ticks from now.
pub type Time = i32;
/// No time.
pub const NEVER: Time = Time::MAX;

/// The outbox entry of one service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Whether the service is in `pending`.
    pub pending: bool,
    /// Whether the service is to leave `pending`, or left it, without being notified.
    pub exhausted: bool,
    /// `retries`: number of failed attempts, counted only with a retry limit.
    pub attempts: u8,
    /// `retries`: time of the next attempt. Zero or less means immediately.
    pub next_at: Time,
}

/// The item of a key. It has no `claim`, which changes exactly when `sequence` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// `notified_at`.
    pub notified_at: Time,
    /// `sequence`.
    pub sequence: u8,
    /// The last recorded event, or 0.
    pub event: u8,
    /// `caller` and `correlation_id`: the request that closed the window.
    pub closed_by: Option<ProcessId>,
    /// The process that may settle the outbox. Cleared when that process ends.
    pub lease: Option<ProcessId>,
    /// `due_at`.
    pub due_at: Option<Time>,
    /// `pending`, `retries` and `outcome`.
    pub outbox: [Entry; SERVICES],
    /// `acknowledged`: the services that acknowledged the last notification in time, a bit each.
    pub acknowledged: u8,
    /// `deadline.checked`: whether the acknowledgements of the last notification were checked.
    pub checked: bool,
    /// Whether `deadline` belongs to the last notification: it was confirmed.
    pub confirmed: bool,
    /// `deadline.older`: the time of the oldest notification that a service has not acknowledged,
    /// if it is an older one; otherwise `NEVER`. The code determines it when it confirms the last
    /// one, from what the claim has read.
    pub older: [Time; SERVICES],
    /// Whether that one is acknowledged, a bit each. Only its check forgets it.
    pub older_acknowledged: u8,
    /// The latest instant at which a service acted, by its acknowledgements of the last
    /// notification; `NEVER` without one. Only with `Bounds::any_acknowledgement`.
    pub counted: [Time; SERVICES],
    /// `purged_at`: the key counts as absent.
    pub purged: bool,
    /// `replay`: the number of an operator's replays. Never reset.
    pub replays: u8,
    /// `replay.at`: the clock reading of the last one, from which retries count. Only with a retry
    /// limit.
    pub replayed_at: Time,
}

/// A service's state of a key, and the callbacks in flight to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Receiver {
    /// The highest sequence that it has received.
    pub last_sequence: u8,
    /// Callbacks in flight that timed out at their sender, a bit for each sequence.
    pub in_flight: u16,
}

/// The actual history of a key, independent of its item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct History {
    /// The latest clock reading with which the window was closed.
    pub closed_at: Time,
    /// True time of the last sync that closed the window.
    pub synced_at: Time,
    /// The services that were reported as overdue with the last notification, a bit each.
    pub reported: u8,
    /// Whether a check of the last notification was recorded after its reports.
    pub recorded: bool,
    /// The time of the oldest confirmed notification that a service has not acknowledged, and that
    /// was not reported; otherwise `NEVER`.
    pub owed: [Time; SERVICES],
}

/// The progress of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Has nothing to do.
    #[default]
    Idle,
    /// Has read the item and found the window open. Only with a guard removed.
    HasRead,
    /// Its write was applied, but the response was lost.
    ResponseLost,
    /// Has won and must still fill the outbox. Only with a guard removed.
    Unfilled,
    /// Is delivering to the services in `to_notify`.
    Delivering,
    /// Knows which callbacks were acknowledged.
    Delivered,
    /// Has checked the deadline.
    Checked,
    /// Has recorded its check and must still report. Only with a guard removed.
    Reporting,
    /// Has its final response.
    Done,
}

/// A process and its memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Process {
    /// Its progress.
    pub step: Step,
    /// For callers: whether an earlier attempt of this request wrote a claim with an unknown
    /// outcome.
    pub claimed: bool,
    /// The key that it works on.
    pub key: u8,
    /// The notification that it works on.
    pub sequence: u8,
    /// The services to notify, a bit each.
    pub to_notify: u8,
    /// The services in `to_notify` that have acknowledged.
    pub acknowledged: u8,
    /// The earliest next attempt of the pending services that are not in `to_notify`.
    pub others_next_at: Time,
    /// The clock reading of an earlier attempt of its lease request that is still in flight.
    pub late_request: Time,
    /// `deadline.checked` as its write read it, or as its own check made it.
    pub checked: bool,
    /// The services whose older notification its check found over, a bit each.
    pub checked_older: u8,
    /// The number of replays of the item that it has read. Only with replays.
    pub replays: u8,
    /// The services that were pending when it read the item.
    pub pending: u8,
}

impl Process {
    /// A process without work.
    pub const IDLE: Self = Self {
        step: Step::Idle,
        claimed: false,
        key: 0,
        sequence: 0,
        to_notify: 0,
        acknowledged: 0,
        others_next_at: NEVER,
        late_request: NEVER,
        checked: false,
        checked_older: 0,
        replays: 0,
        pending: 0,
    };

    pub(crate) fn key(self) -> usize {
        usize::from(self.key)
    }

    /// Whether the process has work to finish.
    #[must_use]
    pub fn is_working(self) -> bool {
        !matches!(self.step, Step::Idle | Step::Done)
    }
}

/// The violated guarantees, a bit each (see `guarantees.rs`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Violations(pub u16);

/// A state of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// The items, by key.
    pub items: [Item; KEYS],
    /// The receivers, by key and service.
    pub receivers: [[Receiver; SERVICES]; KEYS],
    /// The history, by key.
    pub history: [History; KEYS],
    /// The processes.
    pub processes: [Process; PROCESSES],
    /// The guarantees that the path to this state violates.
    pub violations: Violations,
    /// Whether states that differ only by symmetry have the same hash (see `reductions.rs`).
    pub symmetric: bool,
}

impl State {
    /// The state in which no key was notified.
    #[must_use]
    pub fn initial(bounds: &Bounds) -> Self {
        let item = Item {
            notified_at: bounds.notified_floor(),
            sequence: 0,
            event: 0,
            closed_by: None,
            lease: None,
            due_at: None,
            outbox: [Entry::default(); SERVICES],
            acknowledged: 0,
            checked: false,
            confirmed: false,
            older: [NEVER; SERVICES],
            older_acknowledged: 0,
            counted: [NEVER; SERVICES],
            purged: false,
            replays: 0,
            replayed_at: bounds.notified_floor(),
        };
        let (closed_at, synced_at) = (bounds.notified_floor(), bounds.synced_floor());
        Self {
            items: [item; KEYS],
            receivers: [[Receiver::default(); SERVICES]; KEYS],
            history: [History { closed_at, synced_at, reported: 0, recorded: false, owed: [NEVER; SERVICES] };
                KEYS],
            processes: [Process::IDLE; PROCESSES],
            violations: Violations::default(),
            symmetric: bounds.explore != Explore::Everything,
        }
    }

    /// A process.
    #[must_use]
    pub fn process(&self, pid: ProcessId) -> &Process {
        &self.processes[pid.index()]
    }

    /// A process.
    pub fn process_mut(&mut self, pid: ProcessId) -> &mut Process {
        &mut self.processes[pid.index()]
    }

    /// Advances time by one tick.
    pub(crate) fn tick(&mut self, bounds: &Bounds) {
        self.advance(bounds, 1);
    }

    /// Advances time by any number of ticks.
    pub fn advance(&mut self, bounds: &Bounds, ticks: Time) {
        let older = |time: Time, floor: Time| if time == NEVER { NEVER } else { floor.max(time - ticks) };
        for item in &mut self.items {
            item.notified_at = older(item.notified_at, bounds.notified_floor());
            item.replayed_at = older(item.replayed_at, bounds.notified_floor());
            item.due_at = item.due_at.map(|due_at| older(due_at, -bounds.delay));
            item.older = item.older.map(|at| older(at, bounds.notified_floor()));
            item.counted = item.counted.map(|at| older(at, bounds.notified_floor()));
            for entry in &mut item.outbox {
                entry.next_at = older(entry.next_at, -bounds.delay);
            }
        }
        for history in &mut self.history {
            history.closed_at = older(history.closed_at, bounds.notified_floor());
            history.synced_at = older(history.synced_at, bounds.synced_floor());
            history.owed = history.owed.map(|at| older(at, bounds.notified_floor()));
        }
        for process in &mut self.processes {
            process.others_next_at = older(process.others_next_at, -bounds.delay);
            // Late requests arrive within the same tick: one from the past cannot be late any more.
            process.late_request =
                if process.late_request >= ticks { older(process.late_request, 0) } else { NEVER };
        }
    }
}

/// The checker identifies a state by its hash, so states with the same hash are explored once.
impl Hash for State {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write(&if self.symmetric { reductions::symmetric(self) } else { reductions::bytes(self) });
    }
}
