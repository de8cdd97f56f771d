//! The lease: the right to confirm a due notification, acquired with one conditional write.
//!
//! Any number of runs of `redeliver` may read the same due item. The first one that moves `due_at`
//! into the future makes the condition false for the others. If its process dies, the lease ends
//! and the item is due again. A lost response is detected as in `claim.rs`: if the item has this
//! request's lease id, the lease was acquired.

use std::time::Duration;

use super::{
    DueKey, Ledger, LedgerError, Notification,
    expression::{number, string},
    update::{Update, Updated},
};
use crate::domain::{EpochMillis, LeaseId};

/// The notification is due, and no other process has leased it since the index was read.
const IS_DUE: &str = "#due_at <= :now";
const ACQUIRE_LEASE: &str = "SET #lease = :lease, #due_at = :until";

impl Ledger {
    /// Leases the notification of a due key for `duration`. `None` if another process holds the
    /// lease or a newer notification has replaced it.
    pub async fn lease(
        &self,
        due: &DueKey,
        lease: LeaseId,
        now: EpochMillis,
        duration: Duration,
    ) -> Result<Option<Notification>, LedgerError> {
        let values = vec![
            (":now", number(now.get())),
            (":until", number(now.plus(duration).get())),
            (":lease", string(lease)),
        ];
        match self.update(due.instance, due.key, Update::new(IS_DUE, ACQUIRE_LEASE, values)).await? {
            Updated::Written(item) => Notification::read(item),
            Updated::ConditionFailed(None) => Ok(None),
            Updated::ConditionFailed(Some(item)) => {
                Ok(Notification::read(item)?.filter(|notification| notification.lease == lease))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        domain::EpochMillis,
        ledger::{
            Awaits, DynamoDbClient,
            item::tests::notification,
            stub::{CRN, Step, Stub, condition_failed, item, with},
        },
    };

    #[tokio::test]
    async fn lost_response_leaves_the_lease_to_its_process() {
        let lease = LeaseId::unique();
        let leased = with(item(), json!({"lease": {"S": lease.to_string()}}));
        let crn: crate::domain::KeyCrn = CRN.parse().unwrap();
        let due = DueKey {
            instance: crn.instance.instance,
            key: crn.key,
            awaits: Awaits::Delivery,
            at: EpochMillis::new(1),
            notified_at: notification().at,
            pending: Vec::new(),
        };
        for (step, expected) in [
            (Step::Respond(200, json!({"Attributes": leased})), Some(lease)),
            (condition_failed(Some(&leased)), Some(lease)),
            (condition_failed(Some(&item())), None),
            (condition_failed(None), None),
        ] {
            let ledger = Stub::with([step]).ledger(DynamoDbClient::Sdk);
            let leased = ledger.lease(&due, lease, EpochMillis::new(1), Duration::from_secs(30)).await;
            assert_eq!(leased.unwrap().map(|notification| notification.lease), expected);
        }
    }
}
