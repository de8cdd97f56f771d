//! The deadline of an acknowledgement: the check, the reports, and their record.

use crate::{
    protocol::Protocol,
    state::{NEVER, Process, ProcessId, Role, State, Step, Time, Violations},
};

impl Protocol {
    /// The part of a confirmation that concerns the deadline: `Deadline::after`. Returns the time
    /// of the check, if one is still to be made.
    pub(crate) fn record_deadline(&self, state: &mut State, pid: ProcessId) -> Time {
        if !self.bounds.has_deadline() {
            return NEVER;
        }
        let process = *state.process(pid);
        let item = &mut state.items[process.key()];
        (item.checked, item.confirmed) = (process.checked, true);
        for service in (0..self.bounds.services).filter(|service| process.checked_older & 1 << service != 0) {
            item.older[service] = NEVER;
        }
        item.older_acknowledged &= !process.checked_older;
        state.history[process.key()].recorded |= process.checked;
        if !self.guards.item_is_due_until_checked {
            return NEVER;
        }
        let own = (!item.checked).then_some(item.notified_at);
        let unchecked = own.into_iter().chain(item.older).filter(|at| *at != NEVER);
        Self::earliest(unchecked.map(|at| self.check_at(at)))
    }

    fn check_at(&self, notified_at: Time) -> Time {
        (notified_at + self.bounds.deadline + self.bounds.grace + 1).max(0)
    }

    /// The part of a claim that concerns the deadline: what `Deadline::after` makes of it when the
    /// new notification is confirmed.
    pub(crate) fn keep_older_deadlines(&self, state: &mut State, key: usize) {
        let item = &mut state.items[key];
        for service in (0..self.bounds.services).filter(|_| self.bounds.has_deadline()) {
            let (older, bit) = (&mut item.older[service], 1 << service);
            if item.older_acknowledged & bit != 0 || !self.guards.older_deadline_is_kept {
                *older = NEVER;
            }
            let is_owed = item.confirmed && !item.checked && item.acknowledged & bit == 0;
            if *older == NEVER && is_owed && self.guards.older_deadline_is_kept {
                *older = item.notified_at;
            }
        }
        item.older_acknowledged = 0;
    }

    /// Compares a confirmation with the history: the check is due when the oldest notification that
    /// a service has neither acknowledged nor been reported for is over.
    pub(crate) fn owe(&self, state: &mut State, key: usize) {
        let item = state.items[key];
        let history = &mut state.history[key];
        for service in (0..self.bounds.services).filter(|_| self.bounds.has_deadline()) {
            let owed = &mut history.owed[service];
            if (item.acknowledged | history.reported) & 1 << service == 0 && *owed == NEVER {
                *owed = item.notified_at;
            }
            let is_deferred = *owed != NEVER && item.due_at.is_none_or(|at| at > self.check_at(*owed));
            state.violations.record_if(Violations::G9_DEFERRED, is_deferred);
        }
    }

    /// Whether a redeliverer has to look at the deadline before it confirms.
    pub(crate) fn must_check(&self, state: &State, pid: ProcessId) -> bool {
        let is_redeliverer = matches!(pid.role(), Role::Redeliverer(_));
        self.bounds.has_deadline() && is_redeliverer && !state.process(pid).checked
    }

    /// `Deadline::check`. The code uses the acknowledgements that the lease returned: one that
    /// arrives in between is late.
    pub(crate) fn check_deadline(&self, state: &mut State, pid: ProcessId, clock: Time) {
        let process = state.process_mut(pid);
        process.step = Step::Checked;
        let (key, sequence) = (process.key(), process.sequence);
        let item = state.items[key];
        if item.sequence != sequence {
            return;
        }
        let is_over = |at: Time| at != NEVER && clock - at > self.bounds.deadline + self.bounds.grace;
        let process = state.process_mut(pid);
        process.checked |= is_over(item.notified_at);
        let over = (0..self.bounds.services).filter(|service| is_over(item.older[*service]));
        process.checked_older = over.map(|service| 1 << service).sum();
        if self.guards.reports_precede_record {
            self.report(state, pid);
        }
    }

    /// Writes the audit events of the services that did not acknowledge. A process that outlived
    /// its lease may repeat them; the holder of the lease must not, once the check is recorded.
    pub(crate) fn report(&self, state: &mut State, pid: ProcessId) {
        let Process { checked, checked_older, .. } = *state.process(pid);
        let key = state.process(pid).key();
        let item = state.items[key];
        let overdue = if checked { self.all_services() & !item.acknowledged } else { 0 };
        let history = &mut state.history[key];
        let reported = overdue | (checked_older & !item.older_acknowledged);
        for service in (0..self.bounds.services).filter(|service| reported & 1 << service != 0) {
            history.owed[service] = NEVER;
        }
        let is_repeated = history.recorded && self.guards.reports_precede_record;
        let is_holder = item.lease == Some(pid);
        history.reported |= overdue;
        state.violations.record_if(Violations::G9_ONCE, is_repeated && is_holder && overdue != 0);
    }

    /// The reports that follow the record of a check. Only with a guard removed.
    pub(crate) fn report_late(&self, state: &mut State, pid: ProcessId) {
        if !Self::is_superseded(state, pid) {
            self.report(state, pid);
        }
        Self::finish(state, pid);
    }
}
