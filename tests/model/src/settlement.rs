//! The writes of a process that has a notification to deliver: its lease, requests that arrive late
//! or again, and confirmations.

use crate::{
    protocol::Protocol,
    state::{Entry, Item, NEVER, Process, ProcessId, Role, SERVICES, State, Step, Time, Violations},
};

impl Protocol {
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

    /// `confirm_part`: one of several writes, not the last. It stores the outcome of the first
    /// service and the deadline. The outbox changes with the last one only.
    pub(crate) fn confirm_part(&self, state: &mut State, pid: ProcessId, clock: Time) {
        if !self.passes_fence(state, pid) {
            Self::finish(state, pid);
            return;
        }
        let process = *state.process(pid);
        let item = &mut state.items[process.key()];
        let is_failed = process.acknowledged & 1 == 0;
        item.outbox[0].exhausted = is_failed && self.is_exhausted(item, clock);
        self.record_deadline(state, pid);
    }

    /// Whether the retries that count from the notification, or from its replay, end at `clock`.
    fn is_exhausted(&self, item: &Item, clock: Time) -> bool {
        self.guards.retries_are_limited
            && self.bounds.has_retry_limit()
            && clock - item.notified_at.max(item.replayed_at) >= self.bounds.retry_limit
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
        let is_exhausted = self.is_exhausted(item, clock);
        let mut earliest = NEVER;
        for service in (0..self.bounds.services).filter(|service| services & 1 << service != 0) {
            let entry = &mut item.outbox[service];
            if process.acknowledged & 1 << service != 0 {
                *entry = Entry::default();
            } else if is_exhausted {
                *entry = Entry { exhausted: true, ..Entry::default() };
            } else {
                state.violations.record_if(Violations::G7, !entry.pending); // a retry of a settled service
                (entry.next_at, entry.exhausted) = (next_at[service], false);
                if self.bounds.has_retry_limit() {
                    entry.attempts = (entry.attempts + 1).min(self.bounds.most_attempts() + 1);
                }
                earliest = earliest.min(entry.next_at);
            }
        }
        earliest
    }
}
