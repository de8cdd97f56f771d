//! What happened to keys.

use keysync::domain::{ClaimId, EpochMillis, KeyCrn, LifecycleAction};
use serde::{Deserialize, Serialize};

use super::{Store, from_item, pk};
use crate::ApiError;

const EVENT: &str = "event#";

/// Something that happened to a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeyEvent {
    /// What.
    pub(crate) action: EventType,
    /// When.
    pub(crate) at: EpochMillis,
    /// By whom, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) by: Option<String>,
    /// The number of its notification; none where nobody was notified.
    pub(crate) sequence: Option<u64>,
}

/// What can happen to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum EventType {
    /// Its associated resources were synchronized.
    Sync,
    /// A lifecycle action was taken on it.
    #[serde(untagged)]
    Action(LifecycleAction),
}

impl Store {
    /// Keeps what was claimed as `claim`. Of one claim it is one event, however often it is kept.
    pub(crate) async fn add_event(
        &self,
        crn: &KeyCrn,
        claim: ClaimId,
        event: &KeyEvent,
    ) -> Result<(), ApiError> {
        self.put(&pk(crn), &event_sk(claim), event).await
    }

    /// What was kept of a key, in no particular order.
    pub(crate) async fn events(&self, crn: &KeyCrn) -> Result<Vec<KeyEvent>, ApiError> {
        self.partition(&pk(crn), EVENT).await?.into_iter().map(from_item).collect()
    }

    /// Forgets what happened to a purged key.
    pub(crate) async fn forget_events(&self, crn: &KeyCrn) -> Result<(), ApiError> {
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
    fn a_sync_and_an_action_are_each_a_word() {
        for (event_type, word) in
            [(EventType::Sync, "\"sync\""), (EventType::Action(LifecycleAction::Rotate), "\"rotate\"")]
        {
            assert_eq!(serde_json::to_string(&event_type).unwrap(), word);
            assert_eq!(serde_json::from_str::<EventType>(word).unwrap(), event_type);
        }
        assert!(serde_json::from_str::<EventType>("\"purge\"").is_err());
    }
}
