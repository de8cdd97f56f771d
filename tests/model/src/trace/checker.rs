//! The checker of a trace.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Event, EventKind, Impossible, Item, Millis, Request, Write, WriteKind,
    difference::{Expected, difference},
};
use crate::{
    bounds::{Bounds, Explore},
    state::{ProcessId, SERVICES, State, Time},
};

const MINUTE: Time = 60_000;
pub(super) const BOUNDS: Bounds = Bounds {
    callers: 3,
    events: 2,
    redeliverers: 2,
    services: SERVICES,
    window: 60 * MINUTE,
    replay: 10 * MINUTE,
    retry_limit: 24 * 60 * MINUTE,
    // Each confirmation has its own.
    backoff: 60 * MINUTE,
    skew: 0,
    delay: 15 * MINUTE,
    explore: Explore::Everything,
    ..Bounds::SMALL
};
/// The key of a trace.
pub(super) const KEY: usize = 0;

/// Replays a trace of one key, which has at most two services. Returns the number of its steps.
pub fn check(trace: &[Event]) -> Result<usize, Box<Impossible>> {
    let mut checker = Checker::new(trace);
    for (step, event) in trace.iter().enumerate() {
        checker
            .take(event)
            .map_err(|reasons| Box::new(Impossible { step, event: event.clone(), reasons }))?;
    }
    Ok(trace.len())
}

type Reasons = BTreeSet<String>;

/// A state of the model that explains the trace so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) state: State,
    /// The processes that are working, by their lease.
    pub(super) holders: BTreeMap<String, ProcessId>,
}

/// What the trace shows of a request. Several attempts may run at the same time, so this is not by
/// attempt.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    won: bool,
    replayed: bool,
    too_early: bool,
}

pub(super) struct Checker {
    pub(super) now: Millis,
    /// The services, by their number in the model.
    pub(super) services: Vec<String>,
    candidates: Vec<Candidate>,
    /// The item after the last write.
    pub(super) item: Item,
    /// The last claim's request, if it was a sync's.
    pub(super) request: Option<Request>,
    seen: BTreeMap<Request, Seen>,
    pub(super) received: BTreeSet<(String, String)>,
    /// The number that the model's sequence lacks.
    sequences: u64,
}

/// The states after a step, or why there is none.
pub(super) type Next = Result<Vec<Candidate>, String>;

impl Checker {
    fn new(trace: &[Event]) -> Self {
        let mut services = BTreeSet::new();
        for event in trace {
            if let EventKind::Write(write) = &event.kind {
                services.extend(write.item.services.iter().chain(&write.item.pending).cloned());
            }
        }
        assert!(services.len() <= SERVICES, "the model has {SERVICES} services: {services:?}");
        Self {
            now: trace.first().map_or(0, |event| event.at),
            services: services.into_iter().collect(),
            candidates: vec![Candidate { state: State::initial(&BOUNDS), holders: BTreeMap::new() }],
            item: Item::default(),
            request: None,
            seen: BTreeMap::new(),
            received: BTreeSet::new(),
            sequences: 0,
        }
    }

    fn take(&mut self, event: &Event) -> Result<(), Reasons> {
        match &event.kind {
            EventKind::Write(write) => {
                self.advance(event.at);
                self.write(write)
            }
            EventKind::Callback { service, claim } => {
                self.received.insert((service.clone(), claim.clone()));
                Ok(())
            }
            EventKind::Response { request, status } => self.response(request, *status),
        }
    }

    /// Only the writes determine the time: nothing else depends on it.
    fn advance(&mut self, at: Millis) {
        let passed = Time::try_from(at - self.now).unwrap_or(Time::MAX).max(0);
        self.now = self.now.max(at);
        self.candidates.iter_mut().for_each(|candidate| candidate.state.advance(&BOUNDS, passed));
    }

    fn write(&mut self, write: &Write) -> Result<(), Reasons> {
        self.note(write);
        let mut reasons = Reasons::new();
        let mut next: Vec<Candidate> = Vec::new();
        for candidate in std::mem::take(&mut self.candidates) {
            match self.next(&candidate, write) {
                Ok(found) => {
                    for candidate in found {
                        match difference(&candidate.state, &write.item, &self.expected(&candidate)) {
                            None if next.contains(&candidate) => {}
                            None => next.push(candidate),
                            Some(difference) => drop(reasons.insert(difference)),
                        }
                    }
                }
                Err(reason) => drop(reasons.insert(reason)),
            }
        }
        self.item = write.item.clone();
        self.candidates = next;
        if self.candidates.is_empty() { Err(reasons) } else { Ok(()) }
    }

    /// What does not depend on what the trace leaves open.
    fn note(&mut self, write: &Write) {
        let (WriteKind::Claim { claim, .. } | WriteKind::Record { claim, .. }) = &write.kind else { return };
        if write.applied {
            self.sequences = self.item.sequence.saturating_sub(1);
        }
        match &write.kind {
            WriteKind::Claim { request, clock, .. } => {
                let replayed = self.request.as_ref() == Some(request)
                    && self.item.notified_at.is_some_and(|at| clock - at <= Millis::from(BOUNDS.replay));
                let is_own = self.item.claim.as_ref() == Some(claim);
                let seen = self.seen.entry(request.clone()).or_default();
                seen.won |= write.applied;
                seen.replayed |= !write.applied && !is_own && replayed;
                seen.too_early |= !write.applied && !is_own && !replayed;
                if write.applied {
                    self.request = Some(request.clone());
                }
            }
            _ if write.applied => self.request = None,
            _ => {}
        }
    }

    fn response(&self, request: &Request, status: u16) -> Result<(), Reasons> {
        let seen = self.seen.get(request).copied().unwrap_or_default();
        let reason = match status {
            204 if !seen.won && !seen.replayed => "204 without a claim, or a replay of one",
            404 if self.item != Item::default() => "404 although the key exists",
            409 if !seen.too_early => "409 without a claim that was rejected because of another one",
            _ => return Ok(()),
        };
        Err(Reasons::from([reason.to_owned()]))
    }

    fn expected<'a>(&'a self, candidate: &'a Candidate) -> Expected<'a> {
        Expected {
            now: self.now,
            services: &self.services,
            holders: &candidate.holders,
            request: self.request.as_ref(),
            sequences: self.sequences,
            floor: BOUNDS.notified_floor(),
        }
    }
}
