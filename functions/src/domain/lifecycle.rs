//! A key's type, state and lifecycle actions.

use serde::{Deserialize, Serialize};

use super::{EpochMillis, KeyCrn, KeyRing};

/// The type of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyType {
    /// A root key, which wraps other keys. Services can be associated with it.
    Root,
    /// A standard key, whose material callers can read. No service is associated with it.
    Standard,
}

/// The state of a key (NIST SP 800-57 Part 1), with its number in the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
pub enum KeyState {
    /// 1: enabled.
    Active,
    /// 2: disabled.
    Suspended,
    /// 3: expired.
    Deactivated,
    /// 5: deleted.
    Destroyed,
}

impl From<KeyState> for u8 {
    fn from(state: KeyState) -> u8 {
        match state {
            KeyState::Active => 1,
            KeyState::Suspended => 2,
            KeyState::Deactivated => 3,
            KeyState::Destroyed => 5,
        }
    }
}

impl TryFrom<u8> for KeyState {
    type Error = String;

    fn try_from(number: u8) -> Result<Self, String> {
        match number {
            1 => Ok(Self::Active),
            2 => Ok(Self::Suspended),
            3 => Ok(Self::Deactivated),
            5 => Ok(Self::Destroyed),
            other => Err(format!("must be 1, 2, 3 or 5: got {other}")),
        }
    }
}

/// A lifecycle action on a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LifecycleAction {
    /// The key was created. The only action without a notification, because no service is
    /// associated yet.
    Create,
    /// A new key version was created.
    Rotate,
    /// The key was destroyed.
    Delete,
    /// The destroyed key was restored.
    Restore,
    /// The suspended key was enabled.
    Enable,
    /// The key was suspended.
    Disable,
}

impl LifecycleAction {
    /// The name in event types, such as `delete` in `com.ibm.cloud.kms.key.delete`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Rotate => "rotate",
            Self::Delete => "delete",
            Self::Restore => "restore",
            Self::Enable => "enable",
            Self::Disable => "disable",
        }
    }

    /// Whether a key can be in `state` after this action.
    #[must_use]
    pub const fn leads_to(self, state: KeyState) -> bool {
        match self {
            Self::Delete => matches!(state, KeyState::Destroyed),
            Self::Disable => matches!(state, KeyState::Suspended),
            // An expired key is deactivated after any of these.
            Self::Create | Self::Rotate | Self::Restore | Self::Enable => {
                matches!(state, KeyState::Active | KeyState::Deactivated)
            }
        }
    }
}

/// A lifecycle action and when it was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LifecycleEvent {
    /// The action.
    pub action: LifecycleAction,
    /// The instant of the action.
    pub at: EpochMillis,
}

/// The facts of a key after a lifecycle action. Every event carries all of them, so that no event
/// depends on an earlier one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFacts {
    /// The CRN of the key.
    pub crn: KeyCrn,
    /// Root or standard.
    pub key_type: KeyType,
    /// The state.
    pub state: KeyState,
    /// The key ring.
    pub ring: KeyRing,
    /// The current version.
    pub version: KeyVersion,
}

/// The version of a key's material.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyVersion {
    /// The identifier. The first version has the id of the key.
    pub id: String,
    /// The instant of its creation.
    pub created_at: EpochMillis,
}
