//! The lease: the right to settle an outbox that nobody confirmed, taken up by one conditional write.
//!
//! Any number of redeliveries may find the same due item; the first to move `due_at` into the future
//! makes the condition false for the others. Should it die, the lease runs out and the item is due again.
//! A lost answer is found out as in `claim.rs`: our own lease id on the item means that it is ours.

use std::time::Duration;

use super::{
    DueKey, Ledger, LedgerError, Notification,
    expression::{number, string},
    update::{Update, Updated},
};
use crate::domain::{EpochMillis, LeaseId};

/// Somebody has to do something about it, and nobody else has said since that they do.
const IS_DUE: &str = "#due_at <= :now";
const TAKE_UP: &str = "SET #lease = :lease, #due_at = :until";

impl Ledger {
    /// Takes up the notification of a key that is due. `None` where another redelivery, or a newer
    /// notification, was quicker.
    pub async fn lease(
        &self,
        due: &DueKey,
        lease: LeaseId,
        now: EpochMillis,
        time: Duration,
    ) -> Result<Option<Notification>, LedgerError> {
        let values = vec![
            (":now", number(now.get())),
            (":until", number(now.plus(time).get())),
            (":lease", string(lease)),
        ];
        match self.update(due.instance, due.key, Update::new(IS_DUE, TAKE_UP, values)).await? {
            Updated::Written(item) => Notification::read(item),
            Updated::Refused(None) => Ok(None),
            Updated::Refused(Some(item)) => {
                Ok(Notification::read(item)?.filter(|notification| notification.lease == lease))
            }
        }
    }
}
