//! The content of a callback.

use serde::Deserialize;

use crate::Sequence;

/// The content of a callback: the complete state of a key, independent of earlier callbacks.
///
/// Dates are RFC 3339 strings in UTC, as received, such as `2026-11-24T05:00:00.000Z`. Parse them
/// with a time crate of your choice.
///
/// ```
/// use keysync_receiver::{KeyState, LifecycleAction, Sequence, Verifier, sample};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let verifier = Verifier::new(sample::SERVICE, [sample::PUBLIC_KEY])?;
/// let notification = verifier.verify(&sample::headers(), sample::BODY, sample::signed_at())?;
/// assert_eq!(notification.key_state, KeyState::Destroyed);
/// assert_eq!(notification.action, LifecycleAction::Delete);
/// assert_eq!(notification.sequence, Sequence(7));
/// assert_eq!(notification.resource_count, 12);
/// assert!(notification.renotification, "caused by a sync");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Notification {
    /// The event's id, the same for all delivery attempts. An acknowledgement (`event_ack`)
    /// contains it.
    pub event_id: String,
    /// The sequence number among the key's notifications.
    pub sequence: Sequence,
    /// The CRN of the key's key-management instance.
    pub source: String,
    /// Time of the notification. (`webhook-timestamp` is the time of the delivery attempt.)
    pub time: String,
    /// The service that the notification is for: yours.
    pub service: String,
    /// The key's id, a UUID.
    pub key_id: String,
    /// The key's CRN.
    pub key_crn: String,
    /// The key's state, which determines what to do.
    pub key_state: KeyState,
    /// The version of the key's material.
    pub key_version: KeyVersion,
    /// The key's latest lifecycle action.
    pub action: LifecycleAction,
    /// Whether a sync caused this notification, rather than the lifecycle action itself.
    pub renotification: bool,
    /// Time of the action.
    pub occurred_at: String,
    /// Number of your resources that the key protects, as known to the sender.
    pub resource_count: u64,
}

/// The version of a key's material.
///
/// ```
/// use keysync_receiver::{Verifier, sample};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let verifier = Verifier::new(sample::SERVICE, [sample::PUBLIC_KEY])?;
/// let version = verifier.verify(&sample::headers(), sample::BODY, sample::signed_at())?.key_version;
/// assert_eq!(version.creation_date, "2026-11-01T00:00:00.000Z");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct KeyVersion {
    /// The version's id; the first version has the id of the key.
    pub id: String,
    /// Time of its creation.
    pub creation_date: String,
}

/// The state of a key, with its number in the API (names from NIST SP 800-57).
///
/// ```
/// use keysync_receiver::KeyState;
///
/// assert_eq!(KeyState::try_from(5), Ok(KeyState::Destroyed));
/// assert_eq!(KeyState::Destroyed.number(), 5);
/// assert_eq!(KeyState::try_from(4), Err("key state must be 1, 2, 3 or 5: got 4".to_owned()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "u8")]
pub enum KeyState {
    /// 1: in use.
    Active,
    /// 2: disabled.
    Suspended,
    /// 3: expired. Protected data can be read, but no new data protected.
    Deactivated,
    /// 5: deleted.
    Destroyed,
}

impl KeyState {
    /// The state's number in the API.
    ///
    /// ```
    /// assert_eq!(keysync_receiver::KeyState::Suspended.number(), 2);
    /// ```
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Active => 1,
            Self::Suspended => 2,
            Self::Deactivated => 3,
            Self::Destroyed => 5,
        }
    }

    /// Whether data protected by the key may be read: `false` for a suspended or destroyed key.
    ///
    /// ```
    /// use keysync_receiver::KeyState;
    ///
    /// assert!(KeyState::Active.allows_reading() && KeyState::Deactivated.allows_reading());
    /// assert!(!KeyState::Suspended.allows_reading() && !KeyState::Destroyed.allows_reading());
    /// ```
    #[must_use]
    pub const fn allows_reading(self) -> bool {
        matches!(self, Self::Active | Self::Deactivated)
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
            other => Err(format!("key state must be 1, 2, 3 or 5: got {other}")),
        }
    }
}

/// The last lifecycle action on a key, which explains its state. Act on the [state](KeyState), not
/// on this.
///
/// ```
/// use keysync_receiver::LifecycleAction;
///
/// assert_eq!(LifecycleAction::from("rotate".to_owned()), LifecycleAction::Rotate);
/// // A newer sender may have further actions, which are accepted.
/// assert_eq!(LifecycleAction::from("import".to_owned()).as_str(), "import");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(from = "String")]
#[non_exhaustive]
pub enum LifecycleAction {
    /// The key was created, and no other action followed.
    Create,
    /// The key got a new version.
    Rotate,
    /// The key was destroyed.
    Delete,
    /// A destroyed key was restored.
    Restore,
    /// A suspended key was enabled again.
    Enable,
    /// The key was suspended.
    Disable,
    /// An action unknown to this crate.
    Other(String),
}

impl LifecycleAction {
    /// The action's name, as in the event's `type`, `com.ibm.cloud.kms.key.<name>`.
    ///
    /// ```
    /// assert_eq!(keysync_receiver::LifecycleAction::Delete.as_str(), "delete");
    /// ```
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Create => "create",
            Self::Rotate => "rotate",
            Self::Delete => "delete",
            Self::Restore => "restore",
            Self::Enable => "enable",
            Self::Disable => "disable",
            Self::Other(name) => name,
        }
    }
}

impl From<String> for LifecycleAction {
    fn from(name: String) -> Self {
        match name.as_str() {
            "create" => Self::Create,
            "rotate" => Self::Rotate,
            "delete" => Self::Delete,
            "restore" => Self::Restore,
            "enable" => Self::Enable,
            "disable" => Self::Disable,
            _ => Self::Other(name),
        }
    }
}
