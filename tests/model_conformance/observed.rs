//! What the model expects a process to learn in a step.

use keysync_model::{
    protocol::Action,
    state::{ProcessId, Role, State, Step},
};

use crate::{Configuration, Through, acknowledgements, system::System};

/// What a process learns in a step, as far as the model says something about it. Numbers are the
/// services to notify, a bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Observed {
    /// The process got nothing, or nothing that matters.
    Nothing,
    /// It has a notification to deliver.
    Notification(u8),
    /// 204 without a notification.
    Replayed,
    /// 409.
    TooEarly,
    /// 404.
    NotFound,
    /// The event is not recorded.
    Stale,
    /// The item has another claim id, which is not later than the one before.
    EarlierClaimId,
    /// The event names another account's key.
    CrnMismatch,
    /// Another process has the lease, or the item is not due.
    NotLeased,
    /// The confirmation was written.
    Confirmed,
    /// The confirmation was rejected.
    Superseded,
    /// It called these services, or found them paused.
    Called(u8),
    /// It reported these services, which did not acknowledge in time.
    Reported(u8),
    /// An acknowledgement was accepted.
    Acknowledged,
    /// The same, and its key state was reported as contradicting the key's.
    Contradiction,
    /// An acknowledgement is malformed: its service acted before the notification was made.
    BeforeNotification,
    /// An operator's replay was written.
    Scheduled,
    /// A response that the model never expects.
    Other,
    /// The model says nothing about it.
    Unknown,
}

impl Configuration {
    /// What the model expects a process to learn from `action`.
    pub(crate) fn expected(
        &self,
        system: &System,
        before: &State,
        after: Option<&State>,
        action: Action,
    ) -> Observed {
        let is_purged = before.items[0].purged;
        let notified = |pid: ProcessId| {
            let process = after.map(|after| *after.process(pid)).filter(|process| process.is_working());
            process.map(|process| Observed::Notification(process.to_notify))
        };
        match action {
            Action::Claim { response_lost: true, .. }
            | Action::Record { response_lost: true, .. }
            | Action::Lease { response_lost: true, .. } => Observed::Nothing,
            Action::Claim { .. } if is_purged => Observed::NotFound,
            Action::Claim { pid, key, clock, .. } => notified(pid).unwrap_or_else(|| {
                if self.model.is_replay(before, pid, key, clock) {
                    Observed::Replayed
                } else {
                    Observed::TooEarly
                }
            }),
            Action::ClaimFromAnotherAccount { .. } => Observed::NotFound,
            Action::Record { pid, .. } => notified(pid).unwrap_or(Observed::Stale),
            Action::RecordOfAnotherAccount { .. } => Observed::CrnMismatch,
            Action::Lease { pid, .. } | Action::LeaseByRetry { pid, .. } => {
                notified(pid).unwrap_or(Observed::NotLeased)
            }
            Action::Resend { pid } => notified(pid).unwrap_or(match pid.role() {
                Role::Caller(_) if is_purged => Observed::NotFound,
                Role::Caller(_) => Observed::TooEarly,
                Role::Lifecycle { .. } => Observed::Stale,
                Role::Redeliverer(_) => Observed::NotLeased,
            }),
            Action::Deliver { pid, .. } => Observed::Called(before.process(pid).to_notify),
            Action::Acknowledge { key, service, acknowledgement } => {
                acknowledgements::expected(&before.items[key], service, acknowledgement)
            }
            Action::Purge { .. } if is_purged => Observed::Stale,
            Action::Confirm { pid, .. } if self.through == Through::Dispatcher => {
                self.reported(system, before, pid)
            }
            Action::ConfirmPart { pid, .. } => self.reported(system, before, pid),
            Action::Confirm { pid, .. } => {
                if self.model.passes_fence(before, pid) {
                    Observed::Confirmed
                } else {
                    Observed::Superseded
                }
            }
            Action::Replay { .. } => Observed::Scheduled,
            _ => Observed::Nothing,
        }
    }

    /// The reports of a process: the services that had not acknowledged when it took its lease, of
    /// the notifications whose deadline it found over. One without its lease may repeat reports.
    fn reported(&self, system: &System, before: &State, pid: ProcessId) -> Observed {
        let process = before.process(pid);
        if !self.model.passes_fence(before, pid) {
            return Observed::Unknown;
        }
        if process.step != Step::Checked {
            return Observed::Reported(0);
        }
        let all = (1 << self.model.bounds.services) - 1;
        let real = &system.processes[pid.index()];
        let overdue = if process.checked { all & !real.acknowledged } else { 0 };
        Observed::Reported(overdue | (process.checked_older & !real.older_acknowledged))
    }
}
