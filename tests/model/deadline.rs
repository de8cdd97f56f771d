//! The deadline of an acknowledgement: the check, the reports, and their record.

use crate::{
    protocol::Protocol,
    state::{NEVER, ProcessId, Role, State, Step, Time, Violations},
};

impl Protocol {
    /// The part of a confirmation that concerns the deadline: `Deadline::after`. Returns the time of
    /// the check, if one is still to be made.
    pub(crate) fn record_deadline(&self, state: &mut State, pid: ProcessId) -> Time {
        if !self.bounds.has_deadline() {
            return NEVER;
        }
        let process = *state.process(pid);
        let item = &mut state.items[process.key()];
        item.checked = process.checked;
        state.history[process.key()].recorded |= process.checked;
        if item.checked || !self.guards.item_is_due_until_checked {
            return NEVER;
        }
        (item.notified_at + self.bounds.deadline + 1).max(0)
    }

    /// Whether a redeliverer has to look at the deadline before it confirms.
    pub(crate) fn must_check(&self, state: &State, pid: ProcessId) -> bool {
        let is_redeliverer = matches!(pid.role(), Role::Redeliverer(_));
        self.bounds.has_deadline() && is_redeliverer && !state.process(pid).checked
    }

    /// `Deadline::check`. The code uses the acknowledgements that the lease returned: one that arrives
    /// in between is late.
    pub(crate) fn check_deadline(&self, state: &mut State, pid: ProcessId, clock: Time) {
        let process = state.process_mut(pid);
        process.step = Step::Checked;
        let (key, sequence) = (process.key(), process.sequence);
        let item = &state.items[key];
        if clock - item.notified_at > self.bounds.deadline && item.sequence == sequence {
            state.process_mut(pid).checked = true;
            if self.guards.reports_precede_record {
                self.report(state, pid);
            }
        }
    }

    /// Writes the audit events of the services that did not acknowledge. A process that outlived its
    /// lease may repeat them; the holder of the lease must not, once the check is recorded.
    pub(crate) fn report(&self, state: &mut State, pid: ProcessId) {
        let key = state.process(pid).key();
        let item = state.items[key];
        let overdue = self.all_services() & !item.acknowledged;
        let history = &mut state.history[key];
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
