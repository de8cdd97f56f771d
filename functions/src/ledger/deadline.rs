//! The deadlines of a key: which services must acknowledge which notification, and whether that was
//! checked.
//!
//! A confirmation stores them. A claim replaces none: the first confirmation of a newer
//! notification takes over, for each service, the *oldest* notification that it has not
//! acknowledged. A service that never acts is found four hours after that, however often the key is
//! notified meanwhile, and the item does not grow with the notifications. Until the check, the item
//! stays in the due index, in a shard of its own once no service is pending (`due.rs`).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Acknowledgement, Notification, item::KeyRecord};
use crate::domain::{ClaimId, EpochMillis, EventId, KeyId, LifecycleAction, ServiceName, deadline};

/// A notification that services must acknowledge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notified {
    /// The id of the notification.
    pub claim: ClaimId,
    /// The number of the notification among those of the key.
    pub sequence: u64,
    /// The instant of the notification.
    pub at: EpochMillis,
    /// The key's latest lifecycle action at that instant.
    pub action: LifecycleAction,
}

impl From<&Notification> for Notified {
    fn from(notification: &Notification) -> Self {
        let Notification { claim, sequence, at, key, .. } = notification;
        Self { claim: *claim, sequence: *sequence, at: *at, action: key.event.action }
    }
}

/// What the services of a key must acknowledge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deadline {
    /// The latest confirmed notification.
    notification: Notified,
    /// The services that must acknowledge it, at most those of the outbox.
    services: BTreeSet<ServiceName>,
    /// Whether these were checked after the deadline. At most one check is recorded.
    checked: bool,
    /// The oldest notification that a service has not acknowledged, if it is an older one. Removed
    /// by its check.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    older: BTreeMap<ServiceName, Notified>,
}

/// A service that did not act on a notification (guarantee G9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The service.
    pub service: ServiceName,
    /// The kind of finding.
    pub kind: FindingKind,
    /// The notification.
    pub notification: Notified,
    /// What the service acknowledged, if it did.
    pub acknowledgement: Option<Acknowledgement>,
}

impl Finding {
    /// The id of the event that notified the service. `key` is the key of the notification.
    #[must_use]
    pub fn event_id(&self, key: KeyId) -> EventId {
        EventId { key, claim: self.notification.claim, service: self.service.clone() }
    }
}

/// The kinds of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindingKind {
    /// The service acknowledged nothing in time.
    Overdue,
    /// The key state that the service acknowledged contradicts the key's.
    Conflicting,
    /// Retries are exhausted: the service does not have the notification.
    Failed,
}

impl FindingKind {
    /// The name in the log, the audit event and the status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Overdue => "overdue",
            Self::Conflicting => "conflicting",
            Self::Failed => "failed",
        }
    }
}

impl KeyRecord {
    /// Whether `service` must acknowledge the last notification.
    pub(super) fn must_acknowledge(&self, service: &ServiceName) -> bool {
        let latest = self.deadline.as_ref().filter(|it| Some(it.notification.claim) == self.claim);
        latest.is_some_and(|deadline| deadline.services.contains(service))
    }

    /// The notifications that `service` must acknowledge and that are not checked yet, the oldest
    /// first.
    pub(super) fn owed(&self, service: &ServiceName) -> impl Iterator<Item = &Notified> {
        self.deadline.iter().flat_map(move |deadline| {
            let is_own = !deadline.checked && deadline.services.contains(service);
            deadline.older.get(service).into_iter().chain(is_own.then_some(&deadline.notification))
        })
    }

    /// Whether the service acted on `notification`, or on a newer one, in time.
    fn has_settled(&self, service: &ServiceName, notification: &Notified) -> bool {
        self.acknowledged.get(service).is_some_and(|acknowledged| acknowledged.settle(notification))
    }
}

impl Deadline {
    /// What the services must acknowledge after a delivery at `now`. The first confirmation of a
    /// notification determines it, from the services that are pending and that do acknowledge
    /// (`acknowledges`). A service without registrations need not act any more. `None` if no
    /// service is left.
    pub fn after(
        notification: &Notification,
        now: EpochMillis,
        acknowledges: impl Fn(&ServiceName) -> bool,
    ) -> Option<Self> {
        let key = &notification.key;
        let mut deadline = match key.deadline.clone() {
            Some(stored) if stored.is_of(notification) => stored,
            stored => Self {
                notification: notification.into(),
                services: expected(notification, now).filter(|it| acknowledges(it)).cloned().collect(),
                checked: false,
                older: stored.map(|stored| stored.unacknowledged(key)).unwrap_or_default(),
            },
        };
        deadline.services.retain(|service| key.services.contains_key(service));
        deadline.older.retain(|service, _| key.services.contains_key(service));
        (!deadline.services.is_empty() || !deadline.older.is_empty()).then_some(deadline)
    }

    /// Whether this belongs to `notification`, and not to an older one.
    pub(super) fn is_of(&self, notification: &Notification) -> bool {
        self.notification.claim == notification.claim
    }

    /// The oldest notification that each service has not acknowledged in time, and whose check is
    /// not recorded.
    fn unacknowledged(self, key: &KeyRecord) -> BTreeMap<ServiceName, Notified> {
        let Self { notification, services, checked, older } = self;
        let own = services.into_iter().filter(|_| !checked).map(|service| (service, notification.clone()));
        // Of two notifications of a service the later one in this order is kept: the older one.
        let all = own.chain(older);
        all.filter(|(service, notified)| !key.has_settled(service, notified)).collect()
    }

    /// The instant from which acknowledgements can be checked; `None` if all were.
    pub(crate) fn check_at(&self) -> Option<EpochMillis> {
        let own = (!self.checked && !self.services.is_empty()).then_some(&self.notification);
        own.into_iter().chain(self.older.values()).map(|it| deadline::checked_from(it.at)).min()
    }

    /// Checks the acknowledgements whose deadline is over at `now` and that were not checked: one
    /// finding for each service and notification that was not acknowledged in time. `None` if there
    /// was nothing to check.
    pub(crate) fn check(&mut self, key: &KeyRecord, now: EpochMillis) -> Option<Vec<Finding>> {
        self.check_at().filter(|at| *at <= now)?;
        let is_over = |notified: &Notified| deadline::checked_from(notified.at) <= now;
        let mut over: Vec<_> = self.older.extract_if(.., |_, notified| is_over(notified)).collect();
        if !self.checked && is_over(&self.notification) {
            self.checked = true;
            over.extend(self.services.iter().map(|service| (service.clone(), self.notification.clone())));
        }
        over.retain(|(service, notified)| !key.has_settled(service, notified));
        Some(over.into_iter().map(|(service, notified)| overdue(key, service, notified)).collect())
    }
}

/// The services that a notification may be expected to be acknowledged by: those that are pending
/// before its first confirmation. A later one knows them no more; a service that is configured to
/// acknowledge after the deadline is not overdue at once.
fn expected(notification: &Notification, now: EpochMillis) -> impl Iterator<Item = &ServiceName> {
    let key = &notification.key;
    let is_replayed = key.replay.as_ref().is_some_and(|replay| replay.at >= notification.at);
    let is_confirmed = !key.outcome.is_empty() || !key.retries.is_empty() || is_replayed;
    let is_over = now > deadline::of(notification.at);
    key.pending.keys().filter(move |_| !(is_confirmed && is_over))
}

fn overdue(key: &KeyRecord, service: ServiceName, notification: Notified) -> Finding {
    let late = key.acknowledged.get(&service).filter(|it| it.sequence >= notification.sequence);
    let acknowledgement = late.map(|late| late.counted.clone());
    Finding { service, kind: FindingKind::Overdue, notification, acknowledgement }
}

#[cfg(test)]
mod tests;
