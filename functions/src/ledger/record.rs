//! A lifecycle action on a key: recorded, and claimed for notification, in one write.
//!
//! Unlike a sync it does not wait for the window: it always notifies, and closes the window anew. It
//! replaces what was still pending of an older notification, because its own says all that the older
//! one said and more.

use std::time::Duration;

use super::{
    Ledger, LedgerError, Notification,
    expression::{document, empty_map, number, string},
    item::{Item, KeyRecord, due_shard},
    update::{Update, Updated},
};
use crate::key::{ClaimId, EpochMillis, InstanceId, KeyId, KeyState, KeyVersion, LifecycleEvent};

/// The key is there, and this action is newer than the one it knows: an old or repeated event changes
/// nothing.
const IS_NEWS: &str =
    "attribute_exists(#pk) AND attribute_not_exists(#purged_at) AND #event.#at < :occurred_at";
/// `notified_at` never goes back, or a window could open early on a clock that lags.
const TIME_GOES_ON: &str = "(attribute_not_exists(#notified_at) OR #notified_at <= :now)";

const RECORD: &str = "SET #state = :state, #version = :version, #event = :event, \
     #notified_at = :now, #claim = :claim, #sequence = if_not_exists(#sequence, :zero) + :one, \
     #pending = #services, #retries = :nothing, #due_shard = :due_shard, #due_at = :due_at \
     REMOVE #correlation_id, #caller";

/// A lifecycle action that was taken on a key.
#[derive(Clone, Debug)]
pub struct LifecycleChange {
    /// The instance that holds the key.
    pub instance: InstanceId,
    /// The key.
    pub key: KeyId,
    /// What was done, and when.
    pub event: LifecycleEvent,
    /// The key's state after it.
    pub state: KeyState,
    /// The key's version after it.
    pub version: KeyVersion,
    /// A claim id that nobody else has.
    pub claim: ClaimId,
    /// The present instant.
    pub now: EpochMillis,
    /// How long others leave the notification to us.
    pub lease: Duration,
}

/// What became of a lifecycle action.
#[derive(Debug)]
pub enum Recorded {
    /// It is recorded: these services are ours to tell.
    News(Box<Notification>),
    /// The key already knows this action or a later one, or there is no such key. Nothing was written.
    Stale,
}

impl Ledger {
    /// Records a lifecycle action and claims its notification.
    pub async fn record(&self, change: &LifecycleChange) -> Result<Recorded, LedgerError> {
        match self.record_at(change, change.now).await? {
            Updated::Written(item) => news(item),
            Updated::Refused(None) => Ok(Recorded::Stale),
            Updated::Refused(Some(item)) => self.record_again(change, item).await,
        }
    }

    /// Finds out why the first try was refused; another machine's clock may be ahead of ours.
    async fn record_again(&self, change: &LifecycleChange, item: Item) -> Result<Recorded, LedgerError> {
        let key = KeyRecord::read(item.clone())?;
        if key.claim == Some(change.claim) {
            return news(item); // an earlier try of this very call got through
        }
        let (Some(ahead), false) = (key.notified_at, key.purged_at.is_some()) else {
            return Ok(Recorded::Stale);
        };
        if key.event.at >= change.event.at || ahead <= change.now {
            return Ok(Recorded::Stale);
        }
        match self.record_at(change, ahead).await? {
            Updated::Written(item) => news(item),
            Updated::Refused(_) => Err(LedgerError::Unavailable("the key is changing too fast".to_owned())),
        }
    }

    async fn record_at(&self, change: &LifecycleChange, now: EpochMillis) -> Result<Updated, LedgerError> {
        let condition = format!("{IS_NEWS} AND {TIME_GOES_ON}");
        let values = vec![
            (":occurred_at", number(change.event.at.get())),
            (":state", document(change.state)?),
            (":version", document(&change.version)?),
            (":event", document(change.event)?),
            (":now", number(now.get())),
            (":claim", string(change.claim)),
            (":zero", number(0)),
            (":one", number(1)),
            (":nothing", empty_map()),
            (":due_shard", number(due_shard(change.key))),
            (":due_at", number(now.plus(change.lease).get())),
        ];
        self.update(change.instance, change.key, Update::new(&condition, RECORD, values)).await
    }
}

fn news(item: Item) -> Result<Recorded, LedgerError> {
    Notification::read(item)?
        .map(|notification| Recorded::News(Box::new(notification)))
        .ok_or_else(|| LedgerError::Defect("a recorded item without a claim".to_owned()))
}
