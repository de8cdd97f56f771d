//! The record: one conditional write that stores a lifecycle action and claims its notification.
//!
//! Unlike a sync, a lifecycle action is not subject to the window: it always notifies, and the
//! window is closed for an hour from then on. It replaces the outbox of an older notification,
//! because every notification contains the complete state of the key.
//!
//! Every event contains the complete state, too. The first event that arrives creates the item,
//! whatever its action, and an event that is late, repeated or out of order changes nothing.

use std::time::Duration;

use super::{
    Ledger, LedgerError, Notification,
    expression::{document, empty_map, number, string},
    item::{Item, KeyRecord, due_shard, has_crn},
    update::{Update, Updated},
};
use crate::domain::{ClaimId, EpochMillis, KeyFacts, LifecycleAction, LifecycleEvent};

/// The action is newer than the stored one. This includes purged keys: if the deletion arrives
/// after the purge, the services must still be notified of it.
const IS_NEWER: &str = "(attribute_not_exists(#event) OR #event.#at < :occurred_at)";
/// `notified_at` never decreases; otherwise a process whose clock is behind could open a window
/// early.
const NOTIFIED_AT_NEVER_DECREASES: &str = "(attribute_not_exists(#notified_at) OR #notified_at <= :now)";
/// The stored key, if any, has the same CRN. An event with the same instance and key id but another
/// account, service or region is malformed: it would move the key and lock its owner out (G10).
const IS_SAME_KEY: &str = "(attribute_not_exists(#crn) OR #crn = :crn)";
/// The key has no lifecycle action yet.
const IS_UNKNOWN_KEY: &str = "attribute_not_exists(#event)";

/// Sets the description of the key and creates the maps that later writes update. A creation, and
/// the claim of an action, have no outcomes yet.
const SET_FACTS: &str = "SET #crn = :crn, #key_type = :key_type, #state = :state, #ring = :ring, \
     #version = :version, #event = :event, #services = if_not_exists(#services, :no_services), \
     #outcome = :no_outcome";
/// Closes the window and adds every associated service to the outbox, due when the lease ends.
const CLOSE_WINDOW: &str = "#notified_at = :now, #claim = :claim, #lease = :lease, \
     #sequence = if_not_exists(#sequence, :zero) + :one, \
     #pending = if_not_exists(#services, :none_pending), #retries = :no_retries, \
     #acknowledged = if_not_exists(#acknowledged, :no_acknowledgements), \
     #due_shard = :due_shard, #due_at = :due_at \
     REMOVE #correlation_id, #caller";

/// A lifecycle action on a key.
#[derive(Clone, Debug)]
pub struct LifecycleChange {
    /// The description of the key after the action.
    pub facts: KeyFacts,
    /// The action and its instant.
    pub event: LifecycleEvent,
    /// A new, unique claim id.
    pub claim: ClaimId,
    /// The present instant.
    pub now: EpochMillis,
    /// The time after which another process may lease the notification.
    pub lease: Duration,
}

/// The result of recording a lifecycle action.
#[derive(Debug)]
pub enum Recorded {
    /// The action was recorded and its notification claimed. The caller delivers it.
    Pending(Box<Notification>),
    /// The creation of a key was recorded. A new key has no services to notify.
    NothingToNotify,
    /// This action or a later one is already recorded. Nothing was written.
    Stale,
    /// The stored key has another account, service or region than the event's. Nothing was written.
    CrnMismatch,
}

impl Ledger {
    /// Records a lifecycle action and claims its notification. A creation has none.
    pub async fn record(&self, change: &LifecycleChange) -> Result<Recorded, LedgerError> {
        if change.event.action == LifecycleAction::Create {
            return self.record_creation(change).await;
        }
        match self.record_at(change, change.now).await? {
            Updated::Written(item) => pending(change, item),
            Updated::ConditionFailed(None) => Ok(Recorded::Stale),
            Updated::ConditionFailed(Some(item)) => self.resolve_failed_condition(change, item).await,
        }
    }

    /// Determines why the condition failed. If the only cause is a `notified_at` in the future,
    /// written by a process whose clock is ahead, records the action with that instant.
    async fn resolve_failed_condition(
        &self,
        change: &LifecycleChange,
        item: Item,
    ) -> Result<Recorded, LedgerError> {
        if !has_crn(&item, &change.facts.crn) {
            return Ok(Recorded::CrnMismatch);
        }
        let key = KeyRecord::read(item.clone())?;
        if key.claim == Some(change.claim) {
            return pending(change, item); // an earlier attempt of this call was written and its response lost
        }
        let is_newer = key.event.at < change.event.at;
        let Some(ahead) = key.notified_at.filter(|at| is_newer && *at > change.now) else {
            return Ok(Recorded::Stale);
        };
        match self.record_at(change, ahead).await? {
            Updated::Written(item) => pending(change, item),
            Updated::ConditionFailed(Some(item))
                if KeyRecord::read(item.clone())?.claim == Some(change.claim) =>
            {
                pending(change, item) // the response to this attempt can be lost, too
            }
            Updated::ConditionFailed(_) => {
                Err(LedgerError::Unavailable("other writes changed the key during each attempt".to_owned()))
            }
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
        let (condition, effect) = (
            format!("{IS_SAME_KEY} AND {IS_NEWER} AND {NOTIFIED_AT_NEVER_DECREASES}"),
            format!("{SET_FACTS}, {CLOSE_WINDOW}"),
        );
        self.update(change.facts.crn.instance.instance, key, Update::new(&condition, &effect, values)).await
    }

    /// Records the creation of a key. Its window stays open.
    async fn record_creation(&self, change: &LifecycleChange) -> Result<Recorded, LedgerError> {
        let crn = &change.facts.crn;
        match self
            .update(crn.instance.instance, crn.key, Update::new(IS_UNKNOWN_KEY, SET_FACTS, facts(change)?))
            .await?
        {
            Updated::Written(_) => Ok(Recorded::NothingToNotify),
            Updated::ConditionFailed(Some(item)) if !has_crn(&item, crn) => Ok(Recorded::CrnMismatch),
            Updated::ConditionFailed(_) => Ok(Recorded::Stale),
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

/// The claimed notification, with this claim as its fencing token, as in `claim.rs`.
fn pending(change: &LifecycleChange, item: Item) -> Result<Recorded, LedgerError> {
    Notification::read(item)?
        .map(|notification| Notification { lease: change.claim.into(), ..notification })
        .map(|notification| Recorded::Pending(Box::new(notification)))
        .ok_or_else(|| LedgerError::Defect("a recorded item has no claim".to_owned()))
}

impl Ledger {
    /// Records a key as another system describes it, unless the key is already known. `event` is
    /// its latest action there. Notifies no service and leaves the window open; a later event
    /// replaces the description.
    pub async fn import(&self, facts: KeyFacts, event: LifecycleEvent) -> Result<Recorded, LedgerError> {
        let (claim, now) = (ClaimId::unique(), event.at);
        self.record_creation(&LifecycleChange { facts, event, claim, now, lease: Duration::ZERO }).await
    }
}
