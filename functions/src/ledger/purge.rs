//! The purge of a key, after which the key counts as absent. Its pending notification is still
//! delivered.

use std::time::Duration;

use super::{
    Ledger, LedgerError,
    expression::{number, string},
    item::has_crn,
    update::{Update, Updated},
};
use crate::domain::{EpochMillis, KeyCrn};

const IS_NOT_PURGED: &str = "#crn = :crn AND attribute_not_exists(#purged_at)";
const PURGE: &str = "SET #purged_at = :purged_at, #expires_at = :expires_at";

/// How long a purged key or an ended registration is stored. Longer than an event can be late:
/// EventBridge retries for 24 hours, and SQS keeps a message for 14 days, in the queue and again in
/// the dead-letter queue (`docs/reference/limits.md#remembered`).
pub(super) const TOMBSTONE_TTL: Duration = Duration::from_hours(24 * 35);

/// The result of recording a purge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purged {
    /// The purge was recorded.
    Recorded,
    /// The key was already purged. Nothing was written.
    Stale,
    /// The key is unknown. Nothing was written.
    UnknownKey,
    /// The stored key has another account, service or region. Nothing was written.
    CrnMismatch,
}

impl Ledger {
    /// Records that a key was purged. Delivery of its last notification continues.
    pub async fn purge(&self, crn: &KeyCrn, at: EpochMillis) -> Result<Purged, LedgerError> {
        let expires_at = at.plus(TOMBSTONE_TTL).secs();
        let values = vec![
            (":crn", string(crn)),
            (":purged_at", number(at.get())),
            (":expires_at", number(expires_at)),
        ];
        let update = Update::new(IS_NOT_PURGED, PURGE, values);
        Ok(match self.update(crn.instance.instance, crn.key, update).await? {
            Updated::Written(_) => Purged::Recorded,
            Updated::ConditionFailed(Some(item)) if !has_crn(&item, crn) => Purged::CrnMismatch,
            Updated::ConditionFailed(Some(_)) => Purged::Stale,
            Updated::ConditionFailed(None) => Purged::UnknownKey,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ledger::{
        DynamoDbClient,
        stub::{CRN, Step, Stub, condition_failed, item, with},
    };

    #[tokio::test]
    async fn failed_purge_has_its_reason() {
        let foreign = with(item(), json!({"crn": {"S": CRN.replace("abc123", "other")}}));
        for (step, expected) in [
            (Step::Respond(200, json!({"Attributes": item()})), Purged::Recorded),
            (condition_failed(Some(&item())), Purged::Stale),
            (condition_failed(Some(&foreign)), Purged::CrnMismatch),
            (condition_failed(None), Purged::UnknownKey),
        ] {
            let stub = Stub::with([step]);
            let ledger = stub.ledger(DynamoDbClient::Sdk);
            assert_eq!(ledger.purge(&CRN.parse().unwrap(), EpochMillis::new(1)).await, Ok(expected));
            let values = &stub.take_sent()[0].body["ExpressionAttributeValues"];
            assert_eq!(values[":expires_at"], json!({"N": "3024000"}), "35 days");
        }
    }
}
