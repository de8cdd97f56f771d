//! The claims, dispatches and responses of each key, as the lines tell them.

use std::collections::{BTreeMap, BTreeSet};

use keysync::domain::EventId;

use super::{
    Millis, Position,
    line::{Accepted, Kind, Line, claimed_at},
};

/// Lambda's longest invocation: no process works for longer on what it has leased.
pub(super) const MAX_INVOCATION: Millis = 15 * 60 * 1000;

/// What a log tells.
#[derive(Default)]
pub(super) struct History {
    /// By `<instance>/<key>`.
    pub(super) keys: BTreeMap<String, KeyHistory>,
    /// The runs of `redeliver`.
    pub(super) runs: Vec<Run>,
    /// The services of which a line says that they are paused, and when.
    pub(super) pauses: BTreeMap<String, Vec<Millis>>,
    /// The first and the last instant.
    pub(super) from: Millis,
    pub(super) to: Millis,
    pub(super) lines: usize,
}

/// A run of `redeliver`.
pub(super) struct Run {
    pub(super) started: Millis,
    pub(super) left_nothing_due: bool,
}

/// What a log tells about a key.
#[derive(Default)]
pub(super) struct KeyHistory {
    /// By claim id.
    pub(super) claims: BTreeMap<String, Claim>,
    /// Each invocation's work on a notification.
    pub(super) dispatches: Vec<Dispatch>,
    /// 204 as an idempotent replay.
    pub(super) replayed: Vec<(Line, Accepted)>,
    /// 409, with the instant until which the window is closed.
    pub(super) too_early: Vec<(Line, Option<Millis>)>,
    /// Lines that need a claim and have none, or one that contradicts the event id.
    pub(super) without_claim: Vec<Line>,
    /// Services to which an operator replayed a claim.
    pub(super) operator_replays: BTreeSet<(String, String)>,
}

/// A claim of a key.
pub(super) struct Claim {
    /// When the claimant read its clock, by the claim's id.
    pub(super) at: Millis,
    /// The first instant at which it certainly was in the table.
    pub(super) written_by: Millis,
    /// The line that shows it.
    pub(super) position: Position,
    /// The lines of its own function; empty if the claim is only known from its deliveries.
    pub(super) origins: Vec<Origin>,
}

/// A line in which a function says that it claimed.
pub(super) struct Origin {
    pub(super) position: Position,
    /// The sync; `None` for a lifecycle action.
    pub(super) sync: Option<Accepted>,
}

/// The work of one invocation on one notification.
pub(super) struct Dispatch {
    /// The earliest instant at which it can have leased or claimed.
    pub(super) started: Millis,
    /// When the invocation, or its work on this key, was over. `None` if it did not end.
    pub(super) ended: Option<Millis>,
    /// Whether a line says that the results were not recorded.
    pub(super) is_unconfirmed: bool,
    pub(super) attempts: Vec<Attempt>,
    pub(super) exhausted: Vec<Reported>,
    pub(super) overdue: Vec<Reported>,
}

/// A line that reports a service as exhausted or overdue.
pub(super) struct Reported {
    pub(super) event: EventId,
    pub(super) position: Position,
    pub(super) at: Millis,
    /// When the event's notification was claimed, by its id.
    pub(super) claimed_at: Option<Millis>,
}

/// A delivery attempt.
pub(super) struct Attempt {
    pub(super) position: Position,
    pub(super) event: EventId,
    pub(super) number: u64,
    pub(super) started: Millis,
    pub(super) at: Millis,
    pub(super) is_settled: bool,
}

impl Dispatch {
    /// The end of a dispatch whose results were recorded.
    pub(super) fn confirmed(&self) -> Option<Millis> {
        self.ended.filter(|_| !self.is_unconfirmed)
    }

    /// Whether it settled the delivery of an event: received, refused, or retries exhausted.
    pub(super) fn settles(&self, event: &EventId) -> bool {
        self.attempts.iter().any(|attempt| attempt.event == *event && attempt.is_settled)
            || self.exhausted.iter().any(|exhausted| exhausted.event == *event)
    }
}

impl Claim {
    pub(super) fn syncs(&self) -> impl Iterator<Item = &Accepted> {
        self.origins.iter().filter_map(|origin| origin.sync.as_ref())
    }
}

/// The lines of an invocation about a key and a claim.
type Work = (String, String, String);

impl History {
    /// The history that `lines`, in any order, tell.
    pub(super) fn of(mut lines: Vec<Line>) -> Self {
        lines.sort_by_key(|line| line.at);
        let clock = HarnessClock::of(&lines);
        lines.retain(|line| !matches!(line.kind, Kind::Advanced(_)));
        let mut history = Self { lines: lines.len(), ..Self::default() };
        let mut works: BTreeMap<Work, Dispatch> = BTreeMap::new();
        let mut runs: BTreeMap<String, (Millis, Millis)> = BTreeMap::new();
        for line in &mut lines {
            let passed = clock.passed(line.at);
            if let Kind::TooEarly(Some(until)) = &mut line.kind {
                *until += passed;
            }
            line.started += clock.passed(line.started);
            line.at += passed;
        }
        history.from = lines.iter().map(|line| line.started).min().unwrap_or_default();
        history.to = lines.iter().map(|line| line.at).max().unwrap_or_default();
        for line in lines {
            match &line.kind {
                Kind::Run { left_nothing_due } => {
                    // Lambda repeats a failed asynchronous invocation with the same request ID. The
                    // lines are sorted.
                    let run = runs.entry(line.invocation.clone()).or_insert((line.started, line.at));
                    *run = (run.0.min(line.started), line.at);
                    history.runs.push(Run { started: line.started, left_nothing_due: *left_nothing_due });
                }
                Kind::Paused(service) => history.pauses.entry(service.clone()).or_default().push(line.at),
                _ => history.add(line, &clock, &mut works),
            }
        }
        for key in history.keys.values_mut() {
            // The audit event of a response repeats its log line.
            let is_line = |(_, accepted): &&(Line, Accepted)| !accepted.is_audit;
            let lines: BTreeSet<_> =
                key.replayed.iter().filter(is_line).map(|(_, line)| line.correlation_id.clone()).collect();
            key.replayed.retain(|(_, line)| !line.is_audit || !lines.contains(&line.correlation_id));
        }
        for ((invocation, key, _), mut dispatch) in works {
            if let Some((started, ended)) = runs.get(&invocation) {
                (dispatch.started, dispatch.ended) = (*started, Some(*ended));
            }
            history.keys.entry(key).or_default().dispatches.push(dispatch);
        }
        history
    }

    fn add(&mut self, line: Line, clock: &HarnessClock, works: &mut BTreeMap<Work, Dispatch>) {
        let key = self.keys.entry(line.key.clone()).or_default();
        match line.kind.clone() {
            Kind::TooEarly(until) => return key.too_early.push((line, until)),
            Kind::Accepted(accepted) if accepted.is_replay => return key.replayed.push((line, accepted)),
            Kind::Replayed(services) => {
                let claim = line.claim.unwrap_or_default();
                key.operator_replays.extend(services.into_iter().map(|service| (claim.clone(), service)));
                return;
            }
            _ => {}
        }
        let Some(id) = line.claim.clone() else { return key.without_claim.push(line) };
        if let Kind::Callback { event, .. } = &line.kind
            && (event.claim.to_string() != id || !line.key.ends_with(&event.key.to_string()))
        {
            return key.without_claim.push(line);
        }
        // A callback, or the audit event of the response, is after the claim.
        let seen = if matches!(line.kind, Kind::Callback { .. }) { line.started } else { line.at };
        let claim = key.claims.entry(id.clone()).or_insert_with(|| Claim {
            at: claimed_at(&id).map_or(line.started, |at| at + clock.passed(at)),
            written_by: seen,
            position: line.position.clone(),
            origins: Vec::new(),
        });
        claim.written_by = claim.written_by.min(seen).max(claim.at);
        let origin = |sync| Origin { position: line.position.clone(), sync };
        match &line.kind {
            Kind::Accepted(accepted) => claim.origins.push(origin(Some(accepted.clone()))),
            Kind::Recorded => claim.origins.push(origin(None)),
            _ => {}
        }
        if matches!(&line.kind, Kind::Accepted(Accepted { is_audit: true, .. })) {
            return;
        }
        let work = works.entry((line.invocation, line.key, id)).or_insert_with(|| Dispatch {
            started: line.started - MAX_INVOCATION,
            ended: None,
            is_unconfirmed: false,
            attempts: Vec::new(),
            exhausted: Vec::new(),
            overdue: Vec::new(),
        });
        let (position, started, at) = (line.position, line.started, line.at);
        let reported = |event: EventId| {
            let claimed_at = claimed_at(&event.claim.to_string()).map(|at| at + clock.passed(at));
            Reported { event, position: position.clone(), at, claimed_at }
        };
        match line.kind {
            Kind::Accepted(_) | Kind::Recorded => (work.started, work.ended) = (started, Some(at)),
            Kind::NotConfirmed => work.is_unconfirmed = true,
            Kind::Exhausted(event) => work.exhausted.push(reported(event)),
            Kind::Overdue(event) => work.overdue.push(reported(event)),
            Kind::Callback { event, number, is_settled } => {
                let position = position.clone();
                work.attempts.push(Attempt { position, event, number, started, at, is_settled });
            }
            Kind::TooEarly(_)
            | Kind::Run { .. }
            | Kind::Paused(_)
            | Kind::Replayed(_)
            | Kind::Advanced(_) => {}
        }
    }
}

/// The clock of a harness: the machine's, and how far it was advanced.
struct HarnessClock(Vec<(Millis, Millis)>);

impl HarnessClock {
    fn of(lines: &[Line]) -> Self {
        let advanced = lines.iter().filter_map(|line| match line.kind {
            Kind::Advanced(by) => Some((line.at, by)),
            _ => None,
        });
        Self(advanced.collect())
    }

    /// How far it had been advanced at an instant.
    fn passed(&self, at: Millis) -> Millis {
        self.0.iter().take_while(|(advanced_at, _)| *advanced_at <= at).map(|(_, by)| by).sum()
    }
}
