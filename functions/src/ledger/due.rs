//! What is due: keys whose outbox nobody has settled, over the sparse index `due`, oldest first.
//!
//! The index is eventually consistent, and holds keys only. So it may show what is done already, or
//! show late what is due; the lease, taken on the item itself, decides.

use aws_sdk_dynamodb::types::AttributeValue;

use super::{
    Ledger, LedgerError,
    expression::number,
    item::{Item, parse_key_pk},
};
use crate::key::{EpochMillis, InstanceId, KeyId};

/// The sparse index, as `infra/table.json` names it.
const INDEX: &str = "due";
/// How many keys a page holds at the most. Keys are small: a page is one read of about 4 KB.
const PAGE: i32 = 32;

/// A key that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueKey {
    /// The instance that holds the key.
    pub instance: InstanceId,
    /// The key.
    pub key: KeyId,
    /// Since when.
    pub at: EpochMillis,
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
        let keys = page.items.unwrap_or_default().iter().filter_map(read).collect();
        Ok(DuePage { keys, next: page.last_evaluated_key.map(DueCursor) })
    }
}

/// One that cannot be read is a defect, but not one that may hold up the others.
fn read(item: &Item) -> Option<DueKey> {
    let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).map(String::as_str);
    let at = item.get("due_at").and_then(|value: &AttributeValue| value.as_n().ok()?.parse().ok());
    let due = text("pk").and_then(parse_key_pk).zip(at);
    if due.is_none() {
        tracing::error!(pk = text("pk"), "an item in the index of due items is not a key's");
    }
    due.map(|((instance, key), at)| DueKey { instance, key, at: EpochMillis::new(at) })
}
