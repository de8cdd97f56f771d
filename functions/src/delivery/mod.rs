//! Delivery of notifications to associated services: event, signature, callback, retry schedule.

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
pub use client::parse_retry_after;
pub use cloud_event::body as cloud_event_body;
pub use registry::{MAX_URL_BYTES, Registry, RegistryError, Service};
pub use retry::RETRY_PERIOD;
pub use signature::Signed;
pub use signing_key::{
    KeySource, SERVICE_SECRETS, SIGNING_KEY_SECRET, SecretError, SecretId, SigningKey, SigningKeyError,
    SigningKeySource, SigningKeys, SymmetricKeyError, SymmetricKeySource,
};
pub use ssrf_guard::{AddressPolicy, NO_PUBLIC_ADDRESS};

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

use client::Delivery;
use retry::{is_last_attempt, settle};
use ssrf_guard::SsrfGuard;

use crate::{
    clock::Clock,
    domain::{EpochMillis, ServiceName},
    http_client::{HttpClient, Pool, Resolve, SystemResolver},
    ledger::{Notification, Pauses, Settled, Settlement, item::OutcomeStatus},
    telemetry::{self, AttemptKind, AttemptResult, millis},
    trace_context::TraceContext,
};

/// A client as callbacks use it: behind the SSRF guard, without redirects and proxies.
#[must_use]
pub fn callback_client(policy: AddressPolicy) -> HttpClient {
    HttpClient::connecting(|pool| guarded(pool, policy, SystemResolver))
}

/// A pool for callbacks, which resolves names with `resolver`.
fn guarded(pool: Pool, policy: AddressPolicy, resolver: impl Resolve + 'static) -> Pool {
    pool.resolver(SsrfGuard::new(policy, resolver)).https_only(policy == AddressPolicy::PublicOnly)
}

/// Delivers notifications.
#[derive(Debug)]
pub struct Notifier {
    registry: Registry,
    keys: SigningKeys,
    http: HttpClient,
    callback_timeout: Duration,
    clock: Clock,
}

impl Notifier {
    /// A notifier that calls the services of `registry` and signs with each of `keys`. An attempt
    /// takes at most `callback_timeout`, or the service's own timeout.
    #[must_use]
    pub fn new(
        registry: Registry,
        keys: SigningKeys,
        policy: AddressPolicy,
        callback_timeout: Duration,
        clock: Clock,
    ) -> Self {
        Self::with_client(registry, keys, callback_client(policy), callback_timeout, clock)
    }

    /// A notifier whose callbacks `http` sends.
    #[must_use]
    pub fn with_client(
        registry: Registry,
        keys: SigningKeys,
        http: HttpClient,
        callback_timeout: Duration,
        clock: Clock,
    ) -> Self {
        Self { registry, keys, http, callback_timeout, clock }
    }

    /// The time limit of an attempt at any service.
    #[must_use]
    pub fn longest_timeout(&self) -> Duration {
        let own = self.registry.services().filter_map(|(_, service)| service.timeout);
        own.fold(self.callback_timeout, Duration::max)
    }

    /// Whether `service` is configured to acknowledge its notifications.
    #[must_use]
    pub fn acknowledges(&self, service: &ServiceName) -> bool {
        self.registry.get(service).is_some_and(|service| service.acknowledges)
    }

    /// Delivers `notification` to every service for which it is due, in parallel, and ends at
    /// `deadline`. The result of a failed attempt includes the next attempt. `breakers` are those
    /// of a run of `redeliver`; `None` for a single notification. No service in `pauses` is called.
    pub async fn deliver(
        &self,
        notification: &Notification,
        trace: &TraceContext,
        deadline: Instant,
        breakers: Option<&CircuitBreakers>,
        pauses: &Pauses,
    ) -> Settled {
        let callbacks = notification.due(self.clock.now()).map(|(service, resources)| async move {
            let since = pauses.retried_since(notification, service);
            let delivery = match breakers.map_or(CircuitState::Closed, |breakers| breakers.state(service)) {
                _ if pauses.is_paused(service) => Delivery::Paused,
                CircuitState::Closed => self.call(notification, service, resources, trace, deadline).await,
                CircuitState::Open => Delivery::Deferred { retry_after: None },
                // The last attempt is made even if the service asked for a longer wait.
                CircuitState::Held(_) if is_last_attempt(since, self.clock.now()) => {
                    self.call(notification, service, resources, trace, deadline).await
                }
                CircuitState::Held(hold) => Delivery::Deferred { retry_after: Some(hold) },
            };
            if let Some(breakers) = breakers {
                breakers.record(service, &delivery);
            }
            (service.clone(), self.settle(notification, service, delivery, since))
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
        let event_id = notification.event_id(service);
        let attempts_before = notification.key.retries.get(service).map_or(0, |retry| retry.attempts);
        let started = Instant::now();
        let delivery = match self.registry.get(service) {
            Some(registered) => {
                let body = cloud_event::body(notification, &event_id, resources);
                let limit = registered.timeout.unwrap_or(self.callback_timeout);
                let timeout = limit.min(deadline.saturating_duration_since(started));
                let signed = self.keys.sign(&event_id, self.clock.now(), body);
                client::attempt(&self.http, &registered.url, signed, trace, timeout).await
            }
            None => Delivery::failed("no callback address is configured for this service"),
        };
        let (outcome, reason) = (delivery.as_str(), delivery.reason());
        tracing::info!(
            service = %service, %event_id, attempt = attempts_before + 1, outcome, reason,
            duration_ms = millis(started), "callback"
        );
        let kind = if attempts_before > 0 { AttemptKind::Retry } else { AttemptKind::First };
        let result = match delivery {
            Delivery::Failed { .. } => AttemptResult::Failed,
            _ => AttemptResult::Settled,
        };
        telemetry::count_callback(service, started.elapsed(), kind, result);
        delivery
    }

    /// Determines the effect of a result. `since`: the instant from which retries count.
    fn settle(
        &self,
        notification: &Notification,
        service: &ServiceName,
        delivery: Delivery,
        since: EpochMillis,
    ) -> Settlement {
        let settlement = settle(notification, service, delivery, since, self.clock.now());
        if let Some(outcome) = &settlement.outcome
            && outcome.status == OutcomeStatus::Failed
        {
            telemetry::count_exhausted(service);
            tracing::error!(
                service = %service, event_id = outcome.event_id, attempt = outcome.attempts,
                outcome = "exhausted", reason = outcome.reason,
                "retries exhausted after 24 hours; the service does not have the key's latest state"
            );
        }
        settlement
    }
}

#[cfg(test)]
pub(crate) mod tests;
