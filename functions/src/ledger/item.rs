//! The attributes of a key's item.
//!
//! | attribute | meaning |
//! | --- | --- |
//! | `pk`, `sk` | `<instance>#<key>`, `key` |
//! | `crn`, `key_type`, `state`, `ring`, `version` | description of the key |
//! | `event` | latest lifecycle action and its instant |
//! | `services` | map service → number of registrations |
//! | `notified_at` | epoch ms of the last notification; determines the window |
//! | `claim` | id of the last notification |
//! | `correlation_id`, `caller` | of the sync that claimed it; absent after a lifecycle action |
//! | `lease` | fencing token of the process that may confirm; initially the claim id |
//! | `sequence` | number of notifications so far |
//! | `pending` | outbox: map service → registrations; the claim copies `services` |
//! | `retries` | map service → attempts and next attempt, for failed deliveries |
//! | `outcome` | map service → result of this notification |
//! | `acknowledged` | map service → its acknowledgements (`ledger/acknowledgement.rs`) |
//! | `deadline` | services that must acknowledge (`ledger/deadline.rs`) |
//! | `replay` | the operator's latest replay: claim, instant, services, operator, reason; fences confirmations |
//! | `due_shard`, `due_at` | keys of the sparse index `due`; present while a service is pending or a deadline is not checked |
//! | `purged_at` | epoch ms of the purge; a purged key counts as absent |
//! | `expires_at` | epoch **s** after which DynamoDB may delete a purged key's item (TTL) |
//!
//! An alias is a separate item, `<instance>#alias#<alias>`, `alias`, with the CRN of its key as
//! `crn`. A registration is another item of its key's partition, `registration#<resource CRN>`
//! (`ledger/registration.rs`). One more item, `pauses`, `pauses`, has the paused services
//! (`ledger/pause.rs`).

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};

use super::{Acknowledgement, Acknowledgements, Deadline, LedgerError, typed_json::Typed};
use crate::domain::{
    Alias, Caller, ClaimId, CorrelationId, EpochMillis, EventId, InstanceId, KeyCrn, KeyId, KeyRing,
    KeyState, KeyType, KeyVersion, LeaseId, LifecycleEvent, ServiceName,
};

/// An item, as the SDK represents it.
pub type Item = std::collections::HashMap<String, AttributeValue>;

/// The sort key of a key's item.
pub const KEY_ITEM: &str = "key";
/// The sort key of an alias's item.
pub const ALIAS_ITEM: &str = "alias";
/// The number of partitions of the due index for pending notifications. As many follow for those
/// that wait for their deadline only, so that these are not read with what is pending.
pub const DUE_SHARDS: u128 = 16;

/// The partition key of a key's items.
#[must_use]
pub fn key_pk(instance: InstanceId, key: KeyId) -> String {
    format!("{instance}#{key}")
}

/// The instance and key of a partition key; `None` for other items.
pub(super) fn parse_key_pk(pk: &str) -> Option<(InstanceId, KeyId)> {
    let (instance, key) = pk.split_once('#')?;
    Some((instance.parse().ok()?, key.parse().ok()?))
}

/// The partition key of an alias's item. It cannot equal that of a key: no key id is `alias`.
#[must_use]
pub fn alias_pk(instance: InstanceId, alias: &Alias) -> String {
    format!("{instance}#alias#{alias}")
}

/// Whether the item belongs to exactly the key `crn`: the same account, service and region.
pub(super) fn has_crn(item: &Item, crn: &KeyCrn) -> bool {
    item.get("crn").and_then(|stored| stored.as_s().ok()).is_some_and(|stored| *stored == crn.to_string())
}

/// The partition of the due index for `key` while its notification is pending.
#[must_use]
pub fn due_shard(key: KeyId) -> u128 {
    key.as_uuid().as_u128() % DUE_SHARDS
}

/// The partition of the due index for `key` while its notification waits for its deadline only.
pub(super) fn deadline_shard(key: KeyId) -> u128 {
    DUE_SHARDS + due_shard(key)
}

/// A parsed item of a key.
#[derive(Clone, Debug, Deserialize)]
pub struct KeyRecord {
    /// The CRN of the key.
    pub crn: KeyCrn,
    /// The type of the key: root or standard.
    pub key_type: KeyType,
    /// The state of the key.
    pub state: KeyState,
    /// The key ring of the key.
    pub ring: KeyRing,
    /// The current version of the key.
    pub version: KeyVersion,
    /// The latest lifecycle action.
    pub event: LifecycleEvent,
    /// The instant of the last notification.
    pub notified_at: Option<EpochMillis>,
    /// The claim id of the last notification.
    pub claim: Option<ClaimId>,
    /// The fencing token of the process that may confirm it.
    pub lease: Option<LeaseId>,
    /// The correlation id of the sync that caused it.
    pub correlation_id: Option<CorrelationId>,
    /// The caller of that sync.
    pub caller: Option<Caller>,
    /// The number of notifications so far.
    #[serde(default)]
    pub sequence: u64,
    /// The number of registrations, by service.
    #[serde(default)]
    pub services: BTreeMap<ServiceName, u64>,
    /// The outbox: services that are not settled, with the number of their registrations.
    #[serde(default)]
    pub pending: BTreeMap<ServiceName, u64>,
    /// The failed attempts of pending services.
    #[serde(default)]
    pub retries: BTreeMap<ServiceName, Retry>,
    /// The result of the last notification, by service.
    #[serde(default)]
    pub outcome: BTreeMap<ServiceName, Outcome>,
    /// The acknowledgements by service, not necessarily of the last notification.
    #[serde(default)]
    pub(super) acknowledged: BTreeMap<ServiceName, Acknowledgements>,
    /// The services that must acknowledge a notification, not necessarily the last one.
    #[serde(default)]
    pub(super) deadline: Option<Deadline>,
    /// The operator's latest replay.
    pub replay: Option<Replay>,
    /// The instant of the purge.
    pub purged_at: Option<EpochMillis>,
}

impl KeyRecord {
    /// Parses an item. An invalid one is a defect, because only keysync writes the table.
    pub fn read(item: Item) -> Result<Self, LedgerError> {
        let text = serde_json::to_vec(&serde_dynamo::Item::from(item));
        let key = text.and_then(|text| serde_json::from_slice(&text));
        key.map(|Typed(key)| key).map_err(|error| LedgerError::Defect(format!("invalid item: {error}")))
    }

    /// The acknowledgement of the last notification by `service` that counts; `None` if there is
    /// none.
    #[must_use]
    pub fn acknowledgement(&self, service: &ServiceName) -> Option<&Acknowledgement> {
        self.acknowledged.get(service).filter(|stored| stored.sequence == self.sequence).map(|it| &it.counted)
    }

    /// The id of the last notification's event for `service`; `None` if the key never had one.
    #[must_use]
    pub fn event_id(&self, service: &ServiceName) -> Option<EventId> {
        Some(EventId { key: self.crn.key, claim: self.claim?, service: service.clone() })
    }
}

/// The failed attempts of a delivery and its next attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// The number of attempts so far.
    pub attempts: u32,
    /// The instant of the next attempt.
    pub next_at: EpochMillis,
}

/// An operator's request to deliver a notification again (`ledger/replay.rs`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    /// The notification that is delivered again.
    pub claim: ClaimId,
    /// The instant of the replay, later than that of any earlier replay of the key.
    pub at: EpochMillis,
    /// The services to which the notification is delivered again.
    pub services: Vec<ServiceName>,
    /// The operator, as the command names them.
    pub operator: String,
    /// The operator's reason.
    pub reason: String,
}

/// The result of a service's last notification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The id of the event that was sent to the service.
    pub event_id: String,
    /// The delivery status.
    pub status: OutcomeStatus,
    /// The instant of the last attempt.
    pub at: EpochMillis,
    /// The number of attempts so far.
    pub attempts: u32,
    /// The reason, if the notification was not delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The status of a delivery (`docs/reference/notifications.md#delivery-status`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutcomeStatus {
    /// The service responded with 2xx.
    Delivered,
    /// The service responded with 410: it wants no more notifications.
    Refused,
    /// At least one attempt failed, and another one is scheduled.
    Retrying,
    /// Retries exhausted after 24 hours.
    Failed,
}

/// A claimed notification.
#[derive(Clone, Debug)]
pub struct Notification {
    /// The id of the notification.
    pub claim: ClaimId,
    /// The fencing token with which this process confirms it.
    pub lease: LeaseId,
    /// The instant of the claim.
    pub at: EpochMillis,
    /// The number of the notification among those of the key, from 1.
    pub sequence: u64,
    /// Whether a sync caused it, rather than a lifecycle action.
    pub renotification: bool,
    /// The key, with its state, latest lifecycle action and outbox.
    pub key: KeyRecord,
}

impl Notification {
    /// Parses the last notification of `item`; `None` if the key never had one.
    pub(super) fn read(item: Item) -> Result<Option<Self>, LedgerError> {
        KeyRecord::read(item).map(Self::of)
    }

    /// The last notification of a key; `None` if it never had one.
    pub(super) fn of(key: KeyRecord) -> Option<Self> {
        let (claim, lease, at) = (key.claim?, key.lease?, key.notified_at?);
        Some(Self { claim, lease, at, sequence: key.sequence, renotification: key.caller.is_some(), key })
    }

    /// The pending services that are due at `now`, with the number of their registrations.
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

    /// The instant from which retries count: that of the claim, or of a later replay.
    #[must_use]
    pub fn retried_since(&self) -> EpochMillis {
        self.key.replay.as_ref().map_or(self.at, |replay| replay.at.max(self.at))
    }

    /// The replay of this notification, until a confirmation after it: then each of its services is
    /// settled or has a next attempt.
    pub(crate) fn new_replay(&self) -> Option<&Replay> {
        let KeyRecord { replay, pending, retries, .. } = &self.key;
        let is_new = |service: &ServiceName| pending.contains_key(service) && !retries.contains_key(service);
        replay.as_ref().filter(|replay| replay.claim == self.claim && replay.services.iter().any(is_new))
    }

    /// The id of the event for `service`.
    #[must_use]
    pub fn event_id(&self, service: &ServiceName) -> EventId {
        EventId { key: self.key.crn.key, claim: self.claim, service: service.clone() }
    }
}

#[cfg(test)]
pub(crate) mod tests;
