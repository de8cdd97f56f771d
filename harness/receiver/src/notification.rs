//! What a callback says.

use serde::Deserialize;

use crate::Sequence;

/// What a callback says of a key: all of it, so that none needs another to have come before.
///
/// Dates are RFC 3339 in UTC, as they came, such as `2026-11-24T05:00:00Z`; read them with the time crate that you have.
///
/// ```
/// use keysync_receiver::{KeyState, LifecycleAction, Sequence, Verifier, sample};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let verifier = Verifier::new([sample::PUBLIC_KEY])?;
/// let told = verifier.verify(&sample::headers(), sample::BODY, sample::signed_at())?;
/// assert_eq!(told.key_state, KeyState::Destroyed);
/// assert_eq!(told.action, LifecycleAction::Delete);
/// assert_eq!(told.sequence, Sequence(7));
/// assert_eq!(told.resource_count, 12);
/// assert!(told.renotification, "the key's owner asked for it");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Notification {
    /// The event's id: the same over all tries to deliver it. An acknowledgement (`event_ack`) quotes it.
    pub event_id: String,
    /// Its place among the key's notifications.
    pub sequence: Sequence,
    /// The CRN of the key-management instance that the key is in.
    pub source: String,
    /// When the notification was made. (When this try was sent is `webhook-timestamp`.)
    pub time: String,
    /// The key's id, a UUID.
    pub key_id: String,
    /// The key's CRN.
    pub key_crn: String,
    /// The key's state: what to act on.
    pub key_state: KeyState,
    /// The version of the key's material.
    pub key_version: KeyVersion,
    /// The key's latest lifecycle action.
    pub action: LifecycleAction,
    /// Whether the key's owner asked for it by a sync. Otherwise the action has just been taken.
    pub renotification: bool,
    /// When the action was taken.
    pub occurred_at: String,
    /// How many of your resources the key protects, as far as the sender knows.
    pub resource_count: u64,
}

/// The version of a key's material.
///
/// ```
/// use keysync_receiver::{Verifier, sample};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let verifier = Verifier::new([sample::PUBLIC_KEY])?;
/// let version = verifier.verify(&sample::headers(), sample::BODY, sample::signed_at())?.key_version;
/// assert_eq!(version.creation_date, "2026-11-01T00:00:00Z");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct KeyVersion {
    /// Its id; the first version has the key's own.
    pub id: String,
    /// When it was made.
    pub creation_date: String,
}

/// The state of a key, with the numbers that the API gives them (NIST SP 800-57).
///
/// ```
/// use keysync_receiver::KeyState;
///
/// assert_eq!(KeyState::try_from(5), Ok(KeyState::Destroyed));
/// assert_eq!(KeyState::Destroyed.number(), 5);
/// assert_eq!(KeyState::try_from(4), Err("key state 4 is none of 1, 2, 3, 5".to_owned()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "u8")]
pub enum KeyState {
    /// 1: in use.
    Active,
    /// 2: disabled for a time.
    Suspended,
    /// 3: expired: what it protects can be read, and nothing new be protected.
    Deactivated,
    /// 5: deleted.
    Destroyed,
}

impl KeyState {
    /// Its number in the API.
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

    /// Whether what the key protects may be read: not with a key that is suspended or destroyed.
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
            other => Err(format!("key state {other} is none of 1, 2, 3, 5")),
        }
    }
}

/// What was done to a key last. It tells why; what to act on is the [state](KeyState).
///
/// ```
/// use keysync_receiver::LifecycleAction;
///
/// assert_eq!(LifecycleAction::from("rotate".to_owned()), LifecycleAction::Rotate);
/// // What a newer sender may say is no reason to reject its event.
/// assert_eq!(LifecycleAction::from("import".to_owned()).as_str(), "import");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(from = "String")]
#[non_exhaustive]
pub enum LifecycleAction {
    /// The key was made: there was no other action yet.
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
    /// One that this crate does not know.
    Other(String),
}

impl LifecycleAction {
    /// Its name, as in the event's `type`, `com.ibm.cloud.kms.key.<name>`.
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
