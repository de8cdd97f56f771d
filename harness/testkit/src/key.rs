//! A handle to a key, with the operations of its owner.

use std::fmt;

use http::{Method, StatusCode};
use keysync::domain::{EpochMillis, KeyState, ResourceCrn};
use serde::{Deserialize, Deserializer, de::Error};

use crate::{Client, HarnessError, Response, path, services::AssociatedService, world::REGION};

/// A key, and the client that acts on it. Created by [`Harness::new_key`](crate::Harness::new_key).
///
/// ```
/// use std::time::Duration;
/// use keysync_testkit::{Harness, KeyState};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), keysync_testkit::HarnessError> {
/// let harness = Harness::start().await?;
/// let key = harness.new_key("invoices");
/// let key = key.with_registration("cloud-object-storage", "bucket").create().await?;
///
/// key.delete().await?.assert_status(204);
///
/// harness.object_storage().assert_last_state(&key, KeyState::Destroyed);
/// harness.object_storage().assert_denied("bucket");
/// key.sync().await?.assert_error(409, "REQ_TOO_EARLY_ERR");
/// harness.advance_clock(Duration::from_mins(61)).await?;
/// key.sync().await?.assert_status(204);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Key {
    id: String,
    client: Client,
    owner: Owner,
}

/// The owner of resources, and the services that have them.
#[derive(Clone)]
pub(crate) struct Owner {
    pub(crate) account: String,
    pub(crate) instance: String,
    pub(crate) services: Vec<AssociatedService>,
}

/// The status of a key's last notification at one service.
///
/// ```
/// use keysync_testkit::{DeliveryStatus, Harness, services::Behaviour};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), keysync_testkit::HarnessError> {
/// let harness = Harness::start().await?;
/// let key = harness.new_key("invoices");
/// let key = key.with_registration("cloud-object-storage", "bucket").create().await?;
/// harness.object_storage().behave(Behaviour::respond(503));
/// key.sync().await?.assert_status(204);
///
/// let notification = key.notifications().await?.remove(0);
///
/// assert_eq!(notification.service, "cloud-object-storage");
/// assert_eq!(notification.status, DeliveryStatus::Retrying);
/// assert!(notification.next_attempt > notification.last_attempt);
/// assert!(notification.reason.unwrap().contains("503"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct NotificationStatus {
    /// The service, by its CRN service name.
    pub service: String,
    /// The outcome.
    pub status: DeliveryStatus,
    /// The notification's number among those of the key.
    pub sequence: u64,
    /// The number of delivery attempts.
    pub attempts: Option<u32>,
    /// The instant of the last attempt.
    #[serde(default, deserialize_with = "instant")]
    pub last_attempt: Option<EpochMillis>,
    /// The instant of the next attempt.
    #[serde(default, deserialize_with = "instant")]
    pub next_attempt: Option<EpochMillis>,
    /// The reason why the last attempt failed.
    pub reason: Option<String>,
    /// The instant until which the service must acknowledge, if it must.
    #[serde(default, deserialize_with = "instant")]
    pub deadline: Option<EpochMillis>,
}

/// Deserializes an instant of the API: RFC 3339.
fn instant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<EpochMillis>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    let at: jiff::Timestamp = text.parse().map_err(D::Error::custom)?;
    u64::try_from(at.as_millisecond()).map(|millis| Some(EpochMillis::new(millis))).map_err(D::Error::custom)
}

/// The outcome of a notification at one service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum DeliveryStatus {
    /// No attempt has been recorded yet.
    Pending,
    /// At least one attempt failed, and another one is scheduled.
    Retrying,
    /// The service responded with 2xx.
    Delivered,
    /// The service reported that it acted.
    Acknowledged,
    /// The service must acknowledge, and did not within four hours.
    Overdue,
    /// The key state that the service reported contradicts the key's.
    Conflicting,
    /// The service responded with 410: it wants no more notifications.
    Refused,
    /// Retries are exhausted, after 24 hours.
    Failed,
    /// The service has been registered since the key's last notification.
    NotNotified,
}

impl DeliveryStatus {
    /// The name in the API, such as `not-notified`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Retrying => "retrying",
            Self::Delivered => "delivered",
            Self::Acknowledged => "acknowledged",
            Self::Overdue => "overdue",
            Self::Conflicting => "conflicting",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::NotNotified => "not-notified",
        }
    }
}

impl fmt::Display for DeliveryStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Key {
    pub(crate) fn new(id: String, client: Client, owner: Owner) -> Self {
        Self { id, client, owner }
    }

    /// The key's id, a version 4 UUID.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The same key with another client.
    ///
    /// ```
    /// use keysync_testkit::{Harness, iam::Role};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), keysync_testkit::HarnessError> {
    /// let harness = Harness::start().await?;
    /// let key = harness.new_key("invoices").create().await?;
    /// let reader = harness.log_in_as(Role::Reader).await?;
    /// key.by(&reader).sync().await?.assert_error(401, "UNAUTHORIZED_ERR");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn by(&self, client: &Client) -> Self {
        Self { client: client.clone(), ..self.clone() }
    }

    /// Notifies all associated services again: `POST …/actions/sync`.
    pub async fn sync(&self) -> Result<Response, HarnessError> {
        self.client.sync(&self.id).await
    }

    /// Rotates the key, which creates a new version.
    pub async fn rotate(&self) -> Result<Response, HarnessError> {
        self.act("actions/rotate").await
    }

    /// Disables the key: its state becomes suspended.
    pub async fn disable(&self) -> Result<Response, HarnessError> {
        self.act("actions/disable").await
    }

    /// Enables a suspended key. Fails within 30 s after the last action.
    pub async fn enable(&self) -> Result<Response, HarnessError> {
        self.act("actions/enable").await
    }

    /// Deletes the key with `force=true`, even if it protects resources.
    pub async fn delete(&self) -> Result<Response, HarnessError> {
        self.client.delete(&self.id).await
    }

    /// Restores a deleted key. Fails within 30 s after the last action.
    pub async fn restore(&self) -> Result<Response, HarnessError> {
        self.act("restore").await
    }

    /// The key's state, from the endpoint's metadata.
    pub async fn state(&self) -> Result<KeyState, HarnessError> {
        let response = self.get("/metadata").await?;
        let state = serde_json::from_value(response.body["resources"][0]["state"].clone());
        state.map_err(|_| HarnessError::unexpected("reading a key's state", &response))
    }

    /// The status of the key's last notification, for each service.
    pub async fn notifications(&self) -> Result<Vec<NotificationStatus>, HarnessError> {
        let response = self.get("/notifications").await?;
        let statuses = serde_json::from_value(response.body["resources"].clone());
        statuses.map_err(|_| HarnessError::unexpected("reading a key's notifications", &response))
    }

    /// Protects a resource of `service` with the key, and registers it as the service would.
    /// Returns the resource's CRN.
    pub async fn protect(&self, service: &str, resource: &str) -> Result<ResourceCrn, HarnessError> {
        let crn = self.owner.resource_crn(service, resource)?;
        // First, so that a rejected registration does not change the service.
        self.client.register(&self.id, &crn.to_string()).await?;
        self.owner.protect(service, resource, &crn, &self.id);
        Ok(crn)
    }

    /// Adds an alias.
    pub async fn add_alias(&self, alias: &str) -> Result<Response, HarnessError> {
        self.act(&format!("aliases/{}", path::segment(alias))).await
    }

    async fn act(&self, action: &str) -> Result<Response, HarnessError> {
        self.client.post(&format!("/api/v2/keys/{}/{action}", path::segment(&self.id))).await
    }

    async fn get(&self, suffix: &str) -> Result<Response, HarnessError> {
        let path = format!("/api/v2/keys/{}{suffix}", path::segment(&self.id));
        self.client.send(self.client.request(Method::GET, &path)).await
    }
}

impl Owner {
    /// Protects a resource of an emulated service with a key that has the registration.
    pub(crate) fn protect(&self, service: &str, resource: &str, crn: &ResourceCrn, key: &str) {
        if let Some(emulated) = self.services.iter().find(|emulated| emulated.name() == service) {
            emulated.protect(resource, &crn.to_string(), key);
        }
    }

    /// The CRN of a resource of this owner.
    pub(crate) fn resource_crn(&self, service: &str, name: &str) -> Result<ResourceCrn, HarnessError> {
        let kind = if service == crate::services::OBJECT_STORAGE { "bucket" } else { "deployment" };
        let Self { account, instance, .. } = self;
        let crn = format!("crn:v1:bluemix:public:{service}:{REGION}:a/{account}:{instance}:{kind}:{name}");
        crn.parse().map_err(|error| {
            let message = format!("{error}: got `{crn}`");
            HarnessError::unregistrable(StatusCode::BAD_REQUEST, "INVALID_FIELD_ERR", message)
        })
    }
}

impl AsRef<str> for Key {
    fn as_ref(&self) -> &str {
        &self.id
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.id)
    }
}

#[cfg(test)]
mod tests {
    use keysync::ledger::Status;
    use serde_json::json;

    use super::*;

    #[test]
    fn delivery_status_has_each_name_of_the_api() {
        for status in Status::ALL {
            let found: DeliveryStatus = serde_json::from_value(json!(status.as_str())).unwrap();
            assert_eq!(found.as_str(), status.as_str());
        }
    }
}
