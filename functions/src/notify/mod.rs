//! Telling the associated services: what they are told, how it is signed, where it goes, what comes of it.

mod delivery;
mod event;
mod guard;
mod health;
#[cfg(test)]
mod hostile;
mod jwks;
mod registry;
mod retry;
mod signature;
mod signing_key;

pub use event::body as event_body;
pub use guard::{AddressPolicy, REFUSED};
pub use health::{Health, Standing};
pub use registry::{Registry, RegistryError};
pub use retry::GIVE_UP_AFTER;
pub use signature::Signed;
pub use signing_key::{SigningKey, SigningKeyError, SigningKeys};

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::{ClientBuilder, dns::Resolve};
use tokio::time::Instant;

use delivery::Delivery;
use guard::Guard;
use retry::{is_last_attempt, settle};

use crate::{
    clock::Clock,
    key::ServiceName,
    ledger::{Notification, Settled, Settlement, item::OutcomeStatus},
    outbound,
    telemetry::{self, millis},
    trace::Trace,
};

/// The start of a client for callbacks, which finds addresses by `names`.
fn client(policy: AddressPolicy, names: impl Resolve + 'static) -> ClientBuilder {
    outbound::client().dns_resolver(Guard::new(policy, names)).https_only(policy == AddressPolicy::PublicOnly)
}

/// Delivers notifications.
#[derive(Debug)]
pub struct Notifier {
    registry: Registry,
    keys: SigningKeys,
    http: reqwest::Client,
    callback_timeout: Duration,
    clock: Clock,
}

impl Notifier {
    /// A notifier that calls the services of `registry`, signs with each of `keys`, and gives each service `callback_timeout` to answer.
    pub fn new(
        registry: Registry,
        keys: SigningKeys,
        policy: AddressPolicy,
        callback_timeout: Duration,
        clock: Clock,
    ) -> Result<Self, reqwest::Error> {
        let http = client(policy, guard::System).build()?;
        Ok(Self { registry, keys, http, callback_timeout, clock })
    }

    /// How long a service has to answer.
    #[must_use]
    pub fn callback_timeout(&self) -> Duration {
        self.callback_timeout
    }

    /// Tells every service that `notification` is due for, all at once, until `deadline` at the latest.
    /// What was not delivered comes back with its next try. `health` is what a run of many has learnt of
    /// the services; a single notification has nobody to hold up.
    pub async fn deliver(
        &self,
        notification: &Notification,
        trace: &Trace,
        deadline: Instant,
        health: Option<&Health>,
    ) -> Settled {
        let callbacks = notification.due(self.clock.now()).map(|(service, resources)| async move {
            let delivery = match health.map_or(Standing::Up, |health| health.of(service)) {
                Standing::Up => self.call(notification, service, resources, trace, deadline).await,
                Standing::Down => Delivery::Deferred { retry_after: None },
                // Nothing is given up because of what the service asked for over another notification.
                Standing::LeaveAlone(_) if is_last_attempt(notification, self.clock.now()) => {
                    self.call(notification, service, resources, trace, deadline).await
                }
                Standing::LeaveAlone(left) => Delivery::Deferred { retry_after: Some(left) },
            };
            if let Some(health) = health {
                health.learn(service, &delivery);
            }
            (service.clone(), self.settle(notification, service, delivery))
        });
        join_all(callbacks).await.into_iter().collect()
    }

    async fn call(
        &self,
        notification: &Notification,
        service: &ServiceName,
        resources: u64,
        trace: &Trace,
        deadline: Instant,
    ) -> Delivery {
        let event_id = notification.event_id(service).to_string();
        let before = notification.key.retries.get(service).map_or(0, |retry| retry.attempts);
        let started = Instant::now();
        let delivery = match self.registry.callback(service) {
            Some(url) => {
                let body = event::body(notification, &event_id, resources);
                let timeout = self.callback_timeout.min(deadline.saturating_duration_since(started));
                let signed = self.keys.sign(&event_id, self.clock.now(), body);
                delivery::attempt(&self.http, url, signed, trace, timeout).await
            }
            None => Delivery::failed("no callback address is configured for this service"),
        };
        let (outcome, reason) = (delivery.as_str(), delivery.reason());
        tracing::info!(
            service = %service, event_id, attempt = before + 1, outcome, reason,
            duration_ms = millis(started), "callback"
        );
        let has_failed = matches!(delivery, Delivery::Failed { .. });
        telemetry::count_callback(service, started.elapsed(), before > 0, has_failed);
        delivery
    }

    fn settle(&self, notification: &Notification, service: &ServiceName, delivery: Delivery) -> Settlement {
        let settlement = settle(notification, service, delivery, self.clock.now());
        if let Some(outcome) = &settlement.outcome
            && outcome.status == OutcomeStatus::Failed
        {
            telemetry::count_given_up(service);
            tracing::error!(
                service = %service, event_id = outcome.event_id, attempt = outcome.attempts,
                outcome = "given_up", reason = outcome.reason,
                "given up after 24 hours: the service does not know of the key's last change"
            );
        }
        settlement
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Lets `service` fail until it counts as down.
    pub(crate) fn take_down(health: &Health, service: &ServiceName) {
        while health.of(service) == Standing::Up {
            let reason = "answered 503".to_owned();
            health.learn(service, &Delivery::Failed { reason, retry_after: None, is_down: true });
        }
    }
}
