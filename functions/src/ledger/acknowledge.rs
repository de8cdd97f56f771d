//! Acknowledgements: reports by services that they acted on a notification.

use super::{
    Ledger, LedgerError,
    expression::{document, number, string},
    item::{Acknowledgement, has_crn},
    update::{Update, Updated},
};
use crate::domain::{EventId, KeyCrn};

/// The stored key has the same CRN. A key with the same id in another account does not match.
const IS_SAME_KEY: &str = "#crn = :crn";
/// The acknowledged notification is the key's latest one, and it was sent to this service or is
/// pending for it.
const IS_LATEST_NOTIFICATION: &str =
    "#claim = :claim AND (attribute_exists(#pending.#service) OR attribute_exists(#outcome.#service))";
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
            (":acknowledgement", document(acknowledgement)?),
        ];
        let condition = format!("{IS_SAME_KEY} AND {IS_LATEST_NOTIFICATION} AND {IS_NEWER}");
        let mut update = Update::new(&condition, ACKNOWLEDGE, values);
        update.names = vec![("#service".to_owned(), event.service.to_string())];
        Ok(match self.update(key.instance.instance, key.key, update).await? {
            Updated::Written(_) => Acknowledged::Recorded,
            Updated::ConditionFailed(Some(item)) if !has_crn(&item, key) => Acknowledged::CrnMismatch,
            Updated::ConditionFailed(_) => Acknowledged::Stale,
        })
    }
}
