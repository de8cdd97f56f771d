//! The use case: something happened to a key; the ledger learns of it, and the services are told.
//!
//! Events come at least once and in any order. Each is compared with what the ledger knows by the instant
//! at which it happened, and one that is late or repeated changes nothing. (Only a purge is final, whenever
//! it comes.)

mod batch;
mod dead_letter;
mod event;
mod letter;

use std::time::Duration;

pub use batch::{Batch, Failures, Messages};
pub use dead_letter::{DeadLetterError, DeadLetters};
pub use event::{BadEvent, KeyEvent, What};

use crate::{
    clock::Clock,
    deadline::Budget,
    key::{ClaimId, LifecycleEvent},
    ledger::{
        Acknowledged, Counted, LedgerError, LifecycleChange, Purged, Recorded, RegistrationChange,
        item::Acknowledgement,
    },
    outbox::Outbox,
    trace::Trace,
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
    pub outbox: Outbox,
    /// Tells the time.
    pub clock: Clock,
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is recorded, and every associated service was told, or will be.
    Notified(ClaimId),
    /// It is recorded. Nobody has to be told.
    Recorded,
    /// It was known, or something later was. Nothing changed.
    Stale,
}

impl Taken {
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
pub enum NotTaken {
    /// It will not be better the next time.
    #[error(transparent)]
    Bad(#[from] BadEvent),
    /// It came before the event that makes its key.
    #[error("nothing is known of the key yet")]
    TooSoon,
    /// `DynamoDB` did not do its part.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl Lifecycle {
    /// Takes one event.
    pub async fn take(&self, event: KeyEvent, trace: &Trace, budget: Budget) -> Result<Taken, NotTaken> {
        let now = self.clock.now();
        if event.occurred_at.since(now) > CLOCKS_APART {
            return Err(BadEvent::from_the_future(event.occurred_at, now).into());
        }
        let (ledger, at) = (&self.outbox.ledger, event.occurred_at);
        let key = event.key.clone();
        let mismatch = || Err(BadEvent::crn_mismatch(&key).into());
        let is_known = match event.what {
            What::Action(action, facts) => {
                let change = LifecycleChange {
                    facts,
                    event: LifecycleEvent { action, at },
                    claim: ClaimId::unique(),
                    now,
                    lease: budget.lease(),
                };
                return self.record(&change, trace, budget).await;
            }
            What::Purge => match ledger.purge(&event.key, at).await? {
                Purged::Gone => return Ok(Taken::Recorded),
                Purged::Stale => true,
                Purged::Unknown => false,
                Purged::CrnMismatch => return mismatch(),
            },
            What::Registration(resource, registered) => {
                let change = RegistrationChange { key: event.key, resource, registered, at };
                match ledger.count(&change).await? {
                    Counted::News => return Ok(Taken::Recorded),
                    Counted::Stale => true,
                    Counted::UnknownKey => false,
                    Counted::CrnMismatch => return mismatch(),
                    Counted::TooManyServices => {
                        return Err(BadEvent::of_one_service_too_many(change.resource.service()).into());
                    }
                }
            }
            What::Acknowledgement(id, key_state) => {
                let acknowledgement = Acknowledgement { at, key_state };
                return match ledger.acknowledge(&key, &id, &acknowledgement).await? {
                    Acknowledged::Recorded => Ok(Taken::Recorded),
                    Acknowledged::Stale => Ok(Taken::Stale),
                    Acknowledged::CrnMismatch => mismatch(),
                };
            }
        };
        match is_known {
            true => Ok(Taken::Stale),
            false if now.since(at) < WAIT_FOR_KEY => Err(NotTaken::TooSoon),
            false => Err(BadEvent::of_no_key(WAIT_FOR_KEY).into()),
        }
    }

    async fn record(
        &self,
        change: &LifecycleChange,
        trace: &Trace,
        budget: Budget,
    ) -> Result<Taken, NotTaken> {
        match self.outbox.ledger.record(change).await? {
            Recorded::News(notification) => {
                self.outbox.empty(&notification, trace, budget, None).await;
                Ok(Taken::Notified(notification.claim))
            }
            Recorded::Quiet => Ok(Taken::Recorded),
            Recorded::Stale => Ok(Taken::Stale),
            Recorded::CrnMismatch => Err(BadEvent::crn_mismatch(&change.facts.crn).into()),
        }
    }
}
