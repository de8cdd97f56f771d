//! The history of a round, as observed by callers, services and the table.
//!
//! Times are milliseconds since the start of the round on the round's clock: the functions' clock,
//! including every clock advance. `tick` numbers the observations, which orders two at the same
//! time of a stopped clock.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// A time and its place in the order of observations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) tick: u64,
    pub(crate) at: u64,
}

/// The start and the end of an action.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) began: Moment,
    pub(crate) ended: Moment,
}

impl Span {
    pub(crate) fn overlaps(self, other: Self) -> bool {
        self.ended.tick > other.began.tick && self.began.tick < other.ended.tick
    }
}

/// The history of a round.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    pub(crate) entries: Vec<Entry>,
    /// The reasons of the messages in the dead-letter queue.
    pub(crate) dead_letters: Vec<String>,
    /// The trace of each key.
    pub(crate) traces: Vec<Vec<keysync_model::trace::Event>>,
}

#[derive(Clone, Debug)]
pub(crate) enum Entry {
    Sync(Sync),
    Lifecycle(Lifecycle),
    Registration(Registration),
    Snapshot(Snapshot),
    Callback(Callback),
    /// Anything else that helps to understand a failed round.
    Note(Moment, String),
    /// A failure of the round itself, such as a hang.
    Defect(Moment, String),
}

/// One attempt of a sync.
#[derive(Clone, Debug)]
pub(crate) struct Sync {
    pub(crate) caller: usize,
    pub(crate) key: usize,
    pub(crate) correlation_id: String,
    pub(crate) span: Span,
    pub(crate) response: Response,
    /// The key's item immediately after a 204.
    pub(crate) item: Option<Item>,
    /// Whether only 204 is acceptable, because there were no faults and the window was open.
    pub(crate) must_succeed: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Response {
    Status(u16, String),
    /// No response: the connection broke, or the caller dropped it.
    None,
}

/// A lifecycle action.
#[derive(Clone, Debug)]
pub(crate) struct Lifecycle {
    pub(crate) key: usize,
    pub(crate) action: String,
    /// The key's state after the action.
    pub(crate) state: u8,
    pub(crate) span: Span,
    pub(crate) result: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Recorded: it closed the window and filled the outbox.
    Recorded,
    /// Unknown, for example because a newer action may have been recorded before.
    Uncertain,
    /// Rejected by the rules of the key's state.
    Rejected,
}

#[derive(Clone, Debug)]
pub(crate) struct Registration {
    pub(crate) key: usize,
    pub(crate) service: String,
    pub(crate) registered: bool,
    pub(crate) span: Span,
    pub(crate) done: bool,
}

/// The table and the services while no action is running.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub(crate) key: usize,
    pub(crate) at: Moment,
    pub(crate) item: Item,
    /// The notification that each service last acted on.
    pub(crate) notified: BTreeMap<String, Notified>,
    /// Whether all faults were removed and redelivery had enough time to finish.
    pub(crate) settled: bool,
}

/// A key's item.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) sequence: u64,
    pub(crate) notified_at: Option<u64>,
    pub(crate) claim: Option<String>,
    pub(crate) correlation_id: Option<String>,
    pub(crate) caller: Option<String>,
    pub(crate) state: u8,
    pub(crate) version: String,
    pub(crate) services: BTreeSet<String>,
    pub(crate) pending: BTreeSet<String>,
    pub(crate) retries: BTreeSet<String>,
    pub(crate) due_at: Option<u64>,
    /// Approximate size.
    pub(crate) bytes: usize,
}

/// The notification that a service last acted on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notified {
    pub(crate) sequence: u64,
    pub(crate) state: u8,
    pub(crate) version: String,
}

/// A callback that reached a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Callback {
    pub(crate) service: String,
    pub(crate) key: usize,
    pub(crate) at: Moment,
    pub(crate) event_id: String,
    pub(crate) sequence: u64,
    pub(crate) state: u8,
    pub(crate) version: String,
    pub(crate) action: String,
    /// The scheduled behaviour of the service.
    pub(crate) behaviour: String,
    /// The verdict of the service.
    pub(crate) verdict: String,
}

impl History {
    pub(crate) fn syncs(&self) -> impl Iterator<Item = &Sync> {
        self.entries.iter().filter_map(|entry| if let Entry::Sync(sync) = entry { Some(sync) } else { None })
    }

    pub(crate) fn lifecycles(&self) -> impl Iterator<Item = &Lifecycle> {
        self.entries.iter().filter_map(|entry| if let Entry::Lifecycle(it) = entry { Some(it) } else { None })
    }

    pub(crate) fn registrations(&self) -> impl Iterator<Item = &Registration> {
        self.entries
            .iter()
            .filter_map(|entry| if let Entry::Registration(it) = entry { Some(it) } else { None })
    }

    pub(crate) fn snapshots(&self) -> impl Iterator<Item = &Snapshot> {
        self.entries.iter().filter_map(|entry| if let Entry::Snapshot(it) = entry { Some(it) } else { None })
    }

    /// Whether a sync may have closed the window, whatever its response. If the response to its
    /// claim is lost, and a lifecycle action replaces the claim before the SDK's retry, the retry
    /// finds the window closed by that action: the caller gets 409, and the services are notified
    /// of the newer claim.
    pub(crate) fn may_have_claimed(&self, sync: &Sync) -> bool {
        let overlapping_action = |action: &Lifecycle| {
            action.key == sync.key && action.result != Outcome::Rejected && action.span.overlaps(sync.span)
        };
        sync.may_have_claimed() || (sync.too_early() && self.lifecycles().any(overlapping_action))
    }

    pub(crate) fn callbacks(&self) -> impl Iterator<Item = &Callback> {
        self.entries.iter().filter_map(|entry| if let Entry::Callback(it) = entry { Some(it) } else { None })
    }
}

impl Sync {
    pub(crate) fn accepted(&self) -> bool {
        matches!(self.response, Response::Status(204, _))
    }

    pub(crate) fn too_early(&self) -> bool {
        matches!(self.response, Response::Status(409, _))
    }

    /// Whether the sync may have closed the window. After 502, 503 or no response this is unknown,
    /// and also after 429: the first attempt may have been applied, with its response lost and the
    /// last attempt throttled.
    pub(crate) fn may_have_claimed(&self) -> bool {
        matches!(self.response, Response::Status(204 | 429 | 500.., _) | Response::None)
    }

    /// Whether both are attempts of the same request: same caller, key and correlation id.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        (self.caller, self.key, &self.correlation_id) == (other.caller, other.key, &other.correlation_id)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (minutes, rest) = (self.at / 60_000, self.at % 60_000);
        write!(f, "#{:<4} {minutes:>3}:{:02}.{:03}", self.tick, rest / 1000, rest % 1000)
    }
}

impl fmt::Display for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status, code) => write!(f, "{status} {code}"),
            Self::None => f.write_str("no response"),
        }
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sequence, notified_at, state, services, pending, due_at, correlation_id, .. } = self;
        let claim = self.claim.as_deref().map_or("-", |claim| claim.rsplit('-').next().unwrap_or(claim));
        write!(
            f,
            "sequence {sequence}, notified at {}, claim …{claim}{}, state {state}, version …{}, \
             services {services:?}, pending {pending:?}, due at {}",
            optional(*notified_at),
            correlation_id.as_ref().map(|id| format!(" by {id}")).unwrap_or_default(),
            self.version.rsplit('-').next().unwrap_or_default(),
            optional(*due_at),
        )
    }
}

fn optional(at: Option<u64>) -> String {
    at.map_or_else(|| "-".to_owned(), |at| Moment { tick: 0, at }.to_string().split_off(5).trim().to_owned())
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sync(Sync { caller, key, correlation_id, span, response, .. }) => {
                write!(
                    f,
                    "{} → {}  sync of k{key} by c{caller} as {correlation_id}: {response}",
                    span.began, span.ended
                )
            }
            Self::Lifecycle(Lifecycle { key, action, state, span, result }) => {
                write!(f, "{} → {}  {action} k{key} (state {state}): {result:?}", span.began, span.ended)
            }
            Self::Registration(Registration { key, service, registered, span, done }) => {
                let verb = if *registered { "registers" } else { "deregisters" };
                write!(f, "{} → {}  {service} {verb} k{key}: {done}", span.began, span.ended)
            }
            Self::Snapshot(Snapshot { key, at, item, notified, settled }) => {
                write!(f, "{at}  k{key}{}: {item}", if *settled { ", settled" } else { "" })?;
                notified.iter().try_for_each(|(service, last)| {
                    write!(f, "; {service} acted on {} (state {})", last.sequence, last.state)
                })
            }
            Self::Callback(Callback {
                service,
                key,
                at,
                sequence,
                state,
                action,
                behaviour,
                verdict,
                ..
            }) => write!(
                f,
                "{at}  callback to {service}: k{key} sequence {sequence}, {action}, state {state}: {behaviour} → {verdict}"
            ),
            Self::Note(at, text) => write!(f, "{at}  {text}"),
            Self::Defect(at, text) => write!(f, "{at}  DEFECT: {text}"),
        }
    }
}
