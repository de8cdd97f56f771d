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
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        domain::deadline::{DEADLINE, GRACE},
        ledger::{Acknowledgements, item::tests::notification},
    };

    const MILLISECOND: Duration = Duration::from_millis(1);
    const HOUR: Duration = Duration::from_hours(1);

    fn storage() -> ServiceName {
        "cloud-object-storage".parse().unwrap()
    }

    /// The deadline that a confirmation `late` after the notification stores.
    fn confirm(notification: &Notification, late: Duration) -> Option<Deadline> {
        Deadline::after(notification, notification.at.plus(late), |service| *service == storage())
    }

    /// The next notification, `after` this one, whose deadline is stored.
    fn next(mut notification: Notification, after: Duration, stored: Option<Deadline>) -> Notification {
        notification.claim = ClaimId::unique();
        notification.sequence += 1;
        notification.at = notification.at.plus(after);
        notification.key.claim = Some(notification.claim);
        notification.key.sequence = notification.sequence;
        notification.key.deadline = stored;
        notification
    }

    fn acknowledge(notification: &mut Notification, sequence: u64, at: EpochMillis) {
        let counted = Acknowledgement { at, key_state: String::new(), resource: None };
        let entry = Acknowledgements { settled: BTreeSet::new(), sequence, first_at: at, counted };
        notification.key.acknowledged.insert(storage(), entry);
    }

    /// The numbers of the notifications that a check finds not acknowledged.
    fn overdue(deadline: &mut Deadline, notification: &Notification, at: EpochMillis) -> Option<Vec<u64>> {
        let found = deadline.check(&notification.key, at)?;
        Some(found.into_iter().map(|finding| finding.notification.sequence).collect())
    }

    #[test]
    fn check_finds_missing_and_late_acknowledgements() {
        let found = |after: Option<Duration>| {
            let mut notification = notification();
            if let Some(after) = after {
                let at = notification.at.plus(after);
                acknowledge(&mut notification, 7, at);
            }
            let now = notification.at.plus(DEADLINE + GRACE + MILLISECOND);
            overdue(&mut confirm(&notification, Duration::ZERO).unwrap(), &notification, now).unwrap()
        };
        assert_eq!(found(None), [7]);
        assert_eq!(found(Some(Duration::ZERO)), [0; 0]);
        assert_eq!(found(Some(DEADLINE)), [0; 0]);
        assert_eq!(found(Some(DEADLINE + MILLISECOND)), [7]);
    }

    #[test]
    fn check_is_made_once_and_after_the_grace() {
        let notification = notification();
        let mut deadline = confirm(&notification, Duration::ZERO).unwrap();
        let edge = notification.at.plus(DEADLINE + GRACE);
        assert_eq!(overdue(&mut deadline, &notification, edge), None);
        let after = edge.plus(MILLISECOND);
        assert_eq!(deadline.check_at(), Some(after));
        assert_eq!(overdue(&mut deadline, &notification, after), Some(vec![7]));
        assert_eq!(overdue(&mut deadline, &notification, after), None);
        assert_eq!(deadline.check_at(), None);
    }

    #[test]
    fn newer_notifications_keep_the_oldest_deadline() {
        let first = notification();
        let stored = confirm(&first, Duration::ZERO);
        let second = next(first.clone(), HOUR, stored);
        let stored = confirm(&second, Duration::ZERO);
        let third = next(second, HOUR, stored);
        let mut deadline = confirm(&third, Duration::ZERO).unwrap();
        let check_at = deadline::checked_from(first.at);
        assert_eq!(deadline.check_at(), Some(check_at));
        assert_eq!(overdue(&mut deadline, &third, check_at), Some(vec![7]));
        // From then on, the newest one.
        let check_at = deadline::checked_from(third.at);
        assert_eq!(deadline.check_at(), Some(check_at));
        assert_eq!(overdue(&mut deadline, &third, check_at), Some(vec![9]));
    }

    #[test]
    fn acknowledgement_settles_older_deadlines() {
        let first = notification();
        let stored = confirm(&first, Duration::ZERO);
        for acknowledged in [7, 8] {
            let mut second = next(first.clone(), HOUR, stored.clone());
            let at = second.at;
            acknowledge(&mut second, acknowledged, at);
            let mut deadline = confirm(&second, Duration::ZERO).unwrap();
            assert_eq!(deadline.check_at(), Some(deadline::checked_from(second.at)), "{acknowledged}");
            let found = overdue(&mut deadline, &second, second.at.plus(DEADLINE * 2)).unwrap();
            assert_eq!(found, if acknowledged == 7 { vec![8] } else { vec![] });
        }
    }

    #[test]
    fn reported_notification_is_not_kept() {
        let first = notification();
        let mut deadline = confirm(&first, Duration::ZERO).unwrap();
        overdue(&mut deadline, &first, first.at.plus(DEADLINE * 2)).unwrap();
        let second = next(first, HOUR, Some(deadline));
        assert_eq!(confirm(&second, Duration::ZERO).unwrap().older, BTreeMap::new());
    }

    #[test]
    fn service_is_added_by_the_first_confirmation_only() {
        let mut notification = notification();
        notification.key.retries.clear();
        assert!(confirm(&notification, DEADLINE * 2).is_some(), "first, after an outage");
        notification.key.outcome = crate::ledger::item::tests::delivered(&notification);
        assert!(confirm(&notification, HOUR).is_some(), "no service had to acknowledge yet");
        assert_eq!(confirm(&notification, DEADLINE * 2), None, "too late for a changed configuration");
        notification.key.deadline = Deadline::after(&notification, notification.at, |it| *it != storage());
        assert!(!confirm(&notification, HOUR).unwrap().services.contains(&storage()), "stored already");
    }

    #[test]
    fn settled_service_must_still_acknowledge() {
        let mut notification = notification();
        let first = confirm(&notification, Duration::ZERO);
        notification.key.pending.clear();
        assert_eq!(confirm(&notification, Duration::ZERO), None, "nothing is stored");
        notification.key.deadline.clone_from(&first);
        assert_eq!(confirm(&notification, HOUR), first);
        notification.key.services.clear();
        assert_eq!(confirm(&notification, HOUR), None, "no registrations any more");
    }

    #[test]
    fn confirmation_at_the_deadline_still_adds_services() {
        let mut notification = notification();
        notification.key.outcome = crate::ledger::item::tests::delivered(&notification);
        assert!(confirm(&notification, DEADLINE).is_some());
        assert_eq!(confirm(&notification, DEADLINE + MILLISECOND), None);
    }

    #[test]
    fn replay_after_the_deadline_adds_no_service() {
        let mut notification = notification();
        notification.key.retries.clear();
        let mut replay = crate::ledger::item::Replay {
            claim: notification.claim,
            at: notification.at,
            services: vec![storage()],
            operator: "operator".to_owned(),
            reason: "outage".to_owned(),
        };
        notification.key.replay = Some(replay.clone());
        assert_eq!(confirm(&notification, DEADLINE * 2), None, "it was confirmed before the replay");
        replay.at = notification.at.minus(MILLISECOND);
        notification.key.replay = Some(replay);
        assert!(confirm(&notification, DEADLINE * 2).is_some(), "a replay of an older notification");
    }

    #[test]
    fn finding_has_late_acknowledgement_of_its_notification() {
        for (sequence, is_shown) in [(6, false), (7, true)] {
            let mut notification = notification();
            let late = notification.at.plus(DEADLINE + MILLISECOND);
            acknowledge(&mut notification, sequence, late);
            let mut deadline = confirm(&notification, Duration::ZERO).unwrap();
            let found = deadline.check(&notification.key, notification.at.plus(DEADLINE * 2)).unwrap();
            assert_eq!(found[0].acknowledgement.is_some(), is_shown, "{sequence}");
        }
    }
}
