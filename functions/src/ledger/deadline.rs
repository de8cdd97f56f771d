//! The deadline of a notification: which services must acknowledge it, and whether that was checked.
//!
//! A confirmation stores it with the claim that it belongs to, so that a newer notification need not
//! clear it. Until the check, the item stays in the due index, in a shard of its own once no service
//! is pending (`due.rs`).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{
    Notification, Settled,
    item::{Acknowledgement, KeyRecord, OutcomeStatus},
};
use crate::domain::{ClaimId, EpochMillis, ServiceName, deadline};

/// The services that must acknowledge a notification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deadline {
    /// The notification.
    claim: ClaimId,
    /// The services, at most those of the outbox.
    services: BTreeSet<ServiceName>,
    /// Whether the acknowledgements were checked after the deadline. At most one check per
    /// notification is recorded.
    checked: bool,
}

/// A service that did not act on a notification (guarantee G9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The service.
    pub service: ServiceName,
    /// The kind of finding.
    pub kind: FindingKind,
    /// What the service acknowledged, if it did.
    pub acknowledgement: Option<Acknowledgement>,
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
    /// The deadline of the last notification; `None` if no service must acknowledge it.
    pub(super) fn deadline(&self) -> Option<&Deadline> {
        self.deadline.as_ref().filter(|deadline| Some(deadline.claim) == self.claim)
    }
}

impl Deadline {
    /// The deadline of a notification after a delivery: the services that were pending or had to
    /// acknowledge it already, as far as they do (`acknowledges`). A service that refuses
    /// notifications need not. `None` if no service is left.
    pub fn after(
        notification: &Notification,
        settled: &Settled,
        acknowledges: impl Fn(&ServiceName) -> bool,
    ) -> Option<Self> {
        let stored = notification.key.deadline();
        let has_refused = |service: &ServiceName| {
            let outcome = settled.get(service).and_then(|settlement| settlement.outcome.as_ref());
            outcome.is_some_and(|outcome| outcome.status == OutcomeStatus::Refused)
        };
        let pending = notification.key.pending.keys().filter(|service| acknowledges(service));
        let services: BTreeSet<_> = stored
            .into_iter()
            .flat_map(|stored| &stored.services)
            .chain(pending)
            .filter(|service| !has_refused(service))
            .cloned()
            .collect();
        let checked = stored.is_some_and(|stored| stored.checked);
        (!services.is_empty()).then_some(Self { claim: notification.claim, services, checked })
    }

    /// The instant from which the acknowledgements can be checked; `None` if they were.
    pub(crate) fn check_at(&self, notification: &Notification) -> Option<EpochMillis> {
        (!self.checked).then(|| deadline::overdue_from(notification.at))
    }

    /// Whether this service must acknowledge the notification.
    pub(super) fn includes(&self, service: &ServiceName) -> bool {
        self.services.contains(service)
    }

    /// Checks the acknowledgements, if the deadline is over at `now` and they were not checked: one
    /// finding for each service that did not acknowledge in time, or contradicts the key's state.
    pub(crate) fn check(&mut self, notification: &Notification, now: EpochMillis) -> Option<Vec<Finding>> {
        self.check_at(notification).filter(|at| *at <= now)?;
        self.checked = true;
        let findings = self.services.iter().filter_map(|service| {
            let acknowledgement = notification.key.acknowledged.get(service).cloned();
            let kind = match &acknowledgement {
                Some(acknowledgement) if acknowledgement.contradicts(&notification.key) => {
                    FindingKind::Conflicting
                }
                Some(acknowledgement) if acknowledgement.at <= deadline::of(notification.at) => return None,
                _ => FindingKind::Overdue,
            };
            Some(Finding { service: service.clone(), kind, acknowledgement })
        });
        Some(findings.collect())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        domain::deadline::DEADLINE,
        ledger::{
            Settlement,
            item::{Outcome, tests::notification},
        },
    };

    const STORAGE: &str = "cloud-object-storage";

    fn storage() -> ServiceName {
        STORAGE.parse().unwrap()
    }

    fn deadline(notification: &Notification) -> Option<Deadline> {
        Deadline::after(notification, &Settled::new(), |service| *service == storage())
    }

    /// The findings of a check `late` after the deadline of a service that acknowledged `word` at `at`.
    fn findings(at: Option<Duration>, word: &str) -> Vec<FindingKind> {
        let mut notification = notification();
        if let Some(after) = at {
            let at = notification.at.plus(after);
            let acknowledgement = Acknowledgement { at, key_state: word.to_owned(), resource: None };
            notification.key.acknowledged.insert(storage(), acknowledgement);
        }
        let now = notification.at.plus(DEADLINE + Duration::from_secs(30));
        let found = deadline(&notification).unwrap().check(&notification, now).unwrap();
        found.into_iter().map(|finding| finding.kind).collect()
    }

    #[test]
    fn check_finds_missing_late_and_contradicting_acknowledgements() {
        let millisecond = Duration::from_millis(1);
        assert_eq!(findings(None, ""), [FindingKind::Overdue]);
        assert_eq!(findings(Some(Duration::ZERO), "DEK_DISABLED"), []);
        assert_eq!(findings(Some(DEADLINE), "DEK_DISABLED"), []);
        assert_eq!(findings(Some(DEADLINE + millisecond), "DEK_DISABLED"), [FindingKind::Overdue]);
        assert_eq!(findings(Some(Duration::ZERO), "DEK_ENABLED"), [FindingKind::Conflicting]);
    }

    #[test]
    fn check_is_made_once_and_after_the_deadline() {
        let notification = notification();
        let mut deadline = deadline(&notification).unwrap();
        let edge = notification.at.plus(DEADLINE);
        assert_eq!(deadline.check(&notification, edge), None);
        let after = edge.plus(Duration::from_millis(1));
        assert_eq!(deadline.check_at(&notification), Some(after));
        assert_eq!(deadline.check(&notification, after).map(|found| found.len()), Some(1));
        assert_eq!(deadline.check(&notification, after), None);
        assert_eq!(deadline.check_at(&notification), None);
    }

    #[test]
    fn settled_service_must_still_acknowledge() {
        let mut notification = notification();
        let first = deadline(&notification);
        notification.key.pending.clear();
        assert_eq!(deadline(&notification), None, "nothing is stored");
        notification.key.deadline.clone_from(&first);
        assert_eq!(deadline(&notification), first);
        notification.claim = ClaimId::unique();
        notification.key.claim = Some(notification.claim);
        assert_eq!(deadline(&notification), None, "of an older notification");
    }

    #[test]
    fn service_that_refuses_need_not_acknowledge() {
        let notification = notification();
        let outcome = Outcome {
            event_id: String::new(),
            status: OutcomeStatus::Refused,
            at: notification.at,
            attempts: 1,
            reason: None,
        };
        let settled = Settled::from([(storage(), Settlement { outcome: Some(outcome), retry: None })]);
        assert_eq!(Deadline::after(&notification, &settled, |service| *service == storage()), None);
    }
}
