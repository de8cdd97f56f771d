//! What the model expects a process to learn in a step.

use keysync_model::{
    protocol::Action,
    state::{ProcessId, Role, State},
};

use crate::Configuration;

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
    /// The event names another account's key.
    CrnMismatch,
    /// Another process has the lease, or the item is not due.
    NotLeased,
    /// The confirmation was written.
    Confirmed,
    /// The confirmation was rejected.
    Superseded,
    /// An operator's replay was written.
    Scheduled,
    /// A response that the model never expects.
    Other,
}

impl Configuration {
    /// What the model expects a process to learn from `action`.
    pub(crate) fn expected(&self, before: &State, after: Option<&State>, action: Action) -> Observed {
        let notified = |pid: ProcessId| {
            let process = after.map(|after| *after.process(pid)).filter(|process| process.is_working());
            process.map(|process| Observed::Notification(process.to_notify))
        };
        match action {
            Action::Claim { response_lost: true, .. }
            | Action::Record { response_lost: true, .. }
            | Action::Lease { response_lost: true, .. } => Observed::Nothing,
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
                Role::Caller(_) => Observed::TooEarly,
                Role::Lifecycle { .. } => Observed::Stale,
                Role::Redeliverer(_) => Observed::NotLeased,
            }),
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
}
