//! The event of a callback, as a test compares it.

use keysync::domain::{KeyState, LifecycleAction};
use serde::Deserialize;

/// The event of a callback. Its signature may be invalid: see [`Received::verdict`].
///
/// [`Received::verdict`]: super::Received::verdict
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "CloudEvent")]
#[non_exhaustive]
pub struct KeyEvent {
    /// ID of the event, the same over all attempts of its delivery.
    pub id: String,
    /// ID of the key.
    pub key_id: String,
    /// Sequence number of the notification, per key.
    pub sequence: u64,
    /// Latest lifecycle action of the key.
    pub action: LifecycleAction,
    /// State of the key.
    pub key_state: KeyState,
    /// ID of the key's version.
    pub key_version: String,
    /// Whether the event comes from a sync.
    pub renotification: bool,
    /// Service that the event is meant for.
    pub service: String,
    /// Number of the service's resources that the key protects.
    pub resource_count: u64,
}

/// An event as it is sent: `docs/reference/notifications.md`.
#[derive(Deserialize)]
struct CloudEvent {
    id: String,
    subject: String,
    sequence: String,
    data: Data,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    event_type: LifecycleAction,
    key_state: KeyState,
    key_version: Version,
    renotification: bool,
    service: String,
    resource_count: u64,
}

#[derive(Deserialize)]
struct Version {
    id: String,
}

impl TryFrom<CloudEvent> for KeyEvent {
    type Error = std::num::ParseIntError;

    fn try_from(CloudEvent { id, subject, sequence, data }: CloudEvent) -> Result<Self, Self::Error> {
        Ok(Self {
            id,
            key_id: subject,
            sequence: sequence.parse()?,
            action: data.event_type,
            key_state: data.key_state,
            key_version: data.key_version.id,
            renotification: data.renotification,
            service: data.service,
            resource_count: data.resource_count,
        })
    }
}
