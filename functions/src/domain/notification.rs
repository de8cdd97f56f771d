//! Identifiers of a notification: the claim that created it, the lease of the function that may
//! confirm it, and the events that deliver it.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};
use uuid::{NoContext, Timestamp, Uuid};

use super::{
    KeyId, Malformed, ServiceName,
    id::{hyphenated_uuid, malformed},
};

/// The identifier of a notification, and of the claim that created it. A version 7 UUID (RFC 9562),
/// so that claims sort by time. Those of one key sort in the order of its notifications.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClaimId(Uuid);

impl ClaimId {
    /// A new, unique id.
    #[must_use]
    pub fn unique() -> Self {
        Self(Uuid::now_v7())
    }

    /// A new, unique id, later than `other`: by its time, or by a millisecond.
    #[must_use]
    pub fn later_than(other: Self) -> Self {
        let now = Self::unique();
        let Some(timestamp) = other.0.get_timestamp().filter(|_| now <= other) else { return now };
        let (seconds, nanos) = timestamp.to_unix();
        let next = Duration::new(seconds, nanos).saturating_add(Duration::from_millis(1));
        Self(Uuid::new_v7(Timestamp::from_unix(NoContext, next.as_secs(), next.subsec_nanos())))
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

/// The fencing token of a notification: only the function that holds the current lease may confirm
/// it. The claim is the first lease; `redeliver` takes a new one after it expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LeaseId(Uuid);

impl LeaseId {
    /// A new, unique id.
    #[must_use]
    pub fn unique() -> Self {
        Self(Uuid::now_v7())
    }
}

/// The claim is the first lease of its notification.
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

/// The id of the CloudEvent that delivers a notification to one service: `<key>_<claim>_<service>`.
///
/// It is the same in all attempts of a delivery, and different for each service, because the number
/// of resources in the event differs. An acknowledgement that quotes it identifies key and
/// notification without a look-up. It has only ASCII letters, digits, `-` and `_`, because
/// libraries for Standard Webhooks reject other characters in `webhook-id`; its parts have no `_`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EventId {
    /// The key.
    pub key: KeyId,
    /// The notification.
    pub claim: ClaimId,
    /// The notified service.
    pub service: ServiceName,
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}_{}", self.key, self.claim, self.service)
    }
}

impl FromStr for EventId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let expected = malformed("the id of a notification's event: `<key>_<claim>_<service>`");
        let parts: Vec<&str> = text.split('_').collect();
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
    fn later_claim_is_a_millisecond_later_or_now() {
        let past: ClaimId = "019aaf60-0000-7000-8000-00000000000f".parse().unwrap();
        let (before, later) = (ClaimId::unique(), ClaimId::later_than(past));
        assert!(before < later && later < ClaimId::unique(), "{later}");
        let future: ClaimId = "f19aaf60-ffff-7fff-bfff-ffffffffffff".parse().unwrap();
        let later = [ClaimId::later_than(future), ClaimId::later_than(future)];
        for claim in later {
            assert!(claim.to_string().starts_with("f19aaf61-0000-7"), "{claim}");
        }
        assert_ne!(later[0], later[1], "unique");
    }

    #[test]
    fn event_id_round_trips_without_special_characters() {
        let id = EventId {
            key: V4.parse().unwrap(),
            claim: ClaimId::unique(),
            service: "cloud-object-storage".parse().unwrap(),
        };
        let text = id.to_string();
        assert!(text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_')), "{text}");
        assert_eq!(text.parse(), Ok(id));
        let others =
            [&format!("{text}_x"), &text.replace(V4, V1), &text.replace('_', ":"), &text.replace('_', "-")];
        for wrong in ["", "a_b_c", V4].into_iter().chain(others.map(String::as_str)) {
            assert!(wrong.parse::<EventId>().is_err(), "{wrong}");
        }
    }
}
