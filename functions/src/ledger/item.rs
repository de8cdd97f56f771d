//! The key's item: what its attributes are called and what they mean.
//!
//! | attribute | meaning |
//! | --- | --- |
//! | `pk`, `sk` | `<instance>#<key>`, `key` |
//! | `crn`, `key_type`, `state`, `ring`, `version` | what the key is |
//! | `event` | its latest lifecycle action and when it was taken |
//! | `services` | map service → number of its registrations |
//! | `notified_at` | epoch ms of the last notification: closes the window |
//! | `claim` | id of the notification that closed it |
//! | `correlation_id`, `caller` | whose sync that was; absent after a lifecycle action |
//! | `lease` | who may settle the outbox: the claim itself, until a redelivery takes it up |
//! | `sequence` | number of notifications so far |
//! | `pending` | map service → registrations, for what has not been settled: copied from `services` by the claim |
//! | `retries` | map service → attempts and next try, for what failed so far |
//! | `outcome` | map service → result of its last notification |
//! | `acknowledged` | map service → when it said that it acted on this notification; emptied by each claim |
//! | `due_shard`, `due_at` | only while something is pending: the sparse index for redelivery |
//! | `purged_at` | when the key was purged; from then on it counts as absent |
//! | `expires_at` | epoch **s**: when DynamoDB may forget a purged key's item (its TTL attribute) |
//!
//! An alias is an item of its own, `<instance>#alias#<alias>`, `alias`, with the CRN of its key as `crn`.
//! A registration is one, too, `registration#<resource CRN>` (`ledger/registration.rs`).

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};

use super::LedgerError;
use crate::domain::{
    Alias, Caller, ClaimId, CorrelationId, EpochMillis, EventId, InstanceId, KeyCrn, KeyId, KeyRing,
    KeyState, KeyType, KeyVersion, LeaseId, LifecycleEvent, ServiceName,
};

/// An item, as the SDK has it.
pub type Item = std::collections::HashMap<String, AttributeValue>;

/// The sort key of the key's own item.
pub const KEY_ITEM: &str = "key";
/// The sort key of an alias's item.
pub const ALIAS_ITEM: &str = "alias";
/// How many partitions the index of due items is spread over.
pub const DUE_SHARDS: u128 = 16;

/// The partition key of a key's items.
#[must_use]
pub fn key_pk(instance: InstanceId, key: KeyId) -> String {
    format!("{instance}#{key}")
}

/// The key whose items have this partition key.
pub(super) fn parse_key_pk(pk: &str) -> Option<(InstanceId, KeyId)> {
    let (instance, key) = pk.split_once('#')?;
    Some((instance.parse().ok()?, key.parse().ok()?))
}

/// The partition key of an alias's item. A key id is never `alias`, so the two cannot meet.
#[must_use]
pub fn alias_pk(instance: InstanceId, alias: &Alias) -> String {
    format!("{instance}#alias#{alias}")
}

/// Whether the key's item is that of `crn`: of the same account, service and region, too.
pub(super) fn has_crn(item: &Item, crn: &KeyCrn) -> bool {
    item.get("crn").and_then(|stored| stored.as_s().ok()).is_some_and(|stored| *stored == crn.to_string())
}

/// The partition of the due index that `key` belongs to.
#[must_use]
pub fn due_shard(key: KeyId) -> u128 {
    key.as_uuid().as_u128() % DUE_SHARDS
}

/// A key's item, read.
#[derive(Clone, Debug, Deserialize)]
pub struct KeyRecord {
    /// The key's full name.
    pub crn: KeyCrn,
    /// Root or standard.
    pub key_type: KeyType,
    /// Its state.
    pub state: KeyState,
    /// The ring it is in.
    pub ring: KeyRing,
    /// Its current version.
    pub version: KeyVersion,
    /// Its latest lifecycle action.
    pub event: LifecycleEvent,
    /// When it was last notified about.
    pub notified_at: Option<EpochMillis>,
    /// The notification that was.
    pub claim: Option<ClaimId>,
    /// Who may settle its outbox.
    pub lease: Option<LeaseId>,
    /// The correlation id of the sync that was.
    pub correlation_id: Option<CorrelationId>,
    /// Who made that sync.
    pub caller: Option<Caller>,
    /// How many notifications there were.
    #[serde(default)]
    pub sequence: u64,
    /// Services that still have to be told, with the number of their registrations.
    #[serde(default)]
    pub pending: BTreeMap<ServiceName, u64>,
    /// What failed so far of what is pending.
    #[serde(default)]
    pub retries: BTreeMap<ServiceName, Retry>,
    /// What became of the last notification of each service.
    #[serde(default)]
    pub outcome: BTreeMap<ServiceName, Outcome>,
    /// Who said of this notification that it acted.
    #[serde(default)]
    pub acknowledged: BTreeMap<ServiceName, Acknowledgement>,
    /// When the key was purged.
    pub purged_at: Option<EpochMillis>,
}

impl KeyRecord {
    /// Reads an item. One that cannot be read is a defect: nobody else writes this table.
    pub fn read(item: Item) -> Result<Self, LedgerError> {
        serde_dynamo::from_item(item)
            .map_err(|error| LedgerError::Defect(format!("unreadable item: {error}")))
    }
}

/// How often a callback failed, and when it is tried again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// Attempts so far.
    pub attempts: u32,
    /// The next one.
    pub next_at: EpochMillis,
}

/// A service's word that it acted on a notification, which is more than the 2xx that says "received".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// When it acted.
    pub at: EpochMillis,
    /// The key's state as the service has it, in its own words.
    pub key_state: String,
}

/// The result of a service's last notification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The id of the event that it was told, or should have been.
    pub event_id: String,
    /// What became of it.
    pub status: OutcomeStatus,
    /// Since when.
    pub at: EpochMillis,
    /// Attempts so far.
    pub attempts: u32,
    /// Why it was not delivered, where it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What became of a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutcomeStatus {
    /// The service answered 2xx.
    Delivered,
    /// The service answered 410: it wants no more.
    Refused,
    /// Not delivered yet; it is tried again.
    Retrying,
    /// Given up after 24 hours.
    Failed,
}

/// A claimed notification: all that the callbacks need.
#[derive(Clone, Debug)]
pub struct Notification {
    /// Which notification of the key.
    pub claim: ClaimId,
    /// Our right to settle it.
    pub lease: LeaseId,
    /// When it was claimed.
    pub at: EpochMillis,
    /// Its number among the key's notifications, from 1.
    pub sequence: u64,
    /// Whether a sync asked for it, rather than a lifecycle action.
    pub renotification: bool,
    /// The key: its state and latest lifecycle action.
    pub key: KeyRecord,
}

impl Notification {
    /// The notification that `item` carries. `None` where it was never notified about.
    pub(super) fn read(item: Item) -> Result<Option<Self>, LedgerError> {
        let key = KeyRecord::read(item)?;
        let (Some(claim), Some(lease), Some(at)) = (key.claim, key.lease, key.notified_at) else {
            return Ok(None);
        };
        Ok(Some(Self { claim, lease, at, sequence: key.sequence, renotification: key.caller.is_some(), key }))
    }

    /// The services still to be told that are due at `now`, with the number of their registrations.
    pub fn due(&self, now: EpochMillis) -> impl Iterator<Item = (&ServiceName, u64)> {
        let is_due = move |service: &ServiceName| {
            self.key.retries.get(service).is_none_or(|retry| retry.next_at <= now)
        };
        self.key
            .pending
            .iter()
            .filter(move |(service, _)| is_due(service))
            .map(|(name, count)| (name, *count))
    }

    /// The id of the event that `service` is told.
    #[must_use]
    pub fn event_id(&self, service: &ServiceName) -> EventId {
        EventId { key: self.key.crn.key, claim: self.claim, service: service.clone() }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    /// The seventh notification of a deleted key that two services are associated with.
    pub(crate) fn notification() -> Notification {
        let item: Item = serde_dynamo::to_item(json!({
            "crn": "crn:v1:bluemix:public:hs-crypto:us-south:a/abc123:5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11:key:02fd6835-6001-4482-a892-13bd2085f75d",
            "key_type": "root",
            "state": 5,
            "ring": "default",
            "version": {"id": "02fd6835-6001-4482-a892-13bd2085f75d", "created_at": 1_793_491_200_000_u64},
            "event": {"action": "delete", "at": 1_795_482_000_000_u64},
            "notified_at": 1_795_496_400_000_u64,
            "claim": "019aaf60-0000-7000-8000-000000000001",
            "lease": "019aaf60-0000-7000-8000-000000000001",
            "correlation_id": "c-1",
            "caller": "IBMid-1",
            "sequence": 7,
            "services": {"cloud-object-storage": 12, "databases-for-postgresql": 1},
            "pending": {"cloud-object-storage": 12, "databases-for-postgresql": 1},
            "retries": {"databases-for-postgresql": {"attempts": 1, "next_at": 1_795_496_460_000_u64}},
            "outcome": {},
            "an_attribute_of_the_future": true,
        }))
        .unwrap();
        Notification::read(item).unwrap().unwrap()
    }

    #[test]
    fn an_item_reads_whatever_else_stands_in_it() {
        let notification = notification();
        assert_eq!(notification.sequence, 7);
        assert!(notification.renotification);
        let due = |after_ms: u64| {
            notification.due(EpochMillis::new(1_795_496_400_000 + after_ms)).map(|(_, count)| count)
        };
        assert_eq!(due(59_999).collect::<Vec<_>>(), [12], "what has to wait is not due yet");
        assert_eq!(due(60_000).collect::<Vec<_>>(), [12, 1]);
    }

    #[test]
    fn an_item_that_does_not_read_is_a_defect() {
        let item = Item::from([("crn".to_owned(), AttributeValue::S("not a crn".to_owned()))]);
        assert!(matches!(KeyRecord::read(item), Err(LedgerError::Defect(_))));
    }

    #[test]
    fn keys_and_aliases_never_share_an_item() {
        let instance = "5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11".parse().unwrap();
        let id = "02fd6835-6001-4482-a892-13bd2085f75d".parse().unwrap();
        let key = key_pk(instance, id);
        assert_eq!(parse_key_pk(&key), Some((instance, id)));
        let alias = alias_pk(instance, &"02fd6835".parse().unwrap());
        assert_ne!(key, alias);
        assert_eq!(parse_key_pk(&alias), None);
    }
}
