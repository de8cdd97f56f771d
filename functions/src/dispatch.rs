//! Dispatch: deliver a claimed notification, then confirm it. Every claim is followed by a
//! dispatch: of a sync, of a lifecycle event and of a redelivery.

use tracing::Span;

use crate::{
    delivery::{CircuitBreakers, Notifier},
    ledger::{Confirmed, Ledger, Notification, Settled},
    time_budget::TimeBudget,
    trace_context::TraceContext,
};

/// Delivers the notifications of the transactional outbox.
#[derive(Debug)]
pub struct Dispatcher {
    /// The table that holds the outbox.
    pub ledger: Ledger,
    /// The client that calls the services.
    pub notifier: Notifier,
}

impl Dispatcher {
    /// Delivers `notification` to its services and records the results.
    ///
    /// Infallible: since its claim, the notification is in the outbox, and `redeliver` delivers
    /// again what is not confirmed here. Delivery is therefore at least once.
    ///
    /// Adds `key` and `claim` to the current span, in which the log lines are written.
    pub async fn deliver_and_confirm(
        &self,
        notification: &Notification,
        trace: &TraceContext,
        budget: TimeBudget,
        breakers: Option<&CircuitBreakers>,
    ) -> Settled {
        let (key, claim) = (notification.key.crn.key, notification.claim);
        let span = Span::current();
        tracing::record_all!(span, key = %key, claim = %claim);
        let settled = self.notifier.deliver(notification, trace, budget.delivery_deadline(), breakers).await;
        match self.ledger.confirm(notification, &settled).await {
            Ok(Confirmed::Recorded) => {}
            Ok(Confirmed::Superseded) => tracing::info!("confirmation rejected: lease or claim superseded"),
            Err(error) => tracing::error!(
                %error,
                "confirmation failed; notification stays pending and will be redelivered"
            ),
        }
        settled
    }
}
