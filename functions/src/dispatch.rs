//! Deliver and confirm: what follows every claim, whoever made it.

use tracing::Span;

use crate::{
    delivery::{CircuitBreakers, Notifier},
    ledger::{Ledger, Notification, Settled},
    time_budget::TimeBudget,
    trace_context::TraceContext,
};

/// The ledger's outbox and the notifier that empties it.
#[derive(Debug)]
pub struct Dispatcher {
    /// The table.
    pub ledger: Ledger,
    /// What tells the services.
    pub notifier: Notifier,
}

impl Dispatcher {
    /// Tells the services of `notification` and writes down what came of it.
    ///
    /// It cannot fail: from its claim on, the notification is in the outbox, and what is not confirmed
    /// here is delivered again by redelivery. At worst a service hears it twice.
    ///
    /// Its lines in the log are those of the span that it is called in, which gets to know key and claim.
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
            Ok(true) => {}
            Ok(false) => tracing::info!("superseded, or taken up by somebody else"),
            Err(error) => tracing::error!(%error, "not confirmed: it will be delivered again"),
        }
        settled
    }
}
