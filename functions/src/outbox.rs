//! Deliver and confirm: what follows every claim, whoever made it.

use crate::{
    deadline::Budget,
    ledger::{Ledger, Notification, Settled},
    notify::{Health, Notifier},
};

/// The ledger's outbox and the notifier that empties it.
#[derive(Debug)]
pub struct Outbox {
    /// The table.
    pub ledger: Ledger,
    /// What tells the services.
    pub notifier: Notifier,
}

impl Outbox {
    /// Tells the services of `notification` and writes down what came of it.
    ///
    /// It cannot fail: from its claim on, the notification is in the outbox, and what is not confirmed
    /// here is delivered again by redelivery. At worst a service hears it twice.
    pub async fn empty(
        &self,
        notification: &Notification,
        budget: Budget,
        health: Option<&Health>,
    ) -> Settled {
        let settled = self.notifier.deliver(notification, budget.for_callbacks(), health).await;
        let (key, claim) = (notification.key.crn.key, notification.claim);
        match self.ledger.confirm(notification, &settled).await {
            Ok(true) => {}
            Ok(false) => tracing::info!(%key, %claim, "superseded, or taken up by somebody else"),
            Err(error) => tracing::error!(%key, %claim, %error, "not confirmed: it will be delivered again"),
        }
        settled
    }
}
