//! The writes to DynamoDB. Each is one conditional `UpdateItem`, so each is one step of the model.
//!
//! A process reads its clock before it writes. The model combines both into one step: a slow write
//! is equivalent to a write by a process with a lagging clock, which the skew covers.

use crate::{
    protocol::Protocol,
    state::{Entry, NEVER, Process, ProcessId, Role, SERVICES, State, Step, Time, Violations},
};

impl Protocol {
    /// `Ledger::claim`.
    pub(crate) fn claim(
        &self,
        state: &mut State,
        pid: ProcessId,
        key: usize,
        clock: Time,
        response_lost: bool,
    ) {
        let is_open = self.is_open(state, key, clock);
        let has_read = state.process(pid).step == Step::HasRead;
        let is_admitted = is_open || has_read || !self.guards.window_condition;
        if !is_admitted && self.guards.rejection_precedes_write {
            self.reject_closed_window(state, pid, key, clock);
            return;
        }
        let (item, history) = (state.items[key], state.history[key]);
        self.notify(state, pid, key, clock, response_lost);
        state.items[key].closed_by = Some(pid);
        if !is_admitted {
            state.violations.record_if(Violations::G6, state.items[key] != item);
            self.abort(state, pid);
            return;
        }
        let Self { bounds, .. } = self;
        state.violations.record_if(Violations::G1, clock - history.closed_at <= bounds.window);
        state.violations.record_if(Violations::G8_APART, -history.synced_at <= bounds.window - bounds.skew);
        state.history[key].synced_at = 0;
    }

    /// `Ledger::claim` if the stored CRN is not the one that IAM permitted: 404, as for an unknown
    /// key.
    pub(crate) fn claim_from_another_account(
        &self,
        state: &mut State,
        pid: ProcessId,
        key: usize,
        clock: Time,
    ) {
        if self.guards.claim_requires_permitted_crn {
            return;
        }
        let item = state.items[key];
        self.claim(state, pid, key, clock, false);
        state.violations.record_if(Violations::G10, state.items[key] != item);
    }

    /// `Ledger::record` if the stored CRN is not the event's: a malformed event.
    pub(crate) fn record_of_another_account(&self, state: &mut State, pid: ProcessId, clock: Time) {
        let Role::Lifecycle { key, .. } = pid.role() else { return };
        if self.guards.event_requires_stored_crn {
            return;
        }
        let item = state.items[key];
        self.record(state, pid, clock, false);
        state.violations.record_if(Violations::G10, state.items[key] != item);
    }

    fn is_open(&self, state: &State, key: usize, clock: Time) -> bool {
        state.items[key].notified_at < clock - self.bounds.window
    }

    /// The common part of a claim and a lifecycle action: close the window and fill the outbox.
    fn notify(&self, state: &mut State, pid: ProcessId, key: usize, stamp: Time, response_lost: bool) {
        self.keep_older_deadlines(state, key);
        let item = &mut state.items[key];
        let stamp = stamp.max(self.bounds.notified_floor());
        state.violations.record_if(Violations::G8_FORWARD, stamp < item.notified_at);
        item.notified_at = stamp;
        item.sequence += 1;
        if self.guards.claim_takes_lease {
            item.lease = Some(pid);
        }
        let filled = self.guards.claim_fills_outbox;
        item.outbox = Default::default();
        item.due_at = None;
        (item.acknowledged, item.checked, item.confirmed) = (0, false, false);
        (state.history[key].reported, state.history[key].recorded) = (0, false);
        state.history[key].closed_at = state.history[key].closed_at.max(stamp);
        let process = Process {
            step: if response_lost { Step::ResponseLost } else { Step::Unfilled },
            key: u8::try_from(key).unwrap_or(u8::MAX),
            sequence: state.items[key].sequence,
            claimed: state.process(pid).claimed,
            ..Process::IDLE
        };
        *state.process_mut(pid) = process;
        if filled {
            self.fill_outbox(state, key, stamp);
            self.remember_outbox(state, pid);
            if !response_lost {
                Self::start_delivery(state, pid, self.all_services());
            }
        }
    }

    fn fill_outbox(&self, state: &mut State, key: usize, stamp: Time) {
        let item = &mut state.items[key];
        for entry in &mut item.outbox[..self.bounds.services] {
            *entry = Entry { pending: true, ..Entry::default() };
        }
        item.due_at = Some((stamp + self.bounds.lease).max(0));
    }

    /// Whether a claim that is rejected because the window is closed repeats the accepted one: 204
    /// in place of 409.
    #[must_use]
    pub fn is_replay(&self, state: &State, pid: ProcessId, key: usize, clock: Time) -> bool {
        self.is_repeated(state, pid, key, clock - state.items[key].notified_at)
    }

    /// Rejects a claim because the window is closed: a replay (204) or too early (409). Neither
    /// writes anything.
    fn reject_closed_window(&self, state: &mut State, pid: ProcessId, key: usize, clock: Time) {
        if self.is_replay(state, pid, key, clock) {
            let durable = state.process(pid).claimed;
            state.violations.record_if(Violations::G4, !durable);
        }
    }

    /// `is_replay` in `claim.rs`. Callers 0 and 1 are one identity with two correlation ids.
    /// Caller 2 is another identity with the same correlation id as caller 0.
    fn is_repeated(&self, state: &State, pid: ProcessId, key: usize, age: Time) -> bool {
        let Some(closed_by) = state.items[key].closed_by.filter(|_| self.guards.replays) else {
            return false;
        };
        let id = |caller: ProcessId| caller == ProcessId::caller(1);
        let identity = |caller: ProcessId| caller == ProcessId::caller(2);
        let same_id = id(closed_by) == id(pid) || !self.guards.replay_requires_same_id;
        let same_identity = identity(closed_by) == identity(pid) || !self.guards.replay_requires_same_caller;
        same_id && same_identity && (age <= self.bounds.replay || !self.guards.replay_ends)
    }

    /// All attempts of the claim are lost: a 503 without any effect.
    pub(crate) fn lose_claim(&self, state: &mut State, pid: ProcessId) {
        if !self.guards.claim_is_durable_before_204 {
            let durable = state.process(pid).claimed;
            state.violations.record_if(Violations::G4, !durable);
            Self::finish(state, pid);
        }
    }

    /// Reads the item; the claim that follows does not check the window again.
    pub(crate) fn read_item(&self, state: &mut State, pid: ProcessId, key: usize, clock: Time) {
        if self.is_open(state, key, clock) {
            let process = state.process_mut(pid);
            process.step = Step::HasRead;
            process.key = u8::try_from(key).unwrap_or(u8::MAX);
        }
    }

    /// `Ledger::record`. Its two attempts, the second with the item's own `notified_at`, are one
    /// step: any change of the item between them makes the second fail, and the queue delivers the
    /// event again.
    pub(crate) fn record(&self, state: &mut State, pid: ProcessId, clock: Time, response_lost: bool) {
        let Role::Lifecycle { key, event } = pid.role() else { return };
        let item = &mut state.items[key];
        if event <= item.event && self.guards.event_must_be_newer {
            return; // stale
        }
        state.violations.record_if(Violations::G5_FACTS, event < item.event);
        item.event = event;
        if self.guards.lifecycle_clears_caller {
            item.closed_by = None;
        }
        let stamp = if self.guards.notified_at_is_monotonic { clock.max(item.notified_at) } else { clock };
        self.notify(state, pid, key, stamp, response_lost);
    }

    /// `Ledger::lease`.
    pub(crate) fn lease(
        &self,
        state: &mut State,
        pid: ProcessId,
        key: usize,
        clock: Time,
        response_lost: bool,
    ) {
        let item = &mut state.items[key];
        let is_due = item.due_at.is_some_and(|due_at| due_at <= clock);
        if !is_due && self.guards.lease_condition {
            return;
        }
        item.lease = Some(pid);
        item.due_at = Some(clock + self.bounds.lease);
        let item = *item;
        let pending = |service: &usize| item.outbox[*service].pending;
        let is_scheduled = |service: &usize| item.outbox[*service].next_at <= clock;
        let services = || (0..self.bounds.services).filter(pending);
        let to_notify = services().filter(is_scheduled).map(|service| 1 << service).sum();
        let others = services().filter(|service| !is_scheduled(service));
        *state.process_mut(pid) = Process {
            key: u8::try_from(key).unwrap_or(u8::MAX),
            sequence: item.sequence,
            checked: item.checked && self.guards.check_is_made_once,
            others_next_at: Self::earliest(others.map(|service| item.outbox[service].next_at)),
            ..Process::IDLE
        };
        self.remember_outbox(state, pid);
        Self::start_delivery(state, pid, to_notify);
        if response_lost {
            state.process_mut(pid).step = Step::ResponseLost;
        }
    }

    /// Applies an earlier attempt of a lease request if its condition holds. After its process has
    /// ended, this is equivalent to a lease whose holder crashes.
    pub(crate) fn deliver_late_request(&self, state: &mut State, pid: ProcessId) {
        let process = state.process_mut(pid);
        let clock = std::mem::replace(&mut process.late_request, NEVER);
        let item = &mut state.items[usize::from(process.key)];
        if item.due_at.is_some_and(|due_at| due_at <= clock) {
            item.lease = Some(pid);
            item.due_at = Some(clock + self.bounds.lease);
        }
    }

    /// The SDK retries a write whose response was lost. Its condition is false, because of the
    /// first attempt or of a later write; `ALL_OLD` shows which.
    pub(crate) fn resend(&self, state: &mut State, pid: ProcessId) {
        let process = *state.process(pid);
        let key = process.key();
        let is_recognised = match pid.role() {
            Role::Caller(_) => self.guards.own_claim_is_recognised,
            Role::Lifecycle { .. } => self.guards.own_record_is_recognised,
            Role::Redeliverer(_) => self.guards.own_lease_is_recognised,
        };
        let is_superseded = Self::is_superseded(state, pid);
        if is_recognised && !is_superseded {
            self.resume(state, pid);
            return;
        }
        if matches!(pid.role(), Role::Caller(_)) {
            // The request has the same clock reading as the item if the claim is still its own.
            if !is_superseded && self.is_repeated(state, pid, key, 0) {
                Self::finish(state, pid); // 204
                return;
            }
            state.violations.record_if(Violations::G3, !is_superseded);
        }
        self.abort(state, pid);
    }

    /// The first attempt succeeded.
    fn resume(&self, state: &mut State, pid: ProcessId) {
        let read_before = state.process(pid).pending;
        self.remember_outbox(state, pid);
        // The response to the retry has the item as it is now, with services replayed meanwhile.
        let process = state.process_mut(pid);
        process.to_notify |= process.pending & !read_before;
        let process = *process;
        match pid.role() {
            Role::Redeliverer(_) => Self::start_delivery(state, pid, process.to_notify),
            Role::Caller(_) | Role::Lifecycle { .. } if self.guards.claim_fills_outbox => {
                let outbox = state.items[process.key()].outbox;
                // A redeliverer may have scheduled some for later.
                let pending = || (0..self.bounds.services).filter(|&service| outbox[service].pending);
                let is_due = |service: &usize| outbox[*service].next_at <= 0;
                let later = pending().filter(|service| !is_due(service));
                state.process_mut(pid).others_next_at =
                    Self::earliest(later.map(|service| outbox[service].next_at));
                let due = pending().filter(is_due).map(|service| 1 << service).sum();
                Self::start_delivery(state, pid, due);
            }
            Role::Caller(_) | Role::Lifecycle { .. } => state.process_mut(pid).step = Step::Unfilled,
        }
    }

    /// The second write of a claim that does not fill the outbox itself.
    pub(crate) fn fill(&self, state: &mut State, pid: ProcessId, clock: Time) {
        let process = *state.process(pid);
        if state.items[process.key()].sequence == process.sequence {
            self.fill_outbox(state, process.key(), clock);
        }
        Self::start_delivery(state, pid, self.all_services());
    }

    /// `Ledger::confirm`. A lost response needs no step: the retry writes the same.
    pub(crate) fn confirm(&self, state: &mut State, pid: ProcessId, clock: Time, later: u8) {
        self.confirm_with(state, pid, clock, self.next_attempts(clock, later));
    }

    /// A confirmation whose next attempts are at these times: those of the code, which the model's
    /// constant backoff leaves open.
    #[must_use]
    pub fn confirm_scheduled(
        &self,
        last: &State,
        pid: ProcessId,
        clock: Time,
        next_at: [Time; SERVICES],
    ) -> State {
        let mut next = *last;
        self.confirm_with(&mut next, pid, clock, next_at);
        next
    }

    /// The next attempts by the model's backoff; those in `later` are one tick later.
    fn next_attempts(&self, clock: Time, later: u8) -> [Time; SERVICES] {
        std::array::from_fn(|service| clock + self.bounds.backoff + Time::from(later & 1 << service != 0))
    }

    fn confirm_with(&self, state: &mut State, pid: ProcessId, clock: Time, next_at: [Time; SERVICES]) {
        if self.passes_fence(state, pid) {
            self.drop_unread_services(state, pid);
            let Process { key, to_notify, others_next_at, .. } = *state.process(pid);
            let next_at = self.settle(state, pid, to_notify, clock, next_at);
            let others = if self.guards.due_at_covers_all_pending { others_next_at } else { NEVER };
            let due_at = next_at.min(others).min(self.record_deadline(state, pid));
            state.items[usize::from(key)].due_at = (due_at != NEVER).then_some(due_at);
            self.owe(state, usize::from(key));
        }
        let process = state.process_mut(pid);
        let has_checked = process.checked || process.checked_older != 0;
        if !self.guards.reports_precede_record && process.step == Step::Checked && has_checked {
            process.step = Step::Reporting;
            return;
        }
        Self::finish(state, pid);
    }

    /// `confirm_part`: one of several writes, not the last.
    pub(crate) fn confirm_part(&self, state: &mut State, pid: ProcessId, clock: Time) {
        if !self.passes_fence(state, pid) {
            Self::finish(state, pid);
            return;
        }
        let part = 1;
        let next_at = self.settle(state, pid, part, clock, self.next_attempts(clock, 0));
        let process = state.process_mut(pid);
        process.to_notify &= !part;
        process.acknowledged &= !part;
        process.others_next_at = process.others_next_at.min(next_at);
    }

    /// Settles `services` and returns the earliest time of their next attempts.
    fn settle(
        &self,
        state: &mut State,
        pid: ProcessId,
        services: u8,
        clock: Time,
        next_at: [Time; SERVICES],
    ) -> Time {
        let process = *state.process(pid);
        let item = &mut state.items[process.key()];
        state.violations.record_if(Violations::G5_OUTBOX, item.sequence != process.sequence);
        let is_exhausted = self.guards.retries_are_limited
            && self.bounds.has_retry_limit()
            && clock - item.notified_at >= self.bounds.retry_limit;
        let mut earliest = NEVER;
        for service in (0..self.bounds.services).filter(|service| services & 1 << service != 0) {
            let entry = &mut item.outbox[service];
            if process.acknowledged & 1 << service != 0 {
                *entry = Entry::default();
            } else if is_exhausted {
                *entry = Entry { exhausted: true, ..Entry::default() };
            } else {
                state.violations.record_if(Violations::G7, !entry.pending); // a retry of a settled service
                entry.next_at = next_at[service];
                if self.bounds.has_retry_limit() {
                    entry.attempts = (entry.attempts + 1).min(self.bounds.most_attempts() + 1);
                }
                earliest = earliest.min(entry.next_at);
            }
        }
        earliest
    }
}
