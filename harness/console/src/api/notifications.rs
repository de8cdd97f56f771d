//! Delivery status of a key's last notification per service: an addition of the harness.

use jiff::Timestamp;
use serde::Deserialize;
use uuid::Uuid;

use super::{ApiError, Collection, InstanceApi};

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
    pub(crate) acknowledged_at: Option<Timestamp>,
}

/// Delivery status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum NotificationStatus {
    NotNotified,
    Pending,
    Retrying,
    Delivered,
    Acknowledged,
    Refused,
    Failed,
    #[serde(other)]
    Unknown,
}

impl InstanceApi {
    pub(crate) async fn notifications(&self, key: Uuid) -> Result<Option<Vec<Notification>>, ApiError> {
        let found: Option<Collection<_>> = self.addition(&format!("/keys/{key}/notifications"), &[]).await?;
        Ok(found.map(|found| found.resources))
    }
}
