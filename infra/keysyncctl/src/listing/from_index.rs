//! Pending notifications, from the sparse index `due`. It is eventually consistent, so a
//! notification of the last second may be missing.

use futures_util::{StreamExt, TryStreamExt, future::try_join_all, stream};
use keysync::{
    domain::EpochMillis,
    ledger::{DueKey, Ledger, LedgerError, Pauses, Status, item::DUE_SHARDS},
};

use super::Listed;
use crate::{
    failure::Failure,
    table::{KeyRef, services},
};

/// Reads of items at the same time.
const CONCURRENT_READS: usize = 16;

/// All keys with a pending notification.
pub(super) async fn pending_keys(ledger: &Ledger) -> Result<Vec<DueKey>, Failure> {
    let shards = try_join_all((0..DUE_SHARDS).map(|shard| pending_in(ledger, shard))).await;
    Ok(shards.map_err(Failure::stopped)?.into_iter().flatten().collect())
}

async fn pending_in(ledger: &Ledger, shard: u128) -> Result<Vec<DueKey>, LedgerError> {
    let (mut keys, mut start) = (Vec::new(), None);
    loop {
        let page = ledger.pending(shard, start).await?;
        keys.extend(page.keys);
        start = page.next;
        if start.is_none() {
            return Ok(keys);
        }
    }
}

/// The pending services of a key, as far as the index has them.
pub(super) fn rows(due: DueKey, pauses: &Pauses) -> impl Iterator<Item = Listed> + use<'_> {
    let DueKey { instance, key, at, notified_at, pending, .. } = due;
    pending.into_iter().map(move |service| Listed {
        key: KeyRef { instance, key },
        paused: pauses.is_paused(&service),
        service: service.to_string(),
        state: Status::Pending,
        notified_at,
        attempts: None,
        next_attempt: Some(at),
        reason: None,
    })
}

/// Reads the item of each key.
pub(super) async fn read_keys(
    ledger: &Ledger,
    keys: Vec<DueKey>,
    pauses: &Pauses,
    now: EpochMillis,
) -> Result<Vec<Listed>, Failure> {
    let reads = stream::iter(keys).map(async |due| {
        let key = KeyRef { instance: due.instance, key: due.key };
        let Some(stored) = ledger.stored_key(due.instance, due.key).await? else { return Ok(Vec::new()) };
        let notified_at = stored.record.notified_at.unwrap_or(due.notified_at);
        let views = services(&stored, pauses, now).into_iter();
        Ok(views.map(|view| Listed::of(key, notified_at, view)).collect())
    });
    let rows: Result<Vec<Vec<Listed>>, LedgerError> =
        reads.buffer_unordered(CONCURRENT_READS).try_collect().await;
    Ok(rows.map_err(Failure::stopped)?.into_iter().flatten().collect())
}
