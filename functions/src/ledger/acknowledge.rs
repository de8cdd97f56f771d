//! Acknowledgement: a service's word that it acted on what it was told.

use super::{
    Ledger, LedgerError,
    expression::{document, number, string},
    item::{Acknowledgement, has_crn},
    update::{Update, Updated},
};
use crate::domain::{EventId, KeyCrn};

/// The key is the one that is stored, not one of the same id in another account.
const IS_SAME_KEY: &str = "#crn = :crn";
/// The word is about the key's last notification, and comes from somebody who was, or is to be, told.
const IS_ABOUT_THIS: &str =
    "#claim = :claim AND (attribute_exists(#pending.#service) OR attribute_exists(#outcome.#service))";
/// It is not older than what the service has said since.
const IS_NEWS: &str = "(attribute_not_exists(#acknowledged.#service) OR #acknowledged.#service.#at < :at)";
const ACKNOWLEDGE: &str = "SET #acknowledged.#service = :acknowledgement";

/// The result of recording an acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledged {
    /// It is recorded.
    Recorded,
    /// It is known, about an older notification, or from a service that was never to be notified. Nothing
    /// was written.
    Stale,
    /// The stored key has another account, service or region. Nothing was written.
    CrnMismatch,
}

impl Ledger {
    /// Records an acknowledgement of `event`, which is about `key`.
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
        let condition = format!("{IS_SAME_KEY} AND {IS_ABOUT_THIS} AND {IS_NEWS}");
        let mut update = Update::new(&condition, ACKNOWLEDGE, values);
        update.names = vec![("#service".to_owned(), event.service.to_string())];
        Ok(match self.update(key.instance.instance, key.key, update).await? {
            Updated::Written(_) => Acknowledged::Recorded,
            Updated::Refused(Some(item)) if !has_crn(&item, key) => Acknowledged::CrnMismatch,
            Updated::Refused(_) => Acknowledged::Stale,
        })
    }
}
