//! Telling the associated services: what they are told, how it is signed, where it goes, what comes of it.

#[cfg(test)]
mod adversarial;
mod circuit_breaker;
mod client;
mod cloud_event;
mod jwks;
mod registry;
mod retry;
mod signature;
mod signing_key;
mod ssrf_guard;

pub use circuit_breaker::{CircuitBreakers, CircuitState};
pub use cloud_event::body as cloud_event_body;
pub use registry::{MAX_URL_BYTES, Registry, RegistryError};
pub use retry::RETRY_PERIOD;
pub use signature::Signed;
pub use signing_key::{
    SIGNING_KEY_SECRET, SecretError, SecretId, SigningKey, SigningKeyError, SigningKeySource, SigningKeys,
};
pub use ssrf_guard::{AddressPolicy, REFUSED};

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::{ClientBuilder, dns::Resolve};
use tokio::time::Instant;

use client::Delivery;
use retry::{is_last_attempt, settle};
use ssrf_guard::SsrfGuard;

use crate::{
    clock::Clock,
    domain::ServiceName,
    http_client,
    ledger::{Notification, Settled, Settlement, item::OutcomeStatus},
    telemetry::{self, CallbackMetrics, millis},
    trace_context::TraceContext,
};

/// The start of a client for callbacks, which finds addresses by `names`.
fn client(policy: AddressPolicy, names: impl Resolve + 'static) -> ClientBuilder {
    http_client::client()
        .dns_resolver(SsrfGuard::new(policy, names))
        .https_only(policy == AddressPolicy::PublicOnly)
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
        let http = client(policy, ssrf_guard::System).build()?;
        Ok(Self { registry, keys, http, callback_timeout, clock })
    }

    /// How long a service has to answer.
    #[must_use]
    pub fn callback_timeout(&self) -> Duration {
        self.callback_timeout
    }

    /// Tells every service that `notification` is due for, all at once, until `deadline` at the latest.
    /// What was not delivered comes back with its next try. `breakers` is what a run of many has learnt of
    /// the services; a single notification has nobody to hold up.
    pub async fn deliver(
        &self,
        notification: &Notification,
        trace: &TraceContext,
        deadline: Instant,
        breakers: Option<&CircuitBreakers>,
    ) -> Settled {
        let callbacks = notification.due(self.clock.now()).map(|(service, resources)| async move {
            let delivery = match breakers.map_or(CircuitState::Closed, |breakers| breakers.of(service)) {
                CircuitState::Closed => self.call(notification, service, resources, trace, deadline).await,
                CircuitState::Open => Delivery::Deferred { retry_after: None },
                // Nothing is given up because of what the service asked for over another notification.
                CircuitState::Paused(_) if is_last_attempt(notification, self.clock.now()) => {
                    self.call(notification, service, resources, trace, deadline).await
                }
                CircuitState::Paused(left) => Delivery::Deferred { retry_after: Some(left) },
            };
            if let Some(breakers) = breakers {
                breakers.learn(service, &delivery);
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
        trace: &TraceContext,
        deadline: Instant,
    ) -> Delivery {
        let event_id = notification.event_id(service).to_string();
        let before = notification.key.retries.get(service).map_or(0, |retry| retry.attempts);
        let started = Instant::now();
        let delivery = match self.registry.callback(service) {
            Some(url) => {
                let body = cloud_event::body(notification, &event_id, resources);
                let timeout = self.callback_timeout.min(deadline.saturating_duration_since(started));
                let signed = self.keys.sign(&event_id, self.clock.now(), body);
                client::attempt(&self.http, url, signed, trace, timeout).await
            }
            None => Delivery::failed("no callback address is configured for this service"),
        };
        let (outcome, reason) = (delivery.as_str(), delivery.reason());
        tracing::info!(
            service = %service, event_id, attempt = before + 1, outcome, reason,
            duration_ms = millis(started), "callback"
        );
        let has_failed = matches!(delivery, Delivery::Failed { .. });
        let (duration, is_retry) = (started.elapsed(), before > 0);
        telemetry::count_callback(CallbackMetrics { service, duration, is_retry, has_failed });
        delivery
    }

    fn settle(&self, notification: &Notification, service: &ServiceName, delivery: Delivery) -> Settlement {
        let settlement = settle(notification, service, delivery, self.clock.now());
        if let Some(outcome) = &settlement.outcome
            && outcome.status == OutcomeStatus::Failed
        {
            telemetry::count_exhausted(service);
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
    pub(crate) fn take_down(breakers: &CircuitBreakers, service: &ServiceName) {
        while breakers.of(service) == CircuitState::Closed {
            let reason = "answered 503".to_owned();
            breakers.learn(service, &Delivery::Failed { reason, retry_after: None, is_down: true });
        }
    }
}
