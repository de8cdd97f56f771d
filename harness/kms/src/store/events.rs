//! Event history of keys.

use keysync::domain::{ClaimId, EpochMillis, KeyCrn, LifecycleAction};
use serde::{Deserialize, Serialize};

use super::{Store, from_item, pk};
use crate::ApiError;

const EVENT: &str = "event#";

/// An event of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeyEvent {
    /// Type of the event.
    pub(crate) action: EventType,
    /// Time of the event.
    pub(crate) at: EpochMillis,
    /// IAM ID of the initiator, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) by: Option<String>,
    /// Sequence number of the notification. `None` if no service was notified.
    pub(crate) sequence: Option<u64>,
}

/// Type of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum EventType {
    /// Synchronization of the associated resources.
    Sync,
    /// A lifecycle action.
    #[serde(untagged)]
    Action(LifecycleAction),
}

impl Store {
    /// Stores the event of `claim`. Storing it again replaces it, so each claim has one event.
    pub(crate) async fn add_event(
        &self,
        crn: &KeyCrn,
        claim: ClaimId,
        event: &KeyEvent,
    ) -> Result<(), ApiError> {
        self.put(&pk(crn), &event_sk(claim), event).await
    }

    /// The stored events of a key, in no particular order.
    pub(crate) async fn events(&self, crn: &KeyCrn) -> Result<Vec<KeyEvent>, ApiError> {
        self.partition(&pk(crn), EVENT).await?.into_iter().map(from_item).collect()
    }

    /// Deletes the events of a purged key.
    pub(crate) async fn delete_events(&self, crn: &KeyCrn) -> Result<(), ApiError> {
        self.remove_all(&pk(crn), EVENT).await
    }
}

fn event_sk(claim: ClaimId) -> String {
    format!("{EVENT}{claim}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_type_is_one_string() {
        for (event_type, word) in
            [(EventType::Sync, "\"sync\""), (EventType::Action(LifecycleAction::Rotate), "\"rotate\"")]
        {
            assert_eq!(serde_json::to_string(&event_type).unwrap(), word);
            assert_eq!(serde_json::from_str::<EventType>(word).unwrap(), event_type);
        }
        assert!(serde_json::from_str::<EventType>("\"purge\"").is_err());
    }
}
