//! What happened in a round, as a caller, a service and the table saw it.
//!
//! Times are milliseconds since the round began, on the round's own clock: that of the functions, with all
//! travels in it. `tick` counts what happened, so that of two things at one instant of a clock that stands
//! still one is known to have come first.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// When something was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) tick: u64,
    pub(crate) at: u64,
}

/// From when to when something went on.
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

/// A round's history.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    pub(crate) entries: Vec<Entry>,
    /// Reasons of the messages in the dead-letter queue.
    pub(crate) dead_letters: Vec<String>,
}

#[derive(Clone, Debug)]
pub(crate) enum Entry {
    Sync(Sync),
    Lifecycle(Lifecycle),
    Registration(Registration),
    Reading(Reading),
    Callback(Callback),
    /// What somebody else did, for the reader of a failed round.
    Note(Moment, String),
    /// What must not happen in any round, such as one that never ends.
    Defect(Moment, String),
}

/// One try at a sync.
#[derive(Clone, Debug)]
pub(crate) struct Sync {
    pub(crate) caller: usize,
    pub(crate) key: usize,
    pub(crate) correlation_id: String,
    pub(crate) span: Span,
    pub(crate) answer: Answer,
    /// The key's item right after a 204.
    pub(crate) item: Option<Item>,
    /// Nothing failed and the window was open: only 204 will do.
    pub(crate) calm: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Status(u16, String),
    /// None came: the connection broke, or the caller hung up.
    None,
}

/// A lifecycle action.
#[derive(Clone, Debug)]
pub(crate) struct Lifecycle {
    pub(crate) key: usize,
    pub(crate) action: String,
    /// The key's state after it.
    pub(crate) state: u8,
    pub(crate) span: Span,
    pub(crate) result: Taken,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It was recorded: it closed the window and notified.
    Surely,
    /// A newer action on the key may have been known already, or nobody can say.
    Perhaps,
    /// The rules refused it.
    Refused,
}

#[derive(Clone, Debug)]
pub(crate) struct Registration {
    pub(crate) key: usize,
    pub(crate) service: String,
    pub(crate) registered: bool,
    pub(crate) span: Span,
    pub(crate) done: bool,
}

/// The table and the services when nothing was going on.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    pub(crate) key: usize,
    pub(crate) at: Moment,
    pub(crate) item: Item,
    /// What each service goes by.
    pub(crate) told: BTreeMap<String, Told>,
    /// All was healed, and redelivery has had all the time that it needs.
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
    /// How large it is, about.
    pub(crate) bytes: usize,
}

/// What a service was last told and acted on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
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
    /// How the service treated it.
    pub(crate) behaviour: String,
    /// What it made of it.
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

    pub(crate) fn readings(&self) -> impl Iterator<Item = &Reading> {
        self.entries.iter().filter_map(|entry| if let Entry::Reading(it) = entry { Some(it) } else { None })
    }

    /// Whether a sync may have closed the window, whatever it was answered: a claim whose answer was lost, and
    /// whose place a lifecycle action has taken before the SDK asked again, finds the window closed by somebody
    /// else. Its caller is told 409, and everybody is told the newer.
    pub(crate) fn may_have_claimed(&self, sync: &Sync) -> bool {
        let overtaken = |action: &Lifecycle| {
            action.key == sync.key && action.result != Taken::Refused && action.span.overlaps(sync.span)
        };
        sync.may_have_claimed() || (sync.too_early() && self.lifecycles().any(overtaken))
    }

    pub(crate) fn callbacks(&self) -> impl Iterator<Item = &Callback> {
        self.entries.iter().filter_map(|entry| if let Entry::Callback(it) = entry { Some(it) } else { None })
    }
}

impl Sync {
    pub(crate) fn accepted(&self) -> bool {
        matches!(self.answer, Answer::Status(204, _))
    }

    pub(crate) fn too_early(&self) -> bool {
        matches!(self.answer, Answer::Status(409, _))
    }

    /// Whether it may have closed the window: 502 and 503 leave that open, and so does no answer. So does
    /// 429: the first try's answer may have been lost after it was applied, and the last try throttled.
    pub(crate) fn may_have_claimed(&self) -> bool {
        matches!(self.answer, Answer::Status(204 | 429 | 500.., _) | Answer::None)
    }

    /// Whether both are tries at the same request, as the contract sees it.
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

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status, code) => write!(f, "{status} {code}"),
            Self::None => f.write_str("no answer"),
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
            Self::Sync(Sync { caller, key, correlation_id, span, answer, .. }) => {
                write!(
                    f,
                    "{} → {}  sync of k{key} by c{caller} as {correlation_id}: {answer}",
                    span.began, span.ended
                )
            }
            Self::Lifecycle(Lifecycle { key, action, state, span, result }) => {
                write!(f, "{} → {}  {action} k{key} (state {state}): {result:?}", span.began, span.ended)
            }
            Self::Registration(Registration { key, service, registered, span, done }) => {
                let what = if *registered { "registers" } else { "deregisters" };
                write!(f, "{} → {}  {service} {what} k{key}: {done}", span.began, span.ended)
            }
            Self::Reading(Reading { key, at, item, told, settled }) => {
                write!(f, "{at}  k{key}{}: {item}", if *settled { ", settled" } else { "" })?;
                told.iter().try_for_each(|(service, told)| {
                    write!(f, "; {service} knows {} (state {})", told.sequence, told.state)
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
