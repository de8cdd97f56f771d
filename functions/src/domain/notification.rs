//! The names of a notification: the claim that made it, the lease that lets somebody settle it, and the
//! events that it is told by.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    KeyId, Malformed, ServiceName,
    id::{hyphenated_uuid, malformed},
};

/// The identifier of one notification of a key: the claim that closed the window for it. A version 7
/// UUID, so that claims sort by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClaimId(Uuid);

impl ClaimId {
    /// A claim id that nobody else has.
    #[must_use]
    pub fn unique() -> Self {
        Self(Uuid::now_v7())
    }
}

impl fmt::Display for ClaimId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ClaimId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        hyphenated_uuid(text).map(Self).ok_or(malformed("a UUID"))
    }
}

/// Names who may settle a key's outbox at the moment: whoever claimed the notification, until somebody
/// else takes it up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LeaseId(Uuid);

impl LeaseId {
    /// A lease id that nobody else has.
    #[must_use]
    pub fn unique() -> Self {
        Self(Uuid::now_v7())
    }
}

/// A claim is the first lease of the notification that it makes.
impl From<ClaimId> for LeaseId {
    fn from(claim: ClaimId) -> Self {
        Self(claim.0)
    }
}

impl fmt::Display for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The id of the event that one service is told: `<key>:<claim>:<service>`.
///
/// It is the same over all tries of one notification, and another for each service, because each is told
/// its own number of resources. It says by itself what it belongs to, so an acknowledgement that
/// quotes it needs no look-up. No dots: Standard Webhooks forbids them in `webhook-id`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EventId {
    /// The key.
    pub key: KeyId,
    /// Which notification of it.
    pub claim: ClaimId,
    /// Who is told.
    pub service: ServiceName,
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.key, self.claim, self.service)
    }
}

impl FromStr for EventId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let expected = malformed("the id of an event that a service was told: `<key>:<claim>:<service>`");
        let parts: Vec<&str> = text.split(':').collect();
        let [key, claim, service] = parts[..] else { return Err(expected) };
        let id = || Ok(Self { key: key.parse()?, claim: claim.parse()?, service: service.parse()? });
        id().map_err(|_: Malformed| expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V4: &str = "02fd6835-6001-4482-a892-13bd2085f75d";
    const V1: &str = "c232ab00-9414-11ec-b3c8-9f6bdeced846";

    #[test]
    fn an_event_id_is_read_as_it_was_written_and_fit_to_be_signed() {
        let id = EventId {
            key: V4.parse().unwrap(),
            claim: ClaimId::unique(),
            service: "cloud-object-storage".parse().unwrap(),
        };
        let text = id.to_string();
        assert!(!text.contains('.'), "Standard Webhooks forbids dots in webhook-id");
        assert_eq!(text.parse(), Ok(id));
        for wrong in ["", "a:b:c", V4, &format!("{text}:x"), &text.replace(V4, V1)] {
            assert!(wrong.parse::<EventId>().is_err(), "{wrong}");
        }
    }
}
