//! What a run of redelivery has learnt of each service, so that one that is down is not asked again and
//! again, and one that wants to be left alone is.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::client::{Delivery, MAX_RETRY_AFTER};
use crate::domain::ServiceName;

/// Failures in a row, each of the service as a whole, after which it counts as down for this run.
const FAILURES_TO_OPEN: u32 = 4;

/// How much sooner than the notification that was answered with `retry-after` the others of the service are due:
/// a service that fails over one of them and asks for time each time must not keep the rest waiting for ever.
pub(super) const PEERS_FIRST: Duration = Duration::from_secs(1);

/// The services, as one run knows them.
#[derive(Debug, Default)]
pub struct CircuitBreakers(Mutex<BTreeMap<ServiceName, Circuit>>);

#[derive(Debug, Default)]
struct Circuit {
    failures_in_a_row: u32,
    paused_until: Option<Instant>,
}

/// How a service is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CircuitState {
    /// Nothing is circuit against it.
    Closed,
    /// It fails, whatever it is told.
    Open,
    /// It asked not to be called for so long.
    Paused(Duration),
}

impl CircuitBreakers {
    /// How `service` is.
    #[must_use]
    pub fn of(&self, service: &ServiceName) -> CircuitState {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(circuit) = all.get(service) else { return CircuitState::Closed };
        let left = circuit.paused_until.map(|until| until.saturating_duration_since(Instant::now()));
        match left.filter(|left| !left.is_zero()) {
            Some(left) => CircuitState::Paused(left),
            None if circuit.failures_in_a_row >= FAILURES_TO_OPEN => CircuitState::Open,
            None => CircuitState::Closed,
        }
    }

    /// Learns from what came of a callback.
    pub(super) fn learn(&self, service: &ServiceName, delivery: &Delivery) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let circuit = all.entry(service.clone()).or_default();
        match delivery {
            Delivery::Failed { retry_after, is_down: true, .. } => {
                circuit.failures_in_a_row += 1;
                let audited =
                    retry_after.map(|audited| audited.min(MAX_RETRY_AFTER.saturating_sub(PEERS_FIRST)));
                let until = audited.and_then(|audited| Instant::now().checked_add(audited));
                circuit.paused_until = circuit.paused_until.max(until);
            }
            Delivery::Deferred { .. } => {}
            _ => circuit.failures_in_a_row = 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service() -> ServiceName {
        "cloud-object-storage".parse().unwrap()
    }

    fn down(retry_after: Option<Duration>) -> Delivery {
        Delivery::Failed { reason: "answered 503".into(), retry_after, is_down: true }
    }

    /// Its standing after these.
    fn after(deliveries: impl IntoIterator<Item = Delivery>) -> CircuitState {
        let breakers = CircuitBreakers::default();
        for delivery in deliveries {
            breakers.learn(&service(), &delivery);
        }
        assert_eq!(breakers.of(&"databases".parse().unwrap()), CircuitState::Closed, "another service");
        breakers.of(&service())
    }

    #[tokio::test]
    async fn a_service_that_fails_in_a_row_is_down() {
        let fails = |times| vec![down(None); times as usize];
        assert_eq!(after(fails(FAILURES_TO_OPEN - 1)), CircuitState::Closed);
        assert_eq!(after(fails(FAILURES_TO_OPEN)), CircuitState::Open);
        let mended =
            [fails(FAILURES_TO_OPEN - 1), vec![Delivery::Delivered], fails(FAILURES_TO_OPEN - 1)].concat();
        assert_eq!(after(mended), CircuitState::Closed);
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_asks_for_time_is_left_alone_for_as_long() {
        let (breakers, audited) = (CircuitBreakers::default(), Duration::from_mins(2));
        breakers.learn(&service(), &down(Some(audited)));
        breakers.learn(&service(), &down(Some(Duration::from_secs(1))));
        assert_eq!(breakers.of(&service()), CircuitState::Paused(audited));
        tokio::time::advance(audited).await;
        assert_eq!(breakers.of(&service()), CircuitState::Closed);
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_is_left_alone_for_less_than_an_hour() {
        let breakers = CircuitBreakers::default();
        breakers.learn(&service(), &down(Some(MAX_RETRY_AFTER)));
        assert_eq!(
            breakers.of(&service()),
            CircuitState::Paused(MAX_RETRY_AFTER.saturating_sub(PEERS_FIRST))
        );
    }

    #[tokio::test]
    async fn what_one_notification_is_refused_for_says_nothing_of_the_service() {
        assert_eq!(after(vec![Delivery::failed("answered 400"); 10]), CircuitState::Closed);
    }
}
