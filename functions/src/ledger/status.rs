//! The status of a key's last notification, for each service: one consistent read.

use std::collections::BTreeSet;

use super::{
    FindingKind, Ledger, LedgerError,
    item::{KEY_ITEM, KeyRecord, OutcomeStatus, has_crn, key_pk},
};
use crate::domain::{EpochMillis, KeyCrn, KeyRing, LifecycleAction, ServiceName, deadline};

/// The status of a key's last notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotificationStatus {
    /// The number of the notification among those of the key; 0 if the key was never notified.
    pub sequence: u64,
    /// The key's latest lifecycle action, of which the services were notified.
    pub action: LifecycleAction,
    /// The services, by name.
    pub services: Vec<ServiceStatus>,
}

/// The outcome of the notification at one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceStatus {
    /// The service.
    pub service: ServiceName,
    /// The status.
    pub status: Status,
    /// The id of the event that was sent; `None` before the first attempt.
    pub event_id: Option<String>,
    /// The number of delivery attempts; `None` before the first attempt.
    pub attempts: Option<u32>,
    /// The instant of the last attempt.
    pub last_attempt: Option<EpochMillis>,
    /// The instant from which the next attempt is due.
    pub next_attempt: Option<EpochMillis>,
    /// The reason why the last attempt failed.
    pub reason: Option<String>,
    /// The last instant at which an acknowledgement is in time; `None` if the service need not
    /// acknowledge.
    pub deadline: Option<EpochMillis>,
    /// The instant at which the service reports that it acted.
    pub acknowledged_at: Option<EpochMillis>,
    /// The key's state in the terms of the service, as it acknowledged it.
    pub acknowledged_state: Option<String>,
}

/// The status of a notification at a service (`docs/reference/notifications.md#delivery-status`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The service was registered after the notification; the next one includes it.
    NotNotified,
    /// No attempt is recorded yet.
    Pending,
    /// At least one attempt failed, and another one is scheduled.
    Retrying,
    /// The service responded with 2xx.
    Delivered,
    /// The service reported that it acted.
    Acknowledged,
    /// The service has not reported within four hours that it acted.
    Overdue,
    /// The key state that the service reported contradicts the key's.
    Conflicting,
    /// The service responded with 410: it wants no more notifications.
    Refused,
    /// Retries exhausted after 24 hours.
    Failed,
}

impl Status {
    /// Every status, in the order of a notification's life.
    pub const ALL: [Self; 9] = [
        Self::NotNotified,
        Self::Pending,
        Self::Retrying,
        Self::Delivered,
        Self::Acknowledged,
        Self::Overdue,
        Self::Conflicting,
        Self::Refused,
        Self::Failed,
    ];

    /// The name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotNotified => "not-notified",
            Self::Pending => "pending",
            Self::Retrying => "retrying",
            Self::Delivered => "delivered",
            Self::Acknowledged => "acknowledged",
            Self::Overdue => FindingKind::Overdue.as_str(),
            Self::Conflicting => FindingKind::Conflicting.as_str(),
            Self::Refused => "refused",
            Self::Failed => FindingKind::Failed.as_str(),
        }
    }
}

impl Ledger {
    /// The status at `now` of the last notification of `key`. `None` if no such key with exactly
    /// this CRN is stored in `ring`, or if it was purged.
    pub async fn notification_status(
        &self,
        key: &KeyCrn,
        ring: Option<&KeyRing>,
        now: EpochMillis,
    ) -> Result<Option<NotificationStatus>, LedgerError> {
        let Some(item) = self.get(&key_pk(key.instance.instance, key.key), KEY_ITEM).await? else {
            return Ok(None);
        };
        // First: an item that cannot be parsed must look like an absent key, too.
        if !has_crn(&item, key) {
            return Ok(None);
        }
        let record = KeyRecord::read(item)?;
        let is_visible = record.purged_at.is_none() && ring.is_none_or(|ring| *ring == record.ring);
        Ok(is_visible.then(|| status(&record, now)))
    }
}

/// The status of the services that the notification was sent to, and of those with registrations,
/// which the next one will be sent to.
pub(super) fn status(record: &KeyRecord, now: EpochMillis) -> NotificationStatus {
    let KeyRecord { pending, outcome, services, .. } = record;
    let services: BTreeSet<_> = pending.keys().chain(outcome.keys()).chain(services.keys()).collect();
    NotificationStatus {
        sequence: record.sequence,
        action: record.event.action,
        services: services.into_iter().map(|service| service_status(record, service, now)).collect(),
    }
}

fn service_status(record: &KeyRecord, service: &ServiceName, now: EpochMillis) -> ServiceStatus {
    let outcome = record.outcome.get(service);
    let acknowledged = record.acknowledgement(service);
    let deadline = record.notified_at.filter(|_| record.must_acknowledge(service)).map(deadline::of);
    let status = match (acknowledged, outcome.map(|outcome| outcome.status)) {
        (Some(acknowledged), _) if acknowledged.contradicts(record) => Status::Conflicting,
        (Some(_), _) => Status::Acknowledged,
        (None, Some(OutcomeStatus::Failed)) => Status::Failed,
        (None, _) if deadline.is_some_and(|deadline| now > deadline) => Status::Overdue,
        (None, Some(OutcomeStatus::Refused)) => Status::Refused,
        (None, Some(OutcomeStatus::Delivered)) => Status::Delivered,
        (None, Some(OutcomeStatus::Retrying)) => Status::Retrying,
        (None, None) if record.pending.contains_key(service) => Status::Pending,
        (None, None) => Status::NotNotified,
    };
    ServiceStatus {
        service: service.clone(),
        status,
        event_id: outcome.map(|outcome| outcome.event_id.clone()),
        attempts: outcome.map(|outcome| outcome.attempts),
        last_attempt: outcome.map(|outcome| outcome.at),
        next_attempt: record.retries.get(service).map(|retry| retry.next_at),
        reason: outcome.and_then(|outcome| outcome.reason.clone()),
        deadline,
        acknowledged_at: acknowledged.map(|acknowledged| acknowledged.at),
        acknowledged_state: acknowledged.map(|acknowledged| acknowledged.key_state.clone()),
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, time::Duration};

    use serde_json::{Value, json};

    use super::*;
    use crate::{
        domain::ClaimId,
        ledger::{
            Acknowledgement, Acknowledgements, Deadline, DynamoDbClient, Notification,
            item::tests::{delivered, notification},
            stub::{CRN, Stub, found, item, with},
        },
    };

    const MILLISECOND: Duration = Duration::from_millis(1);

    /// The status of `databases-for-postgresql` at the deadline, and a millisecond later.
    fn statuses(notification: &Notification) -> [Status; 2] {
        let service = "databases-for-postgresql".parse().unwrap();
        let at_deadline = deadline::of(notification.at);
        [at_deadline, at_deadline.plus(MILLISECOND)]
            .map(|now| service_status(&notification.key, &service, now).status)
    }

    fn must_acknowledge(notification: &mut Notification, service: &str) {
        let is_service = |it: &ServiceName| it.to_string() == service;
        notification.key.deadline = Deadline::after(notification, notification.at, is_service);
    }

    #[test]
    fn service_without_outcome_is_pending_or_not_notified() {
        let mut notification = notification();
        assert_eq!(statuses(&notification), [Status::Pending; 2]);
        notification.key.pending.clear();
        assert_eq!(statuses(&notification), [Status::NotNotified; 2]);
    }

    #[test]
    fn outcome_is_shown() {
        let mut notification = notification();
        for (outcome, status) in [
            (OutcomeStatus::Delivered, Status::Delivered),
            (OutcomeStatus::Refused, Status::Refused),
            (OutcomeStatus::Retrying, Status::Retrying),
            (OutcomeStatus::Failed, Status::Failed),
        ] {
            notification.key.outcome = delivered(&notification);
            notification.key.outcome.values_mut().for_each(|it| it.status = outcome);
            assert_eq!(statuses(&notification), [status; 2]);
        }
    }

    #[test]
    fn service_is_overdue_after_its_deadline() {
        let mut notification = notification();
        must_acknowledge(&mut notification, "databases-for-postgresql");
        assert_eq!(statuses(&notification), [Status::Pending, Status::Overdue]);
        notification.key.outcome = delivered(&notification);
        assert_eq!(statuses(&notification), [Status::Delivered, Status::Overdue]);
        notification.key.claim = Some(ClaimId::unique());
        assert_eq!(statuses(&notification), [Status::Delivered; 2], "the deadline of an older notification");
        must_acknowledge(&mut notification, "cloud-object-storage");
        assert_eq!(statuses(&notification), [Status::Delivered; 2], "the deadline of another service");
    }

    #[test]
    fn only_acknowledgement_of_this_notification_counts() {
        let mut notification = notification();
        let mut acknowledge = |sequence: u64, key_state: &str| {
            let (first_at, key_state) = (notification.at, key_state.to_owned());
            let counted = Acknowledgement { at: first_at, key_state, resource: None };
            let entry = Acknowledgements { settled: BTreeSet::new(), sequence, first_at, counted };
            notification.key.acknowledged.insert("databases-for-postgresql".parse().unwrap(), entry);
            statuses(&notification)
        };
        assert_eq!(acknowledge(7, "DEK_DISABLED"), [Status::Acknowledged; 2]);
        assert_eq!(acknowledge(7, "DEK_ENABLED"), [Status::Conflicting; 2], "the key is deleted");
        assert_eq!(acknowledge(6, "DEK_ENABLED"), [Status::Pending; 2]);
    }

    #[tokio::test]
    async fn foreign_purged_or_other_ring_key_is_absent() {
        let key: KeyCrn = CRN.parse().unwrap();
        let shown = async |attributes: Value, ring: Option<&str>| {
            let ledger = Stub::with([found(&with(item(), attributes))]).ledger(DynamoDbClient::Sdk);
            let ring = ring.map(|ring| ring.parse::<KeyRing>().unwrap());
            ledger.notification_status(&key, ring.as_ref(), notification().at).await.unwrap().is_some()
        };
        assert!(shown(json!({}), None).await);
        assert!(shown(json!({}), Some("default")).await);
        assert!(!shown(json!({}), Some("other")).await);
        assert!(!shown(json!({"purged_at": {"N": "1"}}), None).await);
        assert!(!shown(json!({"crn": {"S": CRN.replace("abc123", "other")}}), None).await);
    }
}
