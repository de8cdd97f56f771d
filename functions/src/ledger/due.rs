//! What is due: keys whose outbox nobody has settled, over the sparse index `due`, oldest first.
//!
//! The index is eventually consistent. So it may show what is done already, or show late what is due; the
//! lease, taken on the item itself, decides. It holds what it takes to leave an item alone without a
//! lease: which services it is pending for, and since when.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    Ledger, LedgerError,
    expression::number,
    item::{Item, parse_key_pk},
};
use crate::key::{EpochMillis, InstanceId, KeyId, ServiceName};

/// The sparse index, as `infra/table.json` names it.
const INDEX: &str = "due";
/// How many keys a page holds at the most. They are small: a page is a read or two of 4 KB.
const PAGE: i32 = 32;

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
        let page = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(INDEX)
            .key_condition_expression("due_shard = :shard AND due_at <= :now")
            .expression_attribute_values(":shard", number(shard))
            .expression_attribute_values(":now", number(now.get()))
            .limit(PAGE)
            .set_exclusive_start_key(start.map(|DueCursor(key)| key))
            .send()
            .await?;
        let keys = page.items.unwrap_or_default().into_iter().filter_map(read).collect();
        Ok(DuePage { keys, next: page.last_evaluated_key.map(DueCursor) })
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
