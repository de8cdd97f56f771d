//! What the model remembers: the items, the receivers, the processes at work.
//!
//! All instants are ticks *from now*: an item that was notified two ticks ago has `notified_at == -2`.
//! What lies too far back to matter stays at a floor. So time can go on for ever without a new state.

use std::hash::{Hash, Hasher};

use crate::{
    bounds::{Bounds, Explore},
    reductions,
};

/// The most of each that a configuration can have.
pub(crate) const KEYS: usize = 2;
pub(crate) const CALLERS: usize = 3;
pub(crate) const EVENTS: usize = 2;
pub(crate) const REDELIVERERS: usize = 2;
pub(crate) const SERVICES: usize = 2;
pub(crate) const PROCESSES: usize = CALLERS + KEYS * EVENTS + REDELIVERERS;

/// Ticks from now.
pub(crate) type Time = i8;
/// No instant at all.
pub(crate) const NEVER: Time = Time::MAX;

/// A process: a caller's request, the worker for a lifecycle event, a redeliverer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Who(pub(crate) u8);

/// What a process is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Caller(usize),
    /// The worker for an event of a key; events count from 1, the later the greater.
    Lifecycle {
        key: usize,
        event: u8,
    },
    Redeliverer(usize),
}

impl Who {
    fn at(index: usize) -> Self {
        Self(u8::try_from(index).unwrap_or(u8::MAX))
    }

    pub(crate) fn caller(caller: usize) -> Self {
        Self::at(caller)
    }

    pub(crate) fn lifecycle(key: usize, event: u8) -> Self {
        Self::at(CALLERS + key * EVENTS + usize::from(event) - 1)
    }

    pub(crate) fn redeliverer(redeliverer: usize) -> Self {
        Self::at(CALLERS + KEYS * EVENTS + redeliverer)
    }

    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }

    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..PROCESSES).map(Self::at)
    }

    pub(crate) fn role(self) -> Role {
        let index = self.index();
        if index < CALLERS {
            Role::Caller(index)
        } else if index < CALLERS + KEYS * EVENTS {
            let nth = index - CALLERS;
            let event = if nth.is_multiple_of(EVENTS) { 1 } else { 2 };
            Role::Lifecycle { key: nth / EVENTS, event }
        } else {
            Role::Redeliverer(index - CALLERS - KEYS * EVENTS)
        }
    }
}

/// What the outbox of a key says of one service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    /// It is in `pending`.
    pub(crate) pending: bool,
    /// It left `pending` untold, given up.
    pub(crate) given_up: bool,
    /// `retries`: how often it was tried in vain (counted only where a configuration asks for it).
    pub(crate) attempts: u8,
    /// `retries`: when to try again. Zero or less: at once.
    pub(crate) next_at: Time,
}

/// The one item of a key. `claim` is not there: it changes whenever `sequence` does, and only then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) notified_at: Time,
    pub(crate) sequence: u8,
    /// The latest event known; 0 for none.
    pub(crate) event: u8,
    /// `caller` and `correlation_id`: whose request closed the window.
    pub(crate) closed_by: Option<Who>,
    /// Who may settle the outbox. Cleared when that process ends: its lease id is then nobody's.
    pub(crate) lease: Option<Who>,
    pub(crate) due_at: Option<Time>,
    pub(crate) outbox: [Entry; SERVICES],
}

/// A service's view of a key, and what is still on its way to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Receiver {
    /// The sequence that it knows.
    pub(crate) knows: u8,
    /// Callbacks in flight that their sender has given up, a bit for each sequence.
    pub(crate) in_flight: u16,
}

/// What really happened to a key, kept apart from what its item says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct History {
    /// The latest clock reading under which anybody closed the window.
    pub(crate) closed_at: Time,
    /// When the last sync closed it, by true time.
    pub(crate) synced_at: Time,
}

/// How far a process has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// Has nothing to do, or not yet.
    #[default]
    Idle,
    /// Has read the item and found the window open. Only where a guard is removed.
    Looked,
    /// Its write is applied, and it does not know.
    Unsure,
    /// Has won, with the outbox yet to be filled. Only where a guard is removed.
    Unfilled,
    /// Is telling the services in `todo`.
    Holding,
    /// Knows which callbacks were acknowledged.
    Delivered,
    /// Has been answered for the last time.
    Done,
}

/// A process and what it has in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Process {
    pub(crate) step: Step,
    /// Of callers: a claim with this request's correlation id has been written, and came to nothing known.
    pub(crate) claimed: bool,
    pub(crate) key: u8,
    pub(crate) sequence: u8,
    /// The services to tell, a bit each.
    pub(crate) todo: u8,
    /// Those of them that have acknowledged.
    pub(crate) acknowledged: u8,
    /// The earliest next try among the services that are pending and not in `todo`.
    pub(crate) others_next_at: Time,
    /// The clock reading of an earlier try of its lease request that is still under way.
    pub(crate) straggler: Time,
}

impl Process {
    pub(crate) const IDLE: Self = Self {
        step: Step::Idle,
        claimed: false,
        key: 0,
        sequence: 0,
        todo: 0,
        acknowledged: 0,
        others_next_at: NEVER,
        straggler: NEVER,
    };

    pub(crate) fn key(self) -> usize {
        usize::from(self.key)
    }

    /// It has a run to finish.
    pub(crate) fn is_at_work(self) -> bool {
        !matches!(self.step, Step::Idle | Step::Done)
    }
}

/// What was seen to happen that must not, a bit each (see `guarantees.rs`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Broken(pub(crate) u16);

/// A state of everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) items: [Item; KEYS],
    pub(crate) receivers: [[Receiver; SERVICES]; KEYS],
    pub(crate) history: [History; KEYS],
    pub(crate) processes: [Process; PROCESSES],
    pub(crate) broken: Broken,
    /// States that differ in names only are one (see `reductions.rs`).
    pub(crate) nameless: bool,
}

impl State {
    pub(crate) fn initial(bounds: &Bounds) -> Self {
        let item = Item {
            notified_at: bounds.long_ago(),
            sequence: 0,
            event: 0,
            closed_by: None,
            lease: None,
            due_at: None,
            outbox: [Entry::default(); SERVICES],
        };
        Self {
            items: [item; KEYS],
            receivers: [[Receiver::default(); SERVICES]; KEYS],
            history: [History { closed_at: bounds.long_ago(), synced_at: bounds.far_enough() }; KEYS],
            processes: [Process::IDLE; PROCESSES],
            broken: Broken::default(),
            nameless: bounds.explore != Explore::Everything,
        }
    }

    pub(crate) fn process(&self, who: Who) -> &Process {
        &self.processes[who.index()]
    }

    pub(crate) fn process_mut(&mut self, who: Who) -> &mut Process {
        &mut self.processes[who.index()]
    }

    /// One tick goes by.
    pub(crate) fn tick(&mut self, bounds: &Bounds) {
        let older = |time: Time, floor: Time| if time == NEVER { NEVER } else { floor.max(time - 1) };
        for item in &mut self.items {
            item.notified_at = older(item.notified_at, bounds.long_ago());
            item.due_at = item.due_at.map(|due_at| older(due_at, 0));
            for entry in &mut item.outbox {
                entry.next_at = older(entry.next_at, 0);
            }
        }
        for history in &mut self.history {
            history.closed_at = older(history.closed_at, bounds.long_ago());
            history.synced_at = older(history.synced_at, bounds.far_enough());
        }
        for process in &mut self.processes {
            process.others_next_at = older(process.others_next_at, 0);
            process.straggler = if process.straggler > 0 { older(process.straggler, 0) } else { NEVER };
        }
    }
}

/// The checker knows a state by its hash, so what hashes alike is explored once.
impl Hash for State {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write(&if self.nameless { reductions::nameless(self) } else { reductions::bytes(self) });
    }
}
