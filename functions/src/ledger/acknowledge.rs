//! Acknowledgement: a service's word that it acted on what it was told.

use super::{
    Ledger, LedgerError,
    expression::{document, number, string},
    item::Acknowledgement,
    update::{Update, Updated},
};
use crate::key::{EventId, InstanceId};

/// The word is about the key's last notification, and comes from somebody who was, or is to be, told.
const IS_ABOUT_THIS: &str =
    "#claim = :claim AND (attribute_exists(#pending.#service) OR attribute_exists(#outcome.#service))";
/// It is not older than what the service has said since.
const IS_NEWS: &str = "(attribute_not_exists(#acknowledged.#service) OR #acknowledged.#service.#at < :at)";
const ACKNOWLEDGE: &str = "SET #acknowledged.#service = :acknowledgement";

impl Ledger {
    /// Takes note of an acknowledgement. False where it is known, about an older notification, or from a
    /// service that was never to be told: nothing was written.
    pub async fn acknowledge(
        &self,
        instance: InstanceId,
        event: &EventId,
        acknowledgement: &Acknowledgement,
    ) -> Result<bool, LedgerError> {
        let values = vec![
            (":claim", string(event.claim)),
            (":at", number(acknowledgement.at.get())),
            (":acknowledgement", document(acknowledgement)?),
        ];
        let condition = format!("{IS_ABOUT_THIS} AND {IS_NEWS}");
        let mut update = Update::new(&condition, ACKNOWLEDGE, values);
        update.names = vec![("#service".to_owned(), event.service.to_string())];
        update.is_read = false;
        Ok(matches!(self.update(instance, event.key, update).await?, Updated::Written(_)))
    }
}
