//! Bulkheads: a service that is slow or down takes its own share of a redelivery run and no more.
//!
//! A run works on many notifications at once, and each of them may have to be told to a service that
//! hangs. Without a bound these would, in time, be all that the run is working on. So each service has a
//! number of places; who finds none free waits a moment and then leaves that service for the next run.
//! A service that failed several times in a row, or asked to be left alone, is left alone at once.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout},
};

use super::delivery::Delivery;
use crate::key::ServiceName;

/// Callbacks to one service at once.
const PLACES: usize = 32;
/// How long a callback waits for a place. A service that answers at all has a place free by then.
const PATIENCE: Duration = Duration::from_millis(250);
/// Failures in a row, each of the service as a whole, after which it counts as down.
const DOWN_AFTER: u32 = 8;
/// How long it then does, unless it has asked for more. Longer than a run: the next one tries again.
const DOWN_FOR: Duration = Duration::from_mins(15);

/// The bulkheads of one run, or none.
#[derive(Debug)]
pub struct Bulkheads(Option<Mutex<BTreeMap<ServiceName, Arc<Bulkhead>>>>);

#[derive(Debug)]
struct Bulkhead {
    places: Arc<Semaphore>,
    health: Mutex<Health>,
}

#[derive(Debug, Default)]
struct Health {
    failures_in_a_row: u32,
    left_alone_until: Option<Instant>,
    asked_for_it: bool,
}

/// A place at a service; it is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place(Option<(Arc<Bulkhead>, OwnedSemaphorePermit)>);

impl Bulkheads {
    /// For one run of redelivery.
    #[must_use]
    pub fn for_a_run() -> Self {
        Self(Some(Mutex::default()))
    }

    /// For a single notification, which has nobody to hold up.
    #[must_use]
    pub const fn none() -> Self {
        Self(None)
    }

    /// A place at `service`, or why there is none.
    pub(super) async fn enter(&self, service: &ServiceName) -> Result<Place, Delivery> {
        let Some(all) = &self.0 else { return Ok(Place(None)) };
        let bulkhead = {
            let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(service.clone()).or_insert_with(Bulkhead::new))
        };
        bulkhead.health()?;
        match timeout(PATIENCE, Arc::clone(&bulkhead.places).acquire_owned()).await {
            Ok(Ok(permit)) => {
                bulkhead.health()?; // it may have gone down while we waited
                Ok(Place(Some((bulkhead, permit))))
            }
            _ => Err(Delivery::Deferred { retry_after: None }),
        }
    }
}

impl Place {
    /// Gives the place back, with what came of the callback.
    pub(super) fn leave(self, delivery: &Delivery) {
        if let Some((bulkhead, _permit)) = self.0 {
            bulkhead.learn(delivery);
        }
    }
}

impl Bulkhead {
    fn new() -> Arc<Self> {
        Arc::new(Self { places: Arc::new(Semaphore::new(PLACES)), health: Mutex::default() })
    }

    /// An error where the service is to be left alone.
    fn health(&self) -> Result<(), Delivery> {
        let health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        let left = health.left_alone_until.map(|until| until.saturating_duration_since(Instant::now()));
        match left.filter(|left| !left.is_zero()) {
            Some(left) => Err(Delivery::Deferred { retry_after: health.asked_for_it.then_some(left) }),
            None => Ok(()),
        }
    }

    fn learn(&self, delivery: &Delivery) {
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        let Delivery::Failed { retry_after, is_down: true, .. } = delivery else {
            health.failures_in_a_row = 0;
            return;
        };
        health.failures_in_a_row += 1;
        if let Some(asked) = retry_after {
            health.left_alone_until = Instant::now().checked_add(*asked);
            health.asked_for_it = true;
        } else if health.failures_in_a_row >= DOWN_AFTER && health.left_alone_until.is_none() {
            health.left_alone_until = Some(Instant::now() + DOWN_FOR);
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

    #[tokio::test(start_paused = true)]
    async fn a_service_has_its_places_and_no_more() {
        let bulkheads = Bulkheads::for_a_run();
        let mut places = Vec::new();
        for _ in 0..PLACES {
            places.push(bulkheads.enter(&service()).await.unwrap());
        }
        let deferred = bulkheads.enter(&service()).await.unwrap_err();
        assert_eq!(deferred, Delivery::Deferred { retry_after: None });
        assert!(bulkheads.enter(&"databases".parse().unwrap()).await.is_ok(), "another service has its own");
        places.pop().unwrap().leave(&Delivery::Delivered);
        assert!(bulkheads.enter(&service()).await.is_ok(), "a place came free");
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_fails_in_a_row_is_left_alone() {
        let bulkheads = Bulkheads::for_a_run();
        for _ in 1..DOWN_AFTER {
            bulkheads.enter(&service()).await.unwrap().leave(&down(None));
        }
        bulkheads.enter(&service()).await.unwrap().leave(&Delivery::Delivered);
        for _ in 0..DOWN_AFTER {
            bulkheads.enter(&service()).await.unwrap().leave(&down(None));
        }
        assert_eq!(bulkheads.enter(&service()).await.unwrap_err(), Delivery::Deferred { retry_after: None });
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_asks_for_time_is_left_alone_for_as_long() {
        let bulkheads = Bulkheads::for_a_run();
        let asked = Duration::from_secs(120);
        bulkheads.enter(&service()).await.unwrap().leave(&down(Some(asked)));
        assert_eq!(
            bulkheads.enter(&service()).await.unwrap_err(),
            Delivery::Deferred { retry_after: Some(asked) }
        );
        tokio::time::advance(asked).await;
        assert!(bulkheads.enter(&service()).await.is_ok());
    }

    #[tokio::test]
    async fn what_one_notification_is_refused_for_says_nothing_of_the_service() {
        let bulkheads = Bulkheads::for_a_run();
        for _ in 0..2 * DOWN_AFTER {
            bulkheads.enter(&service()).await.unwrap().leave(&Delivery::failed("answered 400"));
        }
        assert!(bulkheads.enter(&service()).await.is_ok());
    }
}
