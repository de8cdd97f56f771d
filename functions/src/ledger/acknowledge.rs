//! Acknowledgements: reports by services that they acted on a notification.

use std::time::Duration;

use super::{
    Ledger, LedgerError,
    expression::{document, number, string},
    item::{Acknowledgement, KeyRecord, has_crn},
    update::{Update, Updated},
};
use crate::domain::{EpochMillis, EventId, KeyCrn};

/// The stored key has the same CRN. A key with the same id in another account does not match.
const IS_SAME_KEY: &str = "#crn = :crn";
/// The acknowledged notification is the key's latest one, and it was sent to this service or is
/// pending for it.
const IS_LATEST_NOTIFICATION: &str =
    "#claim = :claim AND (attribute_exists(#pending.#service) OR attribute_exists(#outcome.#service))";
/// The acknowledgement is not earlier than the notification.
const IS_AFTER_NOTIFICATION: &str = "#notified_at <= :latest";
/// No acknowledgement by this service with the same or a later instant is stored.
const IS_NEWER: &str = "(attribute_not_exists(#acknowledged.#service) OR #acknowledged.#service.#at < :at)";
const ACKNOWLEDGE: &str = "SET #acknowledged.#service = :acknowledgement";

/// The result of recording an acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledged {
    /// The acknowledgement was recorded.
    Recorded,
    /// The acknowledgement is already recorded, belongs to an older notification, or comes from a
    /// service that the notification was not sent to. Nothing was written.
    Stale,
    /// The service claims to have acted before the notification was made. Nothing was written.
    BeforeNotification,
    /// The stored key has another account, service or region. Nothing was written.
    CrnMismatch,
}

impl Ledger {
    /// Records the acknowledgement of `event`, a notification of `key`.
    pub async fn acknowledge(
        &self,
        key: &KeyCrn,
        event: &EventId,
        acknowledgement: &Acknowledgement,
    ) -> Result<Acknowledged, LedgerError> {
        let values = vec![
            (":crn", string(key)),
            (":claim", string(event.claim)),
            (":at", number(acknowledgement.at.get())),
            (":latest", number(latest(acknowledgement.at).get())),
            (":acknowledgement", document(acknowledgement)?),
        ];
        let condition =
            format!("{IS_SAME_KEY} AND {IS_LATEST_NOTIFICATION} AND {IS_AFTER_NOTIFICATION} AND {IS_NEWER}");
        let mut update = Update::new(&condition, ACKNOWLEDGE, values);
        update.names = vec![("#service".to_owned(), event.service.to_string())];
        Ok(match self.update(key.instance.instance, key.key, update).await? {
            Updated::Written(_) => Acknowledged::Recorded,
            Updated::ConditionFailed(Some(item)) if !has_crn(&item, key) => Acknowledged::CrnMismatch,
            Updated::ConditionFailed(Some(item)) => {
                let key = KeyRecord::read(item)?;
                let is_latest = key.claim == Some(event.claim);
                match key.notified_at.filter(|_| is_latest) {
                    Some(notified_at) if latest(acknowledgement.at) < notified_at => {
                        Acknowledged::BeforeNotification
                    }
                    _ => Acknowledged::Stale,
                }
            }
            Updated::ConditionFailed(None) => Acknowledged::Stale,
        })
    }
}

/// The latest instant that `at` can mean: services often send whole seconds, and one of those covers
/// the second that it begins.
fn latest(at: EpochMillis) -> EpochMillis {
    if at == at.ceil_to_second() { at.plus(Duration::from_millis(999)) } else { at }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_second_covers_its_second() {
        for (at, expected) in [(5_000, 5_999), (5_001, 5_001), (5_999, 5_999)] {
            assert_eq!(latest(EpochMillis::new(at)), EpochMillis::new(expected));
        }
    }
}
