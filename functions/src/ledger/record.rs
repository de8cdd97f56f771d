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
/// The claim ids of a key sort in the order of its notifications; otherwise an acknowledgement
/// could count for another notification (G9). The window keeps those of syncs in order.
const CLAIM_IS_LATER: &str = "(attribute_not_exists(#claim) OR #claim < :claim)";
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
        match self.write_action(change).await? {
            Updated::Written(item) => pending(change, item),
            Updated::ConditionFailed(None) => Ok(Recorded::Stale),
            Updated::ConditionFailed(Some(item)) => self.resolve_failed_condition(change, item).await,
        }
    }

    /// Determines why the condition failed. If the only causes are a `notified_at` in the future,
    /// written by a process whose clock is ahead, or a later claim id, records the action with that
    /// instant and an id later than that one.
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
        if key.event.at >= change.event.at {
            return Ok(Recorded::Stale);
        }
        let change = &after(change, &key);
        match self.write_action(change).await? {
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

    async fn write_action(&self, change: &LifecycleChange) -> Result<Updated, LedgerError> {
        let LifecycleChange { claim, now, lease, .. } = *change;
        let key = change.facts.crn.key;
        let mut values = facts(change)?;
        values.extend([
            (":occurred_at", number(change.event.at.get())),
            (":now", number(now.get())),
            (":claim", string(claim)),
            (":lease", string(claim)),
            (":zero", number(0)),
            (":one", number(1)),
            (":none_pending", empty_map()),
            (":no_retries", empty_map()),
            (":no_acknowledgements", empty_map()),
            (":due_shard", number(due_shard(key))),
            (":due_at", number(now.plus(lease).get())),
        ]);
        let (condition, effect) = (
            format!("{IS_SAME_KEY} AND {IS_NEWER} AND {NOTIFIED_AT_NEVER_DECREASES} AND {CLAIM_IS_LATER}"),
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

/// The change at the earliest instant, and with a claim id, that may follow those of the key.
fn after(change: &LifecycleChange, key: &KeyRecord) -> LifecycleChange {
    let now = key.notified_at.map_or(change.now, |notified_at| notified_at.max(change.now));
    let claim = key.claim.filter(|claim| *claim >= change.claim).map_or(change.claim, ClaimId::later_than);
    LifecycleChange { claim, now, ..change.clone() }
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::ledger::{
        DynamoDbClient,
        item::tests::notification,
        stub::{CRN, Step, Stub, condition_failed, item, with},
    };

    /// A change of the stub's key, a second after the last one. This process's clock is a second
    /// behind the one that wrote `notified_at`.
    fn change() -> LifecycleChange {
        let key = notification().key;
        let at = |of: EpochMillis, by: i64| EpochMillis::new(of.get().saturating_add_signed(by));
        LifecycleChange {
            facts: KeyFacts {
                crn: CRN.parse().unwrap(),
                key_type: key.key_type,
                state: key.state,
                ring: key.ring,
                version: key.version,
            },
            event: LifecycleEvent { action: LifecycleAction::Rotate, at: at(key.event.at, 1000) },
            claim: ClaimId::unique(),
            now: at(key.notified_at.unwrap(), -1000),
            lease: Duration::from_secs(30),
        }
    }

    /// The stub's item with the claim of this change, and another lease.
    fn written_by(change: &LifecycleChange) -> Value {
        with(item(), json!({"claim": {"S": change.claim.to_string()}}))
    }

    fn written(item: &Value) -> Step {
        Step::Respond(200, json!({"Attributes": item}))
    }

    /// The result, and the number of requests.
    async fn recorded(
        change: &LifecycleChange,
        steps: impl IntoIterator<Item = Step>,
    ) -> (Result<Recorded, LedgerError>, usize) {
        let stub = Stub::with(steps);
        let recorded = stub.ledger(DynamoDbClient::Sdk).record(change).await;
        (recorded, stub.take_sent().len())
    }

    #[tokio::test]
    async fn newer_event_is_recorded_at_instant_ahead() {
        let change = change();
        let stub = Stub::with([condition_failed(Some(&item())), written(&written_by(&change))]);
        let recorded = stub.ledger(DynamoDbClient::Sdk).record(&change).await.unwrap();
        let Recorded::Pending(notification) = recorded else { panic!("{recorded:?}") };
        assert_eq!(notification.lease, change.claim.into(), "whatever the item has");
        let sent = stub.take_sent();
        let values = &sent[1].body["ExpressionAttributeValues"];
        assert_eq!((&values[":now"], &values[":crn"]), (&item()["notified_at"], &item()["crn"]));
    }

    #[tokio::test]
    async fn later_claim_is_followed_by_a_new_one() {
        let (change, later) = (change(), ClaimId::unique());
        let stored = with(item(), json!({"claim": {"S": later.to_string()}}));
        let stub = Stub::with([condition_failed(Some(&stored)), written(&item())]);
        let recorded = stub.ledger(DynamoDbClient::Sdk).record(&change).await.unwrap();
        let Recorded::Pending(notification) = recorded else { panic!("{recorded:?}") };
        let sent = stub.take_sent();
        let values = &sent[1].body["ExpressionAttributeValues"];
        let claim: ClaimId = values[":claim"]["S"].as_str().unwrap().parse().unwrap();
        assert!(claim > later && notification.lease == claim.into() && values[":lease"] == values[":claim"]);
    }

    #[tokio::test]
    async fn older_event_is_stale_despite_clock_behind() {
        for at in [0, 1] {
            let mut change = change();
            change.event.at = EpochMillis::new(notification().key.event.at.get() - at);
            let (recorded, requests) = recorded(&change, [condition_failed(Some(&item()))]).await;
            assert!(matches!(recorded, Ok(Recorded::Stale)) && requests == 1, "{recorded:?}, {requests}");
        }
    }

    #[tokio::test]
    async fn lost_response_to_either_attempt_is_recorded() {
        let change = change();
        let own = || condition_failed(Some(&written_by(&change)));
        for (steps, attempts) in [(vec![own()], 1), (vec![condition_failed(Some(&item())), own()], 2)] {
            let (recorded, requests) = recorded(&change, steps).await;
            let Ok(Recorded::Pending(notification)) = recorded else { panic!("{recorded:?}") };
            assert_eq!((notification.lease, requests), (change.claim.into(), attempts));
        }
        let steps = [condition_failed(Some(&item())), condition_failed(Some(&item()))];
        let (other, _) = recorded(&change, steps).await;
        assert!(matches!(other, Err(LedgerError::Unavailable(_))), "{other:?}");
    }

    #[tokio::test]
    async fn event_of_foreign_key_is_no_change() {
        let foreign = with(item(), json!({"crn": {"S": CRN.replace("abc123", "other")}}));
        let rotation = change();
        let mut creation = change();
        creation.event.action = LifecycleAction::Create;
        for change in [&rotation, &creation] {
            let (recorded, _) = recorded(change, [condition_failed(Some(&foreign))]).await;
            assert!(matches!(recorded, Ok(Recorded::CrnMismatch)), "{recorded:?}");
        }
        let (again, _) = recorded(&creation, [condition_failed(Some(&item()))]).await;
        assert!(matches!(again, Ok(Recorded::Stale)), "{again:?}");
        let (first, _) = recorded(&creation, [written(&item())]).await;
        assert!(matches!(first, Ok(Recorded::NothingToNotify)), "{first:?}");
    }
}
