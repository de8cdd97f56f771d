//! What is due: keys whose outbox nobody has settled, over the sparse index `due`, oldest first.
//!
//! The index is eventually consistent. So it may show what is done already, or show late what is due; the
//! lease, taken on the item itself, decides. It holds what it takes to leave an item alone without a
//! lease: which services it is pending for, and since when.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use serde::Deserialize;

use super::{
    Ledger, LedgerError,
    expression::number,
    item::{Item, parse_key_pk},
};
use crate::domain::{EpochMillis, InstanceId, KeyId, ServiceName};

/// The sparse index, as `infra/table.json` names it.
const INDEX: &str = "due";
/// How many keys a page holds at the most. They are small: a page is a read or two of 4 KB.
const PAGE: i32 = 32;

/// How many of what waits a page holds at the most: 40 read units.
const WAITING_PAGE: i32 = 1000;

/// A key that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueKey {
    /// The instance that holds the key.
    pub instance: InstanceId,
    /// The key.
    pub key: KeyId,
    /// Since when.
    pub at: EpochMillis,
    /// When its notification was claimed.
    pub notified_at: EpochMillis,
    /// The services that it is pending for.
    pub pending: Vec<ServiceName>,
}

/// Some of the keys that are due in a shard, oldest first.
#[derive(Debug)]
pub struct DuePage {
    /// They.
    pub keys: Vec<DueKey>,
    /// Where the next page starts; `None` where this was the last.
    pub next: Option<DueCursor>,
}

/// Some of the keys of a shard that are pending and wait for their next attempt, what is due next first.
#[derive(Debug)]
pub struct WaitingPage {
    /// When the oldest notification among them was claimed.
    pub oldest: Option<EpochMillis>,
    /// Where the next page starts; `None` where this was the last.
    pub next: Option<DueCursor>,
}

/// Where a page starts.
#[derive(Clone, Debug)]
pub struct DueCursor(Item);

impl Ledger {
    /// The keys of a shard that are due at `now`, from `start` on.
    pub async fn due(
        &self,
        shard: u128,
        now: EpochMillis,
        start: Option<DueCursor>,
    ) -> Result<DuePage, LedgerError> {
        let page = self.query(shard, now, "due_at <= :now", start).limit(PAGE).send().await?;
        let keys = page.items.unwrap_or_default().into_iter().filter_map(read).collect();
        Ok(DuePage { keys, next: page.last_evaluated_key.map(DueCursor) })
    }

    /// The age of what is pending in a shard and not due at `now`, from `start` on.
    pub async fn waiting(
        &self,
        shard: u128,
        now: EpochMillis,
        start: Option<DueCursor>,
    ) -> Result<WaitingPage, LedgerError> {
        let query = self.query(shard, now, "due_at > :now", start).projection_expression("notified_at");
        let page = query.limit(WAITING_PAGE).send().await?;
        let claimed = page.items.unwrap_or_default().into_iter().filter_map(|item| {
            item.get("notified_at").and_then(|at| at.as_n().ok()?.parse().ok()).map(EpochMillis::new)
        });
        Ok(WaitingPage { oldest: claimed.min(), next: page.last_evaluated_key.map(DueCursor) })
    }

    fn query(
        &self,
        shard: u128,
        now: EpochMillis,
        due: &str,
        start: Option<DueCursor>,
    ) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.table)
            .index_name(INDEX)
            .key_condition_expression(format!("due_shard = :shard AND {due}"))
            .expression_attribute_values(":shard", number(shard))
            .expression_attribute_values(":now", number(now.get()))
            .set_exclusive_start_key(start.map(|DueCursor(key)| key))
    }
}

/// An entry of the index.
#[derive(Deserialize)]
struct Entry {
    pk: String,
    due_at: EpochMillis,
    notified_at: EpochMillis,
    #[serde(default)]
    pending: BTreeMap<ServiceName, u64>,
}

/// One that cannot be read is a defect, but not one that may hold up the others.
fn read(item: Item) -> Option<DueKey> {
    let entry = serde_dynamo::from_item(item);
    let due = entry.ok().and_then(|Entry { pk, due_at, notified_at, pending }| {
        let (instance, key) = parse_key_pk(&pk)?;
        Some(DueKey { instance, key, at: due_at, notified_at, pending: pending.into_keys().collect() })
    });
    if due.is_none() {
        tracing::error!("an item in the index of due items does not read");
    }
    due
}
