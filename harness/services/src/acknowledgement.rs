//! Acknowledgements: what a service sends to the key-management service (`event_ack`) when it has
//! acted on a notification.

use std::{fmt, sync::Arc};

use keysync::domain::EpochMillis;
use keysync_receiver::Notification;

/// A service's report that it acted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Acknowledgement {
    /// CRN of the key.
    pub key_crn: String,
    /// ID of the event.
    pub event_id: String,
    /// State of the key at the service, in its own words.
    pub key_state: &'static str,
    /// Time of the act.
    pub at: EpochMillis,
}

impl Acknowledgement {
    pub(super) fn of(notification: &Notification, at: EpochMillis) -> Self {
        let allows_access = notification.key_state.allows_reading();
        Self {
            key_crn: notification.key_crn.clone(),
            event_id: notification.event_id.clone(),
            key_state: if allows_access { "DEK_ENABLED" } else { "DEK_DISABLED" },
            at,
        }
    }
}

/// Sends acknowledgements.
#[derive(Clone)]
pub struct Acknowledger(Arc<dyn Fn(&Acknowledgement) + Send + Sync>);

impl Acknowledger {
    /// Sends each acknowledgement with `send`, which must not block.
    pub fn new(send: impl Fn(&Acknowledgement) + Send + Sync + 'static) -> Self {
        Self(Arc::new(send))
    }

    pub(super) fn send(&self, acknowledgement: &Acknowledgement) {
        (self.0)(acknowledgement);
    }
}

impl fmt::Debug for Acknowledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Acknowledger")
    }
}
