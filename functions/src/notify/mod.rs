//! Telling the associated services: what they are told, how it is signed, where it goes, what comes of it.

mod delivery;
mod event;
mod guard;
mod registry;
mod retry;
mod signature;

pub use guard::{AddressPolicy, REFUSED};
pub use registry::{Registry, RegistryError};
pub use signature::{SigningKey, SigningKeyError};

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

use delivery::Delivery;
use retry::settle;

use crate::{
    clock::Clock,
    key::ServiceName,
    ledger::{Notification, Settled, Settlement},
    telemetry::millis,
};

/// Delivers notifications.
#[derive(Debug)]
pub struct Notifier {
    registry: Registry,
    key: SigningKey,
    http: reqwest::Client,
    callback_timeout: Duration,
    clock: Clock,
}

impl Notifier {
    /// A notifier that calls the services of `registry` and gives each `callback_timeout` to answer.
    pub fn new(
        registry: Registry,
        key: SigningKey,
        policy: AddressPolicy,
        callback_timeout: Duration,
        clock: Clock,
    ) -> Result<Self, reqwest::Error> {
        let http = crate::outbound::client().dns_resolver(guard::Resolver::new(policy)).build()?;
        Ok(Self { registry, key, http, callback_timeout, clock })
    }

    /// Tells every service that `notification` is still pending for, all at once, until `deadline` at
    /// the latest. What was not delivered comes back with its next try.
    pub async fn deliver(&self, notification: &Notification, deadline: Instant) -> Settled {
        let callbacks = notification.pending().map(|(service, resources)| async move {
            let settlement = self.call(notification, service, resources, deadline).await;
            (service.clone(), settlement)
        });
        join_all(callbacks).await.into_iter().collect()
    }

    async fn call(
        &self,
        notification: &Notification,
        service: &ServiceName,
        resources: u64,
        deadline: Instant,
    ) -> Settlement {
        let event_id = event::id(notification.claim, service);
        let started = Instant::now();
        let delivery = match self.registry.callback(service) {
            Some(url) => {
                let body = event::body(notification, &event_id, resources);
                let timeout = self.callback_timeout.min(deadline.saturating_duration_since(started));
                let signed = self.key.sign(&event_id, self.clock.now(), body);
                delivery::attempt(&self.http, url, signed, timeout).await
            }
            None => Delivery::failed("no callback address is configured for this service"),
        };
        tracing::info!(
            service = %service, claim = %notification.claim, event_id, delivery = %delivery,
            duration_ms = millis(started), "callback"
        );
        settle(notification, service, event_id, delivery, self.clock.now())
    }
}
