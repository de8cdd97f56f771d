//! Due notifications, read from the sparse index `due`, oldest first.
//!
//! The index is eventually consistent: it may list a notification that is settled, or list a due
//! one late. The lease, acquired on the item itself, decides. The index also holds the pending
//! services and the instant of the claim, so that a run can skip a notification without a lease.
//!
//! A notification that no service is pending for any more, and that waits for its deadline, is in a
//! shard of its own kind: it is neither redelivered nor counted as pending.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use serde::Deserialize;

use super::{
    Ledger, LedgerError,
    expression::number,
    item::{DUE_SHARDS, Item, parse_key_pk},
};
use crate::domain::{EpochMillis, InstanceId, KeyId, ServiceName};

/// The name of the sparse index in `infra/table.json`.
const INDEX: &str = "due";
/// Due keys per page: one or two reads of 4 KB (`docs/reference/limits.md#due-page`).
const PAGE: i32 = 32;
/// Waiting keys per page: 40 read units.
const WAITING_PAGE: i32 = 1000;

/// What a notification in the due index waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaits {
    /// A delivery.
    Delivery,
    /// The acknowledgement of what was delivered.
    Acknowledgement,
}

impl Awaits {
    /// The shards of the due index with what waits for this.
    #[must_use]
    pub fn shards(self) -> std::ops::Range<u128> {
        match self {
            Self::Delivery => 0..DUE_SHARDS,
            Self::Acknowledgement => DUE_SHARDS..2 * DUE_SHARDS,
        }
    }
}

/// A key with a due notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueKey {
    /// The instance that contains the key.
    pub instance: InstanceId,
    /// The id of the key.
    pub key: KeyId,
    /// What the notification waits for.
    pub awaits: Awaits,
    /// The instant since which the notification is due.
    pub at: EpochMillis,
    /// The instant at which the notification was claimed.
    pub notified_at: EpochMillis,
    /// The services for which the notification is pending.
    pub pending: Vec<ServiceName>,
}

/// A page of the due keys of a shard, oldest first.
#[derive(Debug)]
pub struct DuePage {
    /// The due keys.
    pub keys: Vec<DueKey>,
    /// The start of the next page; `None` for the last page.
    pub next: Option<DueCursor>,
}

/// A page of the keys of a shard that are pending and not yet due, earliest due time first.
#[derive(Debug)]
pub struct WaitingPage {
    /// The number of its keys.
    pub keys: u64,
    /// The instant at which the oldest notification of the page was claimed.
    pub oldest: Option<EpochMillis>,
    /// The start of the next page; `None` for the last page.
    pub next: Option<DueCursor>,
}

/// The start of a page.
#[derive(Clone, Debug)]
pub struct DueCursor(Item);

impl Ledger {
    /// A page of the keys of a shard that are due at `now`, from `start`.
    pub async fn due(
        &self,
        shard: u128,
        now: EpochMillis,
        start: Option<DueCursor>,
    ) -> Result<DuePage, LedgerError> {
        let page = self.query(shard, now, "due_at <= :now", start).limit(PAGE).send().await?;
        let keys = page.items.unwrap_or_default().into_iter().filter_map(parse).collect();
        Ok(DuePage { keys, next: page.last_evaluated_key.map(DueCursor) })
    }

    /// A page of the notifications of a shard that are pending and not due at `now`, from `start`.
    pub async fn waiting(
        &self,
        shard: u128,
        now: EpochMillis,
        start: Option<DueCursor>,
    ) -> Result<WaitingPage, LedgerError> {
        let query = self.query(shard, now, "due_at > :now", start).projection_expression("notified_at");
        let page = query.limit(WAITING_PAGE).send().await?;
        let items = page.items.unwrap_or_default();
        let claimed = items.iter().filter_map(|item| {
            item.get("notified_at").and_then(|at| at.as_n().ok()?.parse().ok()).map(EpochMillis::new)
        });
        let (keys, oldest) = (items.len() as u64, claimed.min());
        Ok(WaitingPage { keys, oldest, next: page.last_evaluated_key.map(DueCursor) })
    }

    /// A page of all pending notifications of a shard, due or not, from `start`.
    pub async fn pending(&self, shard: u128, start: Option<DueCursor>) -> Result<DuePage, LedgerError> {
        let page = self.query_shard(shard, "due_shard = :shard", start).limit(WAITING_PAGE).send().await?;
        let keys = page.items.unwrap_or_default().into_iter().filter_map(parse).collect();
        Ok(DuePage { keys, next: page.last_evaluated_key.map(DueCursor) })
    }

    fn query(
        &self,
        shard: u128,
        now: EpochMillis,
        due: &str,
        start: Option<DueCursor>,
    ) -> QueryFluentBuilder {
        self.query_shard(shard, &format!("due_shard = :shard AND {due}"), start)
            .expression_attribute_values(":now", number(now.get()))
    }

    fn query_shard(&self, shard: u128, condition: &str, start: Option<DueCursor>) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.table)
            .index_name(INDEX)
            .key_condition_expression(condition)
            .expression_attribute_values(":shard", number(shard))
            .set_exclusive_start_key(start.map(|DueCursor(key)| key))
    }
}

/// An entry of the index.
#[derive(Deserialize)]
struct Entry {
    pk: String,
    due_shard: u64,
    due_at: EpochMillis,
    notified_at: EpochMillis,
    #[serde(default)]
    pending: BTreeMap<ServiceName, u64>,
}

/// Parses an entry of the index. An invalid one is a defect; it is logged and skipped, so that it
/// does not block the others.
fn parse(item: Item) -> Option<DueKey> {
    let entry = serde_dynamo::from_item(item);
    let due = entry.ok().and_then(|Entry { pk, due_shard, due_at, notified_at, pending }| {
        let (instance, key) = parse_key_pk(&pk)?;
        let awaits =
            if u128::from(due_shard) < DUE_SHARDS { Awaits::Delivery } else { Awaits::Acknowledgement };
        let pending = pending.into_keys().collect();
        Some(DueKey { instance, key, awaits, at: due_at, notified_at, pending })
    });
    if due.is_none() {
        tracing::error!("unreadable item in the due index");
    }
    due
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(due_shard: u64) -> Item {
        serde_dynamo::to_item(json!({
            "pk": "5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11#02fd6835-6001-4482-a892-13bd2085f75d",
            "due_shard": due_shard,
            "due_at": 6,
            "notified_at": 5,
        }))
        .unwrap()
    }

    #[test]
    fn shard_says_what_a_key_awaits() {
        let awaits = |shard| parse(entry(shard)).unwrap().awaits;
        assert_eq!([0, 15].map(awaits), [Awaits::Delivery; 2]);
        assert_eq!([16, 31].map(awaits), [Awaits::Acknowledgement; 2]);
        assert_eq!((Awaits::Delivery.shards(), Awaits::Acknowledgement.shards()), (0..16, 16..32));
    }

    #[test]
    fn unreadable_entry_is_skipped() {
        assert!(parse(entry(0)).is_some());
        assert!(parse(Item::new()).is_none());
    }
}
