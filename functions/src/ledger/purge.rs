//! A purge: from then on the key counts as absent. What is still pending of it is not lost with it.

use std::time::Duration;

use super::{
    Ledger, LedgerError,
    expression::{number, string},
    item::has_crn,
    update::{Update, Updated},
};
use crate::domain::{EpochMillis, KeyCrn};

const IS_THERE: &str = "#crn = :crn AND attribute_not_exists(#purged_at)";
const PURGE: &str = "SET #purged_at = :purged_at, #expires_at = :expires_at";

/// How long a purged key is remembered. Longer than events can be late: EventBridge retries for a day,
/// and SQS keeps messages for 14 days, in the queue and once more in the dead-letter queue.
pub(super) const TOMBSTONE_TTL: Duration = Duration::from_hours(24 * 35);

/// What became of a purge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purged {
    /// The key is gone.
    Gone,
    /// It was already.
    Stale,
    /// Nothing is known of such a key.
    Unknown,
    /// The stored key has another account, service or region. Nothing was written.
    CrnMismatch,
}

impl Ledger {
    /// Marks a key as purged. Its last notification goes on until everybody was told.
    pub async fn purge(&self, crn: &KeyCrn, at: EpochMillis) -> Result<Purged, LedgerError> {
        let expires_at = at.plus(TOMBSTONE_TTL).secs();
        let values = vec![
            (":crn", string(crn)),
            (":purged_at", number(at.get())),
            (":expires_at", number(expires_at)),
        ];
        let update = Update::new(IS_THERE, PURGE, values);
        Ok(match self.update(crn.instance.instance, crn.key, update).await? {
            Updated::Written(_) => Purged::Gone,
            Updated::Refused(Some(item)) if !has_crn(&item, crn) => Purged::CrnMismatch,
            Updated::Refused(Some(_)) => Purged::Stale,
            Updated::Refused(None) => Purged::Unknown,
        })
    }
}
