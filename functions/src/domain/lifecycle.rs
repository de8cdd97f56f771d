//! A key's type, state and lifecycle actions.

use serde::{Deserialize, Serialize};

use super::{EpochMillis, KeyCrn, KeyRing};

/// What a key may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyType {
    /// A root key: it protects other keys, and services can be associated with it.
    Root,
    /// A standard key: a secret that is handed out. Nothing is associated with it.
    Standard,
}

/// The states of a key, with the numbers that the API gives them (NIST SP 800-57).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
pub enum KeyState {
    /// 1: in use.
    Active,
    /// 2: disabled for a time.
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
            other => Err(format!("key state {other} is none of 1, 2, 3, 5")),
        }
    }
}

/// What was done to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LifecycleAction {
    /// The key was made. The only action that notifies nobody: nothing is associated yet.
    Create,
    /// It got a new version.
    Rotate,
    /// It was destroyed.
    Delete,
    /// A destroyed key came back.
    Restore,
    /// A suspended key is active again.
    Enable,
    /// It was suspended.
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
            // A key whose time is up comes back as deactivated.
            Self::Create | Self::Rotate | Self::Restore | Self::Enable => {
                matches!(state, KeyState::Active | KeyState::Deactivated)
            }
        }
    }
}

/// A lifecycle action and when it was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LifecycleEvent {
    /// What was done.
    pub action: LifecycleAction,
    /// When.
    pub at: EpochMillis,
}

/// What a key is, as a lifecycle event tells it: all of it every time, so that no event needs another one
/// to have come before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFacts {
    /// Its full name.
    pub crn: KeyCrn,
    /// Root or standard.
    pub key_type: KeyType,
    /// Its state.
    pub state: KeyState,
    /// The ring it is in.
    pub ring: KeyRing,
    /// Its current version.
    pub version: KeyVersion,
}

/// The version of a key's material.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyVersion {
    /// Its identifier; the first version has the key's own.
    pub id: String,
    /// When it was made.
    pub created_at: EpochMillis,
}
