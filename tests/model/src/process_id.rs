//! The processes of the model, by number.

use crate::state::{CALLERS, EVENTS, KEYS, PROCESSES};

/// The id of a process: a caller's request, the worker of a lifecycle event, or a redeliverer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProcessId(pub(crate) u8);

/// The role of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A request of a caller.
    Caller(usize),
    /// The worker of an event of a key; events are numbered from 1 in order.
    Lifecycle {
        /// The key.
        key: usize,
        /// The number of the event.
        event: u8,
    },
    /// A redeliverer.
    Redeliverer(usize),
}

impl ProcessId {
    fn at(index: usize) -> Self {
        Self(u8::try_from(index).unwrap_or(u8::MAX))
    }

    /// The process of a request.
    #[must_use]
    pub fn caller(caller: usize) -> Self {
        Self::at(caller)
    }

    /// The worker of an event.
    #[must_use]
    pub fn lifecycle(key: usize, event: u8) -> Self {
        Self::at(CALLERS + key * EVENTS + usize::from(event) - 1)
    }

    /// A redeliverer.
    #[must_use]
    pub fn redeliverer(redeliverer: usize) -> Self {
        Self::at(CALLERS + KEYS * EVENTS + redeliverer)
    }

    /// The place in `State::processes`.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// Every process.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..PROCESSES).map(Self::at)
    }

    /// What it does.
    #[must_use]
    pub fn role(self) -> Role {
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
