//! Circuit breakers: the state of each service within one run of `redeliver`.
//!
//! A service that keeps failing gets no more attempts in the run, and one that sent `retry-after`
//! gets no request until that time has passed.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::client::{Delivery, FailureScope, MAX_RETRY_AFTER};
use crate::domain::ServiceName;

/// Consecutive failures of a service that open its circuit for the rest of the run
/// (`docs/reference/limits.md#circuit`).
const FAILURES_TO_OPEN: u32 = 4;

/// How much earlier than a delivery whose response had `retry-after` the service's other deliveries
/// are due. A service that rejects one notification with `retry-after` every time must not delay
/// the others forever (`docs/reference/limits.md#others-first`).
pub(super) const PEER_PRECEDENCE: Duration = Duration::from_secs(1);

/// The circuit breakers of one run, by service.
#[derive(Debug, Default)]
pub struct CircuitBreakers(Mutex<BTreeMap<ServiceName, Circuit>>);

#[derive(Debug, Default)]
struct Circuit {
    consecutive_failures: u32,
    held_until: Option<Instant>,
}

/// The state of a service's circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CircuitState {
    /// Attempts are made.
    Closed,
    /// The service failed several times in a row. No attempts are made in this run.
    Open,
    /// The service sent `retry-after`. No attempts are made for this time.
    Held(Duration),
}

impl CircuitBreakers {
    /// The state of the circuit of `service`.
    #[must_use]
    pub fn state(&self, service: &ServiceName) -> CircuitState {
        let circuits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(circuit) = circuits.get(service) else { return CircuitState::Closed };
        let hold = circuit.held_until.map(|until| until.saturating_duration_since(Instant::now()));
        match hold.filter(|hold| !hold.is_zero()) {
            Some(hold) => CircuitState::Held(hold),
            None if circuit.consecutive_failures >= FAILURES_TO_OPEN => CircuitState::Open,
            None => CircuitState::Closed,
        }
    }

    /// Updates the circuit of `service` with the result of an attempt.
    pub(super) fn record(&self, service: &ServiceName, delivery: &Delivery) {
        let mut circuits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let circuit = circuits.entry(service.clone()).or_default();
        match delivery {
            Delivery::Failed { retry_after, scope: FailureScope::Service, .. } => {
                circuit.consecutive_failures += 1;
                let limit = MAX_RETRY_AFTER.saturating_sub(PEER_PRECEDENCE);
                let hold = retry_after.map(|retry_after| retry_after.min(limit));
                let until = hold.and_then(|hold| Instant::now().checked_add(hold));
                circuit.held_until = circuit.held_until.max(until);
            }
            Delivery::Deferred { .. } | Delivery::Paused => {}
            _ => circuit.consecutive_failures = 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service() -> ServiceName {
        "cloud-object-storage".parse().unwrap()
    }

    fn unavailable(retry_after: Option<Duration>) -> Delivery {
        Delivery::Failed { reason: "responded with 503".into(), retry_after, scope: FailureScope::Service }
    }

    /// The state of the circuit after these deliveries.
    fn state_after(deliveries: impl IntoIterator<Item = Delivery>) -> CircuitState {
        let breakers = CircuitBreakers::default();
        for delivery in deliveries {
            breakers.record(&service(), &delivery);
        }
        assert_eq!(breakers.state(&"databases".parse().unwrap()), CircuitState::Closed, "another service");
        breakers.state(&service())
    }

    #[tokio::test]
    async fn consecutive_failures_open_the_circuit() {
        let failures = |times| vec![unavailable(None); times as usize];
        assert_eq!(state_after(failures(FAILURES_TO_OPEN - 1)), CircuitState::Closed);
        assert_eq!(state_after(failures(FAILURES_TO_OPEN)), CircuitState::Open);
        let interrupted =
            [failures(FAILURES_TO_OPEN - 1), vec![Delivery::Delivered], failures(FAILURES_TO_OPEN - 1)]
                .concat();
        assert_eq!(state_after(interrupted), CircuitState::Closed);
    }

    #[tokio::test(start_paused = true)]
    async fn retry_after_holds_the_service() {
        let (breakers, retry_after) = (CircuitBreakers::default(), Duration::from_mins(2));
        breakers.record(&service(), &unavailable(Some(retry_after)));
        breakers.record(&service(), &unavailable(Some(Duration::from_secs(1))));
        assert_eq!(breakers.state(&service()), CircuitState::Held(retry_after));
        tokio::time::advance(retry_after).await;
        assert_eq!(breakers.state(&service()), CircuitState::Closed);
    }

    #[tokio::test(start_paused = true)]
    async fn hold_is_shorter_than_one_hour() {
        let breakers = CircuitBreakers::default();
        breakers.record(&service(), &unavailable(Some(MAX_RETRY_AFTER)));
        assert_eq!(
            breakers.state(&service()),
            CircuitState::Held(MAX_RETRY_AFTER.saturating_sub(PEER_PRECEDENCE))
        );
    }

    #[tokio::test]
    async fn rejected_notification_keeps_the_circuit_closed() {
        assert_eq!(state_after(vec![Delivery::failed("responded with 400"); 10]), CircuitState::Closed);
    }

    #[tokio::test]
    async fn deferred_and_paused_deliveries_count_as_no_attempt() {
        for skipped in [Delivery::Deferred { retry_after: None }, Delivery::Paused] {
            let failures = vec![unavailable(None); FAILURES_TO_OPEN as usize - 1];
            assert_eq!(
                state_after([failures, vec![skipped, unavailable(None)]].concat()),
                CircuitState::Open
            );
        }
    }
}
