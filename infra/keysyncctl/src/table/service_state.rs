//! The state of a key's last notification at each service, from the key's item.

use std::{collections::BTreeMap, time::Duration};

use keysync::{
    domain::{EpochMillis, EventId, ServiceName},
    ledger::{
        StoredKey,
        item::{KeyRecord, Outcome, OutcomeStatus},
    },
};
use serde::Serialize;

/// The time that a service has to act on a notification and to acknowledge it
/// (`docs/reference/limits.md#acknowledgement-period`).
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_hours(4);

/// The state of a notification at a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ServiceState {
    /// Not attempted yet.
    Pending,
    /// At least one attempt failed, and another one is scheduled.
    Retrying,
    /// Received, and neither acknowledged nor overdue.
    Delivered,
    /// The service reported that it acted.
    Acknowledged,
    /// Received, and not acknowledged within four hours.
    Overdue,
    /// The service responded with 410.
    Refused,
    /// Retries exhausted.
    Failed,
    /// Registered since the last notification.
    NotNotified,
}

impl ServiceState {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Retrying => "retrying",
            Self::Delivered => "delivered",
            Self::Acknowledged => "acknowledged",
            Self::Overdue => "overdue",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::NotNotified => "not-notified",
        }
    }
}

/// What is known of a notification at a service.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ServiceView {
    pub(crate) service: ServiceName,
    pub(crate) state: ServiceState,
    pub(crate) registrations: u64,
    pub(crate) attempts: u32,
    pub(crate) last_attempt: Option<EpochMillis>,
    pub(crate) next_attempt: Option<EpochMillis>,
    pub(crate) reason: Option<String>,
    pub(crate) acknowledged_at: Option<EpochMillis>,
    pub(crate) acknowledged_key_state: Option<String>,
}

/// The state of the key's last notification at each of its services at `now`, by service.
pub(crate) fn services(key: &StoredKey, now: EpochMillis) -> Vec<ServiceView> {
    let record = &key.record;
    let current =
        record.outcome.iter().filter(|(service, outcome)| is_of_last_notification(record, service, outcome));
    let outcomes: BTreeMap<&ServiceName, &Outcome> = current.collect();
    let mut names: Vec<&ServiceName> = key.services.keys().chain(record.pending.keys()).collect();
    names.extend(outcomes.keys());
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(|service| view(key, service, outcomes.get(service).copied(), now)).collect()
}

fn view(key: &StoredKey, service: &ServiceName, outcome: Option<&Outcome>, now: EpochMillis) -> ServiceView {
    let record = &key.record;
    let (acknowledged, retry) = (record.acknowledged.get(service), record.retries.get(service));
    let is_pending = record.pending.contains_key(service);
    let notified_at = record.notified_at.unwrap_or(now);
    let since = record.replay.as_ref().map_or(notified_at, |replay| replay.at.max(notified_at));
    let state = match outcome.map(|outcome| outcome.status) {
        _ if is_pending && retry.is_some() => ServiceState::Retrying,
        _ if is_pending => ServiceState::Pending,
        _ if acknowledged.is_some() => ServiceState::Acknowledged,
        Some(OutcomeStatus::Delivered) if now.since(since) >= ACKNOWLEDGED_WITHIN => ServiceState::Overdue,
        Some(OutcomeStatus::Delivered) => ServiceState::Delivered,
        Some(OutcomeStatus::Refused) => ServiceState::Refused,
        Some(OutcomeStatus::Failed) => ServiceState::Failed,
        Some(OutcomeStatus::Retrying) | None => ServiceState::NotNotified,
    };
    ServiceView {
        service: service.clone(),
        state,
        registrations: key.services.get(service).copied().unwrap_or_default(),
        attempts: outcome.map_or(0, |outcome| outcome.attempts),
        last_attempt: outcome.map(|outcome| outcome.at),
        next_attempt: retry.map(|retry| retry.next_at).or(key.due_at.filter(|_| is_pending)),
        reason: outcome.and_then(|outcome| outcome.reason.clone()),
        acknowledged_at: acknowledged.map(|acknowledged| acknowledged.at),
        acknowledged_key_state: acknowledged.map(|acknowledged| acknowledged.key_state.clone()),
    }
}

fn is_of_last_notification(record: &KeyRecord, service: &ServiceName, outcome: &Outcome) -> bool {
    record.claim.is_some_and(|claim| {
        let id = EventId { key: record.crn.key, claim, service: service.clone() };
        outcome.event_id == id.to_string()
    })
}
