//! Traces: what a run of the code did to a key, step by step, replayed through the model.
//!
//! A trace contains every write to the key's item in the order in which the table applied them, the
//! callbacks that services received, and the responses of callers. [`check`] takes the model's step
//! for each, and compares the item after it. What a trace leaves open, such as whether a response
//! arrived, is searched: the checker keeps every state of the model that explains the trace so far.
//! A trace without any is impossible.
//!
//! Differences to an exploration of the model:
//!
//! - A tick is a millisecond, and the durations of leases and of backoffs are those of the code.
//! - A service without registrations at the claim counts as notified.
//! - Between notifications, numbers that only their order gives a meaning are renamed (reduction 1
//!   in `reductions.rs`), and processes of an older notification end (reduction 2): their late
//!   confirmations must be rejected.

mod checker;
mod difference;
mod steps;

pub use checker::check;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// Milliseconds on the clock of the trace.
pub type Millis = i64;

/// A step of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// True time.
    pub at: Millis,
    /// What happened.
    pub kind: EventKind,
}

/// The kinds of steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A write reached the table.
    Write(Box<Write>),
    /// A service received a callback.
    Callback {
        /// The service.
        service: String,
        /// The notification.
        claim: String,
    },
    /// A caller got a response.
    Response {
        /// The request.
        request: Request,
        /// The response's status.
        status: u16,
    },
}

/// A caller's request: all attempts have the same caller and correlation id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Request {
    /// The caller.
    pub caller: String,
    /// The correlation id.
    pub correlation_id: String,
}

/// A conditional write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// The write.
    pub kind: WriteKind,
    /// Whether its condition held.
    pub applied: bool,
    /// Whether its sender got the response.
    pub response: Delivery,
    /// The item after it.
    pub item: Item,
}

/// Whether a response reached its receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It did.
    Delivered,
    /// It did not.
    Lost,
    /// The trace does not tell.
    Unknown,
}

impl Delivery {
    /// Whether the model's response is lost: each possibility.
    fn may_be_lost(self) -> &'static [bool] {
        match self {
            Self::Delivered => &[false],
            Self::Lost => &[true],
            Self::Unknown => &[false, true],
        }
    }
}

/// The kinds of writes. `clock` is the writer's clock reading, `until` the end of its lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteKind {
    /// The claim of a sync.
    Claim {
        /// The claim's id.
        claim: String,
        /// The request.
        request: Request,
        /// The clock reading.
        clock: Millis,
        /// The end of the lease.
        until: Millis,
    },
    /// The record of a lifecycle action.
    Record {
        /// The claim's id.
        claim: String,
        /// When the action was taken.
        occurred_at: Millis,
        /// The clock reading.
        clock: Millis,
        /// The end of the lease.
        until: Millis,
    },
    /// The lease of a redelivery.
    Lease {
        /// The lease's id.
        lease: String,
        /// The clock reading.
        clock: Millis,
        /// The end of the lease.
        until: Millis,
    },
    /// A confirmation.
    Confirm {
        /// The confirmed notification.
        claim: String,
        /// The lease by which it is confirmed.
        lease: String,
    },
    /// A write that must not change what the model has: the creation, a registration.
    Other(String),
}

/// What the model has of a key's item.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Item {
    /// `notified_at`.
    pub notified_at: Option<Millis>,
    /// `sequence`.
    pub sequence: u64,
    /// `event.at`.
    pub event_at: Millis,
    /// `caller` and `correlation_id`.
    pub request: Option<Request>,
    /// `claim`.
    pub claim: Option<String>,
    /// `lease`.
    pub lease: Option<String>,
    /// `due_at`.
    pub due_at: Option<Millis>,
    /// The services with registrations.
    pub services: BTreeSet<String>,
    /// `pending`.
    pub pending: BTreeSet<String>,
    /// `retries`: the next attempts.
    pub retries: BTreeMap<String, Millis>,
    /// `outcome`: the statuses.
    pub outcome: BTreeMap<String, String>,
}

/// A step that no state of the model explains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Impossible {
    /// The number of the step in the trace, from 0.
    pub step: usize,
    /// The step.
    pub event: Event,
    /// Why each state that explains the steps before does not explain this one.
    pub reasons: BTreeSet<String>,
}

impl fmt::Display for Impossible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {} is impossible in the model: {}", self.step, self.event)?;
        self.reasons.iter().try_for_each(|reason| write!(f, "\n    {reason}"))
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms  ", self.at)?;
        match &self.kind {
            EventKind::Write(write) => write!(f, "{write}"),
            EventKind::Callback { service, claim } => write!(f, "{service} receives {}", short(claim)),
            EventKind::Response { request, status } => write!(f, "{request} gets {status}"),
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.caller, self.correlation_id)
    }
}

impl fmt::Display for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            WriteKind::Claim { claim, request, clock, .. } => {
                write!(f, "claim {} by {request} at {clock}", short(claim))?;
            }
            WriteKind::Record { claim, occurred_at, clock, .. } => {
                write!(f, "record {} of an action at {occurred_at}, at {clock}", short(claim))?;
            }
            WriteKind::Lease { lease, clock, .. } => write!(f, "lease {} at {clock}", short(lease))?,
            WriteKind::Confirm { claim, lease } => {
                write!(f, "confirmation of {} by lease {}", short(claim), short(lease))?;
            }
            WriteKind::Other(text) => f.write_str(text)?,
        }
        let result = if self.applied { "applied" } else { "rejected" };
        write!(f, ": {result}, response {:?}", self.response)
    }
}

/// The end of an id, which differs most.
fn short(id: &str) -> &str {
    id.get(id.len().saturating_sub(8)..).unwrap_or(id)
}
