//! A lifecycle action on a key: recorded, and claimed for notification, in one write.
//!
//! Unlike a sync it does not wait for the window: it always notifies, and closes the window anew. It
//! replaces what was still pending of an older notification, because its own says all that the older
//! one said and more.
//!
//! Every event tells all that a key is, so the first that arrives makes the item, whichever it is, and
//! one that arrives late, twice or out of order changes nothing.

use std::time::Duration;

use super::{
    Ledger, LedgerError, Notification,
    expression::{document, empty_map, number, string},
    item::{Item, KeyRecord, due_shard, has_crn},
    update::{Update, Updated},
};
use crate::domain::{ClaimId, EpochMillis, KeyFacts, LifecycleAction, LifecycleEvent};

/// The action is newer than the one that the item knows. A purged key is not excepted: that it was
/// deleted may be news here, and then its services must still hear of it.
const IS_NEWS: &str = "(attribute_not_exists(#event) OR #event.#at < :occurred_at)";
/// `notified_at` never goes back, or a window could open early on a clock that lags.
const TIME_GOES_ON: &str = "(attribute_not_exists(#notified_at) OR #notified_at <= :now)";
/// The key is the one that is stored. An event about the same instance and key id in another account,
/// service or region is malformed: it would move the key there, and lock its owner out (G10).
const IS_SAME_KEY: &str = "(attribute_not_exists(#crn) OR #crn = :crn)";
/// Nothing is known of the key yet.
const IS_NEW: &str = "attribute_not_exists(#event)";

/// What a key is, and the maps that later writes reach into.
const FACTS: &str = "SET #crn = :crn, #key_type = :key_type, #state = :state, #ring = :ring, \
     #version = :version, #event = :event, #services = if_not_exists(#services, :no_services), \
     #outcome = if_not_exists(#outcome, :no_outcome)";
/// Closes the window and puts every associated service into the outbox, due when we should be done.
const CLOSE_WINDOW: &str = "#notified_at = :now, #claim = :claim, #lease = :lease, \
     #sequence = if_not_exists(#sequence, :zero) + :one, \
     #pending = if_not_exists(#services, :none_pending), #retries = :no_retries, \
     #acknowledged = :no_acknowledgements, #due_shard = :due_shard, #due_at = :due_at \
     REMOVE #correlation_id, #caller";

/// A lifecycle action that was taken on a key.
#[derive(Clone, Debug)]
pub struct LifecycleChange {
    /// The key, as it is after it.
    pub facts: KeyFacts,
    /// What was done, and when.
    pub event: LifecycleEvent,
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
    /// It is recorded, and nobody has to be told: a key that was just made has no services.
    Quiet,
    /// The key already knows this action or a later one. Nothing was written.
    Stale,
    /// The stored key has another account, service or region than the event's. Nothing was written.
    CrnMismatch,
}

impl Ledger {
    /// Records a lifecycle action and, where it notifies, claims its notification.
    pub async fn record(&self, change: &LifecycleChange) -> Result<Recorded, LedgerError> {
        if change.event.action == LifecycleAction::Create {
            return self.introduce(change).await;
        }
        match self.record_at(change, change.now).await? {
            Updated::Written(item) => news(item),
            Updated::Refused(None) => Ok(Recorded::Stale),
            Updated::Refused(Some(item)) => self.record_again(change, item).await,
        }
    }

    /// Finds out why the first try was refused; another machine's clock may be ahead of ours.
    async fn record_again(&self, change: &LifecycleChange, item: Item) -> Result<Recorded, LedgerError> {
        let key = KeyRecord::read(item.clone())?;
        if key.crn != change.facts.crn {
            return Ok(Recorded::CrnMismatch);
        }
        if key.claim == Some(change.claim) {
            return news(item); // an earlier try of this very call got through
        }
        let is_news = key.event.at < change.event.at;
        let Some(ahead) = key.notified_at.filter(|at| is_news && *at > change.now) else {
            return Ok(Recorded::Stale);
        };
        match self.record_at(change, ahead).await? {
            Updated::Written(item) => news(item),
            Updated::Refused(Some(item)) if KeyRecord::read(item.clone())?.claim == Some(change.claim) => {
                news(item) // of this try, too, an answer may get lost
            }
            Updated::Refused(_) => Err(LedgerError::Unavailable("the key is changing too fast".to_owned())),
        }
    }

    async fn record_at(&self, change: &LifecycleChange, now: EpochMillis) -> Result<Updated, LedgerError> {
        let key = change.facts.crn.key;
        let mut values = facts(change)?;
        values.extend([
            (":occurred_at", number(change.event.at.get())),
            (":now", number(now.get())),
            (":claim", string(change.claim)),
            (":lease", string(change.claim)),
            (":zero", number(0)),
            (":one", number(1)),
            (":none_pending", empty_map()),
            (":no_retries", empty_map()),
            (":no_acknowledgements", empty_map()),
            (":due_shard", number(due_shard(key))),
            (":due_at", number(now.plus(change.lease).get())),
        ]);
        let (condition, effect) =
            (format!("{IS_SAME_KEY} AND {IS_NEWS} AND {TIME_GOES_ON}"), format!("{FACTS}, {CLOSE_WINDOW}"));
        self.update(change.facts.crn.instance.instance, key, Update::new(&condition, &effect, values)).await
    }

    /// Takes note of a key that was made. Its window stays open.
    async fn introduce(&self, change: &LifecycleChange) -> Result<Recorded, LedgerError> {
        let crn = &change.facts.crn;
        match self.update(crn.instance.instance, crn.key, Update::new(IS_NEW, FACTS, facts(change)?)).await? {
            Updated::Written(_) => Ok(Recorded::Quiet),
            Updated::Refused(Some(item)) if !has_crn(&item, crn) => Ok(Recorded::CrnMismatch),
            Updated::Refused(_) => Ok(Recorded::Stale),
        }
    }
}

fn facts(
    change: &LifecycleChange,
) -> Result<Vec<(&'static str, aws_sdk_dynamodb::types::AttributeValue)>, LedgerError> {
    let LifecycleChange { facts, event, .. } = change;
    Ok(vec![
        (":crn", string(&facts.crn)),
        (":key_type", document(facts.key_type)?),
        (":state", document(facts.state)?),
        (":ring", string(&facts.ring)),
        (":version", document(&facts.version)?),
        (":event", document(event)?),
        (":no_services", empty_map()),
        (":no_outcome", empty_map()),
    ])
}

fn news(item: Item) -> Result<Recorded, LedgerError> {
    Notification::read(item)?
        .map(|notification| Recorded::News(Box::new(notification)))
        .ok_or_else(|| LedgerError::Defect("a recorded item without a claim".to_owned()))
}
