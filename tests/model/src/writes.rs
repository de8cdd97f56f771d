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
        if state.items[key].purged {
            return;
        }
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
        item.counted = [NEVER; SERVICES];
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

    pub(crate) fn fill_outbox(&self, state: &mut State, key: usize, stamp: Time) {
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
    pub(crate) fn is_repeated(&self, state: &State, pid: ProcessId, key: usize, age: Time) -> bool {
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
}
