//! Status of a key's last notification per service: an addition of keysync.

use futures_util::future::try_join_all;
use jiff::Timestamp;
use serde::Deserialize;
use uuid::Uuid;

use super::{ApiError, Collection, InstanceApi, Key};

/// Maximum number of statuses that are read at the same time.
const CONCURRENT_READS: usize = 8;

/// Delivery status of the last notification at one service.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Notification {
    pub(crate) service: String,
    pub(crate) status: NotificationStatus,
    pub(crate) attempts: Option<u32>,
    pub(crate) last_attempt: Option<Timestamp>,
    pub(crate) next_attempt: Option<Timestamp>,
    pub(crate) reason: Option<String>,
    /// Until when the service must acknowledge, if it must.
    pub(crate) deadline: Option<Timestamp>,
    pub(crate) acknowledged_at: Option<Timestamp>,
    /// State of the key at the service, as it reports it.
    pub(crate) adopter_key_state: Option<String>,
}

/// Status, in the order of tables: what needs attention comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum NotificationStatus {
    Conflicting,
    Overdue,
    Failed,
    Retrying,
    Refused,
    Pending,
    NotNotified,
    Delivered,
    Acknowledged,
    #[serde(other)]
    Unknown,
}

impl NotificationStatus {
    /// All of them, in the order of tables.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 10] = [
        Self::Conflicting,
        Self::Overdue,
        Self::Failed,
        Self::Retrying,
        Self::Refused,
        Self::Pending,
        Self::NotNotified,
        Self::Delivered,
        Self::Acknowledged,
        Self::Unknown,
    ];

    /// Whether the service does not have the key's state, or did not act on it as far as is known.
    pub(crate) const fn needs_attention(self) -> bool {
        matches!(self, Self::Conflicting | Self::Overdue | Self::Failed | Self::Retrying | Self::Refused)
    }
}

/// What is known about a key's last notification.
#[derive(Debug)]
pub(crate) enum LastNotification {
    /// The endpoint does not report the status of notifications.
    NotReported,
    /// The status cannot be read at present, for example because the function is out of order.
    Unavailable,
    /// The services, those that need attention first.
    Services(Vec<Notification>),
}

impl LastNotification {
    /// The services, if they are known.
    pub(crate) fn services(&self) -> Option<&[Notification]> {
        match self {
            Self::Services(services) => Some(services),
            Self::NotReported | Self::Unavailable => None,
        }
    }
}

impl InstanceApi {
    /// The last notification of a key. An outage of the function is no error, because the rest of a
    /// page does not need it. Neither is a denial: for up to 30 s after IAM has changed its signing
    /// keys, the function rejects tokens that the endpoint accepts.
    pub(crate) async fn last_notification(&self, key: Uuid) -> Result<LastNotification, ApiError> {
        match self.notifications(key).await {
            Ok(None) => Ok(LastNotification::NotReported),
            Ok(Some(services)) => Ok(LastNotification::Services(services)),
            Err(error) if error.is_temporary() || error.is_denial() => Ok(LastNotification::Unavailable),
            Err(error) => Err(error),
        }
    }

    /// The services of a key, those that need attention first. `None` if the endpoint does not
    /// report the status of notifications.
    pub(crate) async fn notifications(&self, key: Uuid) -> Result<Option<Vec<Notification>>, ApiError> {
        let found: Option<Collection<Notification>> =
            self.addition(&format!("/keys/{key}/notifications"), &[]).await?;
        Ok(found.map(|Collection { resources: mut services, .. }| {
            services.sort_by_key(|service| service.status);
            services
        }))
    }

    /// The services of all `keys` that need attention, the worst first, each with its key's
    /// position.
    pub(crate) async fn not_acted(&self, keys: &[Key]) -> Result<Vec<(usize, Notification)>, ApiError> {
        let mut found = Vec::new();
        let notified = |key: &Key| !key.extractable && key.last_notification_date.is_some();
        let positions: Vec<usize> = (0..keys.len()).filter(|at| notified(&keys[*at])).collect();
        for positions in positions.chunks(CONCURRENT_READS) {
            let ids: Vec<_> = positions.iter().map(|at| keys[*at].id).collect();
            let read = try_join_all(ids.into_iter().map(|id| self.notifications(id))).await?;
            for (at, services) in positions.iter().zip(read) {
                found.extend(services.unwrap_or_default().into_iter().map(|service| (*at, service)));
            }
        }
        found.retain(|(_, service)| service.status.needs_attention());
        found.sort_by_key(|(_, service)| service.status);
        Ok(found)
    }
}
