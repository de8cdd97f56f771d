//! Conditions on a callback, for behaviours that apply to some callbacks only.

use keysync::domain::LifecycleAction;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Selects callbacks. Without a field, it selects all of them; with several, those that meet each
/// of them.
///
/// ```
/// use keysync::domain::LifecycleAction;
/// use keysync_service_emulator::Condition;
/// let deletions_by_sync = Condition::default().event_type(LifecycleAction::Delete).renotification(true);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Condition {
    /// The id of the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The lifecycle action that the callback is about: `data.eventType` of the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, example = "delete"))]
    pub event_type: Option<LifecycleAction>,
    /// Whether the callback comes from a sync: `data.renotification` of the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renotification: Option<bool>,
}

impl Condition {
    /// Selects callbacks about this key.
    #[must_use]
    pub fn key(self, key: impl AsRef<str>) -> Self {
        Self { key: Some(key.as_ref().to_owned()), ..self }
    }

    /// Selects callbacks about this lifecycle action.
    #[must_use]
    pub fn event_type(self, action: LifecycleAction) -> Self {
        Self { event_type: Some(action), ..self }
    }

    /// Selects callbacks that come from a sync, or those that do not.
    #[must_use]
    pub fn renotification(self, renotification: bool) -> Self {
        Self { renotification: Some(renotification), ..self }
    }

    /// Whether a callback meets all conditions. Its signature has not been verified.
    pub(super) fn selects(&self, event: &Value) -> bool {
        let Self { key, event_type, renotification } = self;
        let data = &event["data"];
        key.as_ref().is_none_or(|key| event["subject"] == key.as_str())
            && event_type.is_none_or(|action| data["eventType"] == action.as_str())
            && renotification.is_none_or(|renotification| data["renotification"] == renotification)
    }
}
