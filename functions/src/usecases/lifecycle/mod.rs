//! The use case *lifecycle event*: record the event in the ledger and notify the services of the
//! key.
//!
//! Events arrive at least once and in any order. An event is applied only if its `occurredAt` is
//! later than that of the recorded one, so late and repeated events change nothing. Only a purge is
//! final, whenever it arrives (docs/reference/lifecycle-events.md, "Order and duplicates").

mod batch;
mod dead_letter;
mod dead_letter_message;
mod event;

use std::time::Duration;

pub use batch::{BatchProcessor, Failures, Messages};
pub use dead_letter::{DeadLetterError, DeadLetterQueue};
pub use event::{KeyEvent, KeyEventKind, MalformedEvent};

use crate::{
    clock::Clock,
    dispatch::{self, Audit, Dispatcher},
    domain::{ClaimId, EpochMillis, EventId, KeyCrn, LifecycleEvent},
    ledger::{
        Acknowledged, Acknowledgement, Counted, Finding, LedgerError, LifecycleChange, Notification, Purged,
        Recorded, RegistrationChange,
    },
    time_budget::TimeBudget,
    trace_context::TraceContext,
};

/// The maximum of `occurredAt` ahead of the clock: an event further in the future would make all
/// following events look old (docs/reference/limits.md#future).
const MAX_CLOCK_SKEW: Duration = Duration::from_mins(5);
/// The time after `occurredAt` in which an event about an unknown key is retried, because the event
/// that creates the key may arrive later (docs/reference/limits.md#wait-for-key).
const WAIT_FOR_KEY: Duration = Duration::from_hours(1);

/// Processes lifecycle events.
#[derive(Debug)]
pub struct Lifecycle {
    /// The ledger and the delivery of notifications.
    pub dispatcher: Dispatcher,
    /// The source of the current time.
    pub clock: Clock,
    /// Records the audit event of an acknowledgement that contradicts the key's state.
    pub audit: Audit,
}

/// The result of a processed event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Processed {
    /// Recorded with this claim: every associated service was notified, or its delivery is retried.
    Notified(ClaimId),
    /// Recorded. No notification is due.
    Recorded,
    /// Already recorded, or older than what is recorded. Nothing changed.
    Stale,
}

impl Processed {
    /// The outcome in logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Notified(_) => "notified",
            Self::Recorded => "recorded",
            Self::Stale => "stale",
        }
    }
}

/// The cause of an event that was not processed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// The event is malformed; a retry cannot succeed.
    #[error(transparent)]
    Malformed(#[from] MalformedEvent),
    /// The key is unknown so far. The event that creates it may still arrive.
    #[error("the key is unknown; the event that creates it may still arrive")]
    UnknownKey,
    /// A call to DynamoDB failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl EventError {
    /// The reason in the metric `EventsRetried`, if the event is returned to the queue.
    pub(crate) const fn retry_reason(&self) -> &'static str {
        match self {
            // A malformed event is returned only if its dead-letter queue does not accept it.
            Self::Malformed(_) => "dead_letter_queue",
            Self::UnknownKey => "unknown_key",
            Self::Ledger(LedgerError::Throttled) => "throttled",
            Self::Ledger(LedgerError::Unavailable(_)) => "unavailable",
            Self::Ledger(LedgerError::Defect(_)) => "defect",
        }
    }
}

impl Lifecycle {
    /// Processes one event.
    pub async fn process(
        &self,
        event: KeyEvent,
        trace: &TraceContext,
        budget: TimeBudget,
    ) -> Result<Processed, EventError> {
        let now = self.clock.now();
        let KeyEvent { key, occurred_at: at, kind } = event;
        if at.since(now) > MAX_CLOCK_SKEW {
            return Err(MalformedEvent::in_the_future(at, now, MAX_CLOCK_SKEW).into());
        }
        match kind {
            KeyEventKind::Action { action, facts } => {
                let change = LifecycleChange {
                    facts,
                    event: LifecycleEvent { action, at },
                    claim: ClaimId::unique(),
                    now,
                    lease: budget.lease(),
                };
                self.record(&change, trace, budget).await
            }
            KeyEventKind::Purge => self.purge(&key, at, now).await,
            KeyEventKind::RegistrationCreated(resource) => {
                self.count(&RegistrationChange { key, resource, registered: true, at }, now).await
            }
            KeyEventKind::RegistrationDeleted(resource) => {
                self.count(&RegistrationChange { key, resource, registered: false, at }, now).await
            }
            KeyEventKind::Acknowledgement { event_id, key_state, resource } => {
                self.acknowledge(&key, &event_id, &Acknowledgement { at, key_state, resource }, trace).await
            }
        }
    }

    /// Records a lifecycle action and dispatches its notification, if one is due.
    async fn record(
        &self,
        change: &LifecycleChange,
        trace: &TraceContext,
        budget: TimeBudget,
    ) -> Result<Processed, EventError> {
        match self.dispatcher.ledger.record(change).await? {
            Recorded::Pending(notification) => {
                self.dispatcher.deliver_and_confirm(&notification, trace, budget, None).await;
                Ok(Processed::Notified(notification.claim))
            }
            Recorded::NothingToNotify => Ok(Processed::Recorded),
            Recorded::Stale => Ok(Processed::Stale),
            Recorded::CrnMismatch => Err(MalformedEvent::crn_mismatch(&change.facts.crn).into()),
        }
    }

    /// Records a purge.
    async fn purge(&self, key: &KeyCrn, at: EpochMillis, now: EpochMillis) -> Result<Processed, EventError> {
        match self.dispatcher.ledger.purge(key, at).await? {
            Purged::Recorded => Ok(Processed::Recorded),
            Purged::Stale => Ok(Processed::Stale),
            Purged::UnknownKey => Err(unknown_key(at, now)),
            Purged::CrnMismatch => Err(MalformedEvent::crn_mismatch(key).into()),
        }
    }

    /// Counts a created or deleted registration.
    async fn count(&self, change: &RegistrationChange, now: EpochMillis) -> Result<Processed, EventError> {
        match self.dispatcher.ledger.count(change).await? {
            Counted::Applied => Ok(Processed::Recorded),
            Counted::Stale => Ok(Processed::Stale),
            Counted::UnknownKey => Err(unknown_key(change.at, now)),
            Counted::CrnMismatch => Err(MalformedEvent::crn_mismatch(&change.key).into()),
            Counted::TooManyServices => {
                Err(MalformedEvent::too_many_services(change.resource.service()).into())
            }
        }
    }

    /// Records a service's acknowledgement of a notification, and reports one that contradicts the
    /// key's state.
    async fn acknowledge(
        &self,
        key: &KeyCrn,
        event_id: &EventId,
        acknowledgement: &Acknowledgement,
        trace: &TraceContext,
    ) -> Result<Processed, EventError> {
        let report = |notification: &Notification, finding: &Finding| {
            dispatch::report(notification, finding, trace, self.clock.now(), self.audit);
        };
        match self.dispatcher.ledger.acknowledge(key, event_id, acknowledgement, report).await? {
            Acknowledged::Recorded => Ok(Processed::Recorded),
            Acknowledged::Stale => Ok(Processed::Stale),
            Acknowledged::BeforeNotification => {
                Err(MalformedEvent::before_notification(acknowledgement.at).into())
            }
            Acknowledged::CrnMismatch => Err(MalformedEvent::crn_mismatch(key).into()),
        }
    }
}

/// The error of an event about an unknown key: retried at first, malformed after [`WAIT_FOR_KEY`].
fn unknown_key(occurred_at: EpochMillis, now: EpochMillis) -> EventError {
    if now.since(occurred_at) < WAIT_FOR_KEY {
        return EventError::UnknownKey;
    }
    MalformedEvent::unknown_key(WAIT_FOR_KEY).into()
}
