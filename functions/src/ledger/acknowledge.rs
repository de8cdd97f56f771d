//! Acknowledgements: reports by services that they acted on a notification.
//!
//! The item is read first, because what is stored depends on what the service reported before, and
//! because a state that contradicts the key's is reported *before* it is recorded: a crash in
//! between repeats the report, and loses none (guarantee G9).

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;

use super::{
    Acknowledgement, Acknowledgements, Finding, FindingKind, Ledger, LedgerError, Notification, Notified,
    expression::{document, string},
    item::{Item, KEY_ITEM, has_crn, key_pk},
    update::{Update, Updated},
};
use crate::domain::{EpochMillis, EventId, KeyCrn, ServiceName};

/// The attempts to record an acknowledgement while a service acknowledges for many resources at
/// once (`docs/reference/limits.md#acknowledgement-attempts`).
const ATTEMPTS: u32 = 8;

/// The notification is still the key's latest one.
const IS_LATEST_NOTIFICATION: &str = "#crn = :crn AND #claim = :claim";
/// The service has not acknowledged since the item was read.
const IS_FIRST: &str = "attribute_not_exists(#acknowledged.#service)";
/// The same for a service that had acknowledged before.
const IS_UNCHANGED: &str = "#acknowledged.#service = :stored";
const ACKNOWLEDGE: &str = "SET #acknowledged.#service = :acknowledgements";

/// The result of recording an acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledged {
    /// The acknowledgement was recorded.
    Recorded,
    /// The acknowledgement is already recorded, belongs to an older notification, or comes from a
    /// service that the notification was not sent to. Nothing was written.
    Stale,
    /// The service claims to have acted before the notification was made. Nothing was written.
    BeforeNotification,
    /// The stored key has another account, service or region. Nothing was written.
    CrnMismatch,
}

impl Ledger {
    /// Records the acknowledgement of `event`, a notification of `key`. Calls `report` before, at
    /// most once, if it contradicts the key's state.
    pub async fn acknowledge(
        &self,
        key: &KeyCrn,
        event: &EventId,
        acknowledgement: &Acknowledgement,
        report: impl FnOnce(&Notification, &Finding),
    ) -> Result<Acknowledged, LedgerError> {
        let service = &event.service;
        let pk = key_pk(key.instance.instance, key.key);
        let mut report = Some(report);
        for _ in 0..ATTEMPTS {
            let Some(item) = self.get(&pk, KEY_ITEM).await? else { return Ok(Acknowledged::Stale) };
            if !has_crn(&item, key) {
                return Ok(Acknowledged::CrnMismatch);
            }
            let stored = stored(&item, service);
            let Some(notification) = Notification::read(item)? else { return Ok(Acknowledged::Stale) };
            let record = &notification.key;
            let sequence = match acknowledged_sequence(&notification, event, acknowledgement.at) {
                Ok(sequence) => sequence,
                Err(result) => return Ok(result),
            };
            let before = record.acknowledged.get(service);
            let is_outdated = record
                .acknowledgement(service)
                .is_some_and(|counted| acknowledgement.is_outdated_by(counted));
            if event.claim == notification.claim
                && acknowledgement.contradicts(record)
                && !is_outdated
                && let Some(report) = report.take()
            {
                report(&notification, &contradiction(&notification, service, acknowledgement));
            }
            let owed: Vec<_> = record.owed(service).collect();
            let after = Acknowledgements::after(before, acknowledgement, sequence, &owed, record);
            if before == Some(&after) {
                return Ok(Acknowledged::Stale);
            }
            if self.write_acknowledgements(&notification, service, stored, &after).await? {
                return Ok(Acknowledged::Recorded);
            }
        }
        Err(LedgerError::Unavailable("other writes changed the key during each attempt".to_owned()))
    }

    /// Replaces the entry `stored` of a service. False if it has changed, or the key was notified
    /// again.
    async fn write_acknowledgements(
        &self,
        notification: &Notification,
        service: &ServiceName,
        stored: Option<AttributeValue>,
        after: &Acknowledgements,
    ) -> Result<bool, LedgerError> {
        let KeyCrn { instance, key } = &notification.key.crn;
        let mut values = vec![
            (":crn", string(&notification.key.crn)),
            (":claim", string(notification.claim)),
            (":acknowledgements", document(after)?),
        ];
        let is_unchanged = match stored {
            None => IS_FIRST,
            Some(stored) => {
                values.push((":stored", stored));
                IS_UNCHANGED
            }
        };
        let condition = format!("{IS_LATEST_NOTIFICATION} AND {is_unchanged}");
        let mut update = Update::new(&condition, ACKNOWLEDGE, values);
        update.names = vec![("#service".to_owned(), service.to_string())];
        let updated = self.update(instance.instance, *key, update).await?;
        Ok(matches!(updated, Updated::Written(_)))
    }
}

/// The number of the notification that an acknowledgement at the instant `at` counts for, or the
/// reason why it counts for none. One of a superseded notification still counts for what the
/// service must acknowledge, as long as it is not older than that.
pub(super) fn acknowledged_sequence(
    notification: &Notification,
    event: &EventId,
    at: EpochMillis,
) -> Result<u64, Acknowledged> {
    let (key, service) = (&notification.key, &event.service);
    if event.claim == notification.claim {
        if !key.pending.contains_key(service) && !key.outcome.contains_key(service) {
            return Err(Acknowledged::Stale);
        }
        if latest(at) < notification.at {
            return Err(Acknowledged::BeforeNotification);
        }
        return Ok(notification.sequence);
    }
    let is_acknowledged = |owed: &&Notified| {
        // Claim ids sort by time.
        let is_between = owed.claim < event.claim && event.claim < notification.claim;
        (event.claim == owed.claim || is_between) && latest(at) >= owed.at
    };
    key.owed(service).filter(is_acknowledged).map(|owed| owed.sequence).last().ok_or(Acknowledged::Stale)
}

/// The finding about an acknowledgement of the latest notification that contradicts the key's
/// state.
fn contradiction(
    notification: &Notification,
    service: &ServiceName,
    acknowledgement: &Acknowledgement,
) -> Finding {
    Finding {
        service: service.clone(),
        kind: FindingKind::Conflicting,
        notification: notification.into(),
        acknowledgement: Some(acknowledgement.clone()),
    }
}

/// The entry of a service as it is stored.
fn stored(key: &Item, service: &ServiceName) -> Option<AttributeValue> {
    key.get("acknowledged")?.as_m().ok()?.get(&service.to_string()).cloned()
}

/// The latest instant that `at` can mean: services often send whole seconds, and one of those
/// covers the second that it begins.
fn latest(at: EpochMillis) -> EpochMillis {
    if at == at.ceil_to_second() { at.plus(Duration::from_millis(999)) } else { at }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        domain::ClaimId,
        ledger::{
            Deadline, DynamoDbClient,
            item::tests::notification,
            stub::{CRN, Sent, Step, Stub, condition_failed, found, item, with},
        },
    };

    #[test]
    fn whole_second_covers_its_second() {
        for (at, expected) in [(5_000, 5_999), (5_001, 5_001), (5_999, 5_999)] {
            assert_eq!(latest(EpochMillis::new(at)), EpochMillis::new(expected));
        }
    }

    fn acknowledged(
        notification: &Notification,
        claim: ClaimId,
        at: EpochMillis,
    ) -> Result<u64, Acknowledged> {
        let service = "cloud-object-storage".parse().unwrap();
        acknowledged_sequence(notification, &EventId { key: notification.key.crn.key, claim, service }, at)
    }

    #[test]
    fn acknowledgement_before_its_notification_is_rejected() {
        let mut notification = notification();
        // No whole second, so that each instant means itself.
        notification.at = notification.at.plus(Duration::from_millis(2));
        let at = |at: EpochMillis| acknowledged(&notification, notification.claim, at);
        let millisecond = Duration::from_millis(1);
        assert_eq!(at(notification.at), Ok(7));
        assert_eq!(at(notification.at.plus(millisecond)), Ok(7));
        assert_eq!(at(notification.at.minus(millisecond)), Err(Acknowledged::BeforeNotification));
    }

    #[test]
    fn superseded_acknowledgement_counts_for_older_deadlines() {
        let claims: [ClaimId; 5] =
            [0, 1, 2, 3, 4].map(|n| format!("019aaf60-0000-7000-8000-00000000000{n}").parse().unwrap());
        let [before, first, between, latest, after] = claims;
        let mut notification = notification();
        notification.claim = first;
        notification.key.claim = Some(first);
        notification.at = notification.at.plus(Duration::from_millis(2));
        notification.key.deadline = Deadline::after(&notification, notification.at, |_| true);
        let first_at = notification.at;
        notification.claim = latest;
        notification.key.claim = Some(latest);
        notification.sequence = 9;
        for claim in [first, between] {
            assert_eq!(acknowledged(&notification, claim, first_at), Ok(7));
            let earlier = first_at.minus(Duration::from_millis(1));
            assert_eq!(acknowledged(&notification, claim, earlier), Err(Acknowledged::Stale));
        }
        for claim in [before, after] {
            assert_eq!(acknowledged(&notification, claim, first_at), Err(Acknowledged::Stale));
        }
        notification.key.deadline = None;
        assert_eq!(acknowledged(&notification, first, first_at), Err(Acknowledged::Stale), "nothing is owed");
    }

    /// What the services of the stub's deleted key report.
    fn acknowledgement(key_state: &str, after_ms: u64) -> Acknowledgement {
        let at = notification().at.plus(Duration::from_millis(after_ms));
        Acknowledgement { at, key_state: key_state.to_owned(), resource: None }
    }

    /// The stub's item with what its service acknowledged.
    fn stored(acknowledged: Option<&Acknowledgements>) -> Value {
        let entry = acknowledged.map(serde_dynamo::to_attribute_value::<_, serde_dynamo::AttributeValue>);
        let entries = entry.map(|entry| json!({"cloud-object-storage": entry.unwrap()}));
        with(item(), json!({"acknowledged": {"M": entries.unwrap_or_else(|| json!({}))}}))
    }

    fn first(acknowledgement: &Acknowledgement) -> Acknowledgements {
        Acknowledgements {
            settled: std::collections::BTreeSet::new(),
            sequence: 0,
            first_at: acknowledgement.at,
            counted: acknowledgement.clone(),
        }
    }

    /// The result, the number of reports, and what was sent.
    async fn recorded(
        acknowledgement: &Acknowledgement,
        steps: impl IntoIterator<Item = Step>,
    ) -> (Result<Acknowledged, LedgerError>, usize, Vec<Sent>) {
        let (stub, mut reports) = (Stub::with(steps), 0);
        let key: KeyCrn = CRN.parse().unwrap();
        let service = "cloud-object-storage".parse().unwrap();
        let event = EventId { key: key.key, claim: notification().claim, service };
        let ledger = stub.ledger(DynamoDbClient::Sdk);
        let recorded = ledger.acknowledge(&key, &event, acknowledgement, |_, _| reports += 1).await;
        (recorded, reports, stub.take_sent())
    }

    #[tokio::test]
    async fn unchanged_entry_is_replaced_and_another_read_again() {
        let new = acknowledgement("DEK_DISABLED", 5);
        let older = first(&acknowledgement("DEK_DISABLED", 3));
        for before in [None, Some(&older)] {
            let (result, reports, sent) = recorded(&new, [found(&stored(before))]).await;
            assert_eq!((result, reports, sent.len()), (Ok(Acknowledged::Recorded), 0, 2));
            let values = sent[1].body["ExpressionAttributeValues"].as_object().unwrap();
            assert_eq!(values.contains_key(":stored"), before.is_some());
        }
        let steps = [found(&stored(None)), condition_failed(None), found(&stored(Some(&older)))];
        let (result, _, sent) = recorded(&new, steps).await;
        assert_eq!((result, sent.len()), (Ok(Acknowledged::Recorded), 4));
        let (result, _, sent) = recorded(&new, [found(&stored(Some(&first(&new))))]).await;
        assert_eq!((result, sent.len()), (Ok(Acknowledged::Stale), 1), "recorded already");
        let foreign = with(stored(None), json!({"crn": {"S": CRN.replace("abc123", "other")}}));
        let (result, _, sent) = recorded(&new, [found(&foreign)]).await;
        assert_eq!((result, sent.len()), (Ok(Acknowledged::CrnMismatch), 1));
    }

    #[tokio::test]
    async fn contradiction_is_reported_once_unless_outdated() {
        let contradiction = acknowledgement("DEK_ENABLED", 5);
        let newer = first(&acknowledgement("DEK_DISABLED", 9));
        let again = || [found(&stored(None)), condition_failed(None), found(&stored(None))];
        assert_eq!(recorded(&contradiction, again()).await.1, 1);
        assert_eq!(recorded(&contradiction, [found(&stored(Some(&newer)))]).await.1, 0);
        assert_eq!(recorded(&acknowledgement("DEK_DISABLED", 5), again()).await.1, 0);
        // The key was notified again, and owes the older acknowledgement.
        let claim = notification().claim;
        let owed = json!({"M": {
            "claim": {"S": claim.to_string()}, "sequence": {"N": "0"}, "at": {"N": "1795496400000"},
            "action": {"S": "delete"},
        }});
        let deadline = json!({"M": {
            "notification": owed, "services": {"L": [{"S": "cloud-object-storage"}]}, "checked": {"BOOL": false},
        }});
        let later = json!({"claim": {"S": ClaimId::unique().to_string()}, "deadline": deadline});
        let (result, reports, _) = recorded(&contradiction, [found(&with(stored(None), later))]).await;
        assert_eq!((result, reports), (Ok(Acknowledged::Recorded), 0));
    }
}
