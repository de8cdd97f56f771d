//! The use case: something happened to a key; the ledger learns of it, and the services are told.
//!
//! Events come at least once and in any order. Each is compared with what the ledger knows by the instant
//! at which it happened, and one that is late or repeated changes nothing. (Only a purge is final, whenever
//! it comes.)

mod batch;
mod dead_letter;
mod dead_letter_message;
mod event;

use std::time::Duration;

pub use batch::{Batch, Failures, Messages};
pub use dead_letter::{DeadLetterError, DeadLetters};
pub use event::{KeyEvent, KeyEventKind, MalformedEvent};

use crate::{
    clock::Clock,
    dispatch::Dispatcher,
    domain::{ClaimId, LifecycleEvent},
    ledger::{
        Acknowledged, Counted, LedgerError, LifecycleChange, Purged, Recorded, RegistrationChange,
        item::Acknowledgement,
    },
    time_budget::TimeBudget,
    trace_context::TraceContext,
};

/// How far ahead of our clock an event may have happened. One from further off would make all that come
/// after it look old.
const CLOCKS_APART: Duration = Duration::from_mins(5);
/// How long an event about a key that nobody has heard of waits for the event that makes it.
const WAIT_FOR_KEY: Duration = Duration::from_hours(1);

/// Takes events.
#[derive(Debug)]
pub struct Lifecycle {
    /// Records, delivers, confirms.
    pub dispatcher: Dispatcher,
    /// Tells the time.
    pub clock: Clock,
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Processed {
    /// It is recorded, and every associated service was told, or will be.
    Notified(ClaimId),
    /// It is recorded. Nobody has to be told.
    Recorded,
    /// It was known, or something later was. Nothing changed.
    Stale,
}

impl Processed {
    /// In a word, for the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Notified(_) => "notified",
            Self::Recorded => "recorded",
            Self::Stale => "stale",
        }
    }
}

/// Why an event was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// It will not be better the next time.
    #[error(transparent)]
    Bad(#[from] MalformedEvent),
    /// It came before the event that makes its key.
    #[error("nothing is known of the key yet")]
    TooSoon,
    /// `DynamoDB` did not do its part.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl Lifecycle {
    /// Takes one event.
    pub async fn take(
        &self,
        event: KeyEvent,
        trace: &TraceContext,
        budget: TimeBudget,
    ) -> Result<Processed, EventError> {
        let now = self.clock.now();
        if event.occurred_at.since(now) > CLOCKS_APART {
            return Err(MalformedEvent::from_the_future(event.occurred_at, now).into());
        }
        let (ledger, at) = (&self.dispatcher.ledger, event.occurred_at);
        let key = event.key.clone();
        let mismatch = || Err(MalformedEvent::crn_mismatch(&key).into());
        let is_known = match event.kind {
            KeyEventKind::Action(action, facts) => {
                let change = LifecycleChange {
                    facts,
                    event: LifecycleEvent { action, at },
                    claim: ClaimId::unique(),
                    now,
                    lease: budget.lease(),
                };
                return self.record(&change, trace, budget).await;
            }
            KeyEventKind::Purge => match ledger.purge(&event.key, at).await? {
                Purged::Gone => return Ok(Processed::Recorded),
                Purged::Stale => true,
                Purged::Unknown => false,
                Purged::CrnMismatch => return mismatch(),
            },
            KeyEventKind::Registration(resource, registered) => {
                let change = RegistrationChange { key: event.key, resource, registered, at };
                match ledger.count(&change).await? {
                    Counted::News => return Ok(Processed::Recorded),
                    Counted::Stale => true,
                    Counted::UnknownKey => false,
                    Counted::CrnMismatch => return mismatch(),
                    Counted::TooManyServices => {
                        return Err(MalformedEvent::too_many_services(change.resource.service()).into());
                    }
                }
            }
            KeyEventKind::Acknowledgement(id, key_state) => {
                let acknowledgement = Acknowledgement { at, key_state };
                return match ledger.acknowledge(&key, &id, &acknowledgement).await? {
                    Acknowledged::Recorded => Ok(Processed::Recorded),
                    Acknowledged::Stale => Ok(Processed::Stale),
                    Acknowledged::CrnMismatch => mismatch(),
                };
            }
        };
        match is_known {
            true => Ok(Processed::Stale),
            false if now.since(at) < WAIT_FOR_KEY => Err(EventError::TooSoon),
            false => Err(MalformedEvent::unknown_key(WAIT_FOR_KEY).into()),
        }
    }

    async fn record(
        &self,
        change: &LifecycleChange,
        trace: &TraceContext,
        budget: TimeBudget,
    ) -> Result<Processed, EventError> {
        match self.dispatcher.ledger.record(change).await? {
            Recorded::News(notification) => {
                self.dispatcher.deliver_and_confirm(&notification, trace, budget, None).await;
                Ok(Processed::Notified(notification.claim))
            }
            Recorded::Quiet => Ok(Processed::Recorded),
            Recorded::Stale => Ok(Processed::Stale),
            Recorded::CrnMismatch => Err(MalformedEvent::crn_mismatch(&change.facts.crn).into()),
        }
    }
}
