//! The state of a key's last notification at each service, as it is printed.

use keysync::{
    domain::{EpochMillis, ServiceName},
    ledger::{ServiceStatus, Status, StoredKey},
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

/// The state of the key's last notification at each of its services at `now`, by service.
pub(crate) fn services(key: &StoredKey, now: EpochMillis) -> Vec<ServiceView> {
    key.status(now).services.into_iter().map(|status| view(key, status)).collect()
}

fn view(key: &StoredKey, status: ServiceStatus) -> ServiceView {
    let ServiceStatus { service, status, attempts, last_attempt, next_attempt, reason, deadline, .. } =
        status;
    let acknowledged = key.record.acknowledgement(&service);
    ServiceView {
        state: status,
        registrations: key.services.get(&service).copied().unwrap_or_default(),
        pending: key.record.pending.contains_key(&service),
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
