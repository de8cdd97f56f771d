//! The state of a key's last notification at each service, as it is printed.

use keysync::{
    domain::{EpochMillis, ServiceName},
    ledger::{Pauses, ServiceStatus, Status, StoredKey},
};
use serde::{Serialize, Serializer};

/// What is known of a notification at a service.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ServiceView {
    pub(crate) service: ServiceName,
    #[serde(serialize_with = "by_name")]
    pub(crate) state: Status,
    pub(crate) registrations: u64,
    /// Whether it is in the outbox.
    pub(crate) pending: bool,
    /// Whether an operator has paused the service.
    pub(crate) paused: bool,
    /// Whether it responded with 2xx to the event, or acknowledged it.
    #[serde(skip)]
    pub(crate) received: bool,
    pub(crate) attempts: Option<u32>,
    pub(crate) last_attempt: Option<EpochMillis>,
    pub(crate) next_attempt: Option<EpochMillis>,
    pub(crate) reason: Option<String>,
    pub(crate) deadline: Option<EpochMillis>,
    pub(crate) acknowledged_at: Option<EpochMillis>,
    pub(crate) acknowledged_key_state: Option<String>,
}

/// Serializes a status as the API names it.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde passes it")]
pub(crate) fn by_name<S: Serializer>(status: &Status, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(status.as_str())
}

impl ServiceView {
    /// The state, for a table.
    pub(crate) fn state(&self) -> String {
        state(self.state, self.pending && self.paused)
    }
}

/// A state for a table, and whether the service is paused.
pub(crate) fn state(status: Status, is_paused: bool) -> String {
    if is_paused { format!("{}, paused", status.as_str()) } else { status.as_str().to_owned() }
}

/// The state of the key's last notification at each of its services at `now`, by service.
pub(crate) fn services(key: &StoredKey, pauses: &Pauses, now: EpochMillis) -> Vec<ServiceView> {
    key.status(now).services.into_iter().map(|status| view(key, pauses, status)).collect()
}

fn view(key: &StoredKey, pauses: &Pauses, status: ServiceStatus) -> ServiceView {
    let ServiceStatus { service, status, attempts, last_attempt, next_attempt, reason, deadline, .. } =
        status;
    let acknowledged = key.record.acknowledgement(&service);
    let is_pending = key.record.pending.contains_key(&service);
    let was_settled =
        matches!(status, Status::Delivered | Status::Acknowledged | Status::Overdue | Status::Conflicting);
    ServiceView {
        state: status,
        registrations: key.services.get(&service).copied().unwrap_or_default(),
        pending: is_pending,
        received: was_settled && !is_pending,
        paused: pauses.is_paused(&service),
        attempts,
        last_attempt,
        next_attempt,
        reason,
        deadline,
        acknowledged_at: acknowledged.map(|acknowledged| acknowledged.at),
        acknowledged_key_state: acknowledged.map(|acknowledged| acknowledged.key_state.clone()),
        service,
    }
}
