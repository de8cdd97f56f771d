//! What a run of redelivery has learnt of each service, so that one that is down is not asked again and
//! again, and one that wants to be left alone is.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::delivery::{Delivery, LONGEST_HOLD};
use crate::key::ServiceName;

/// Failures in a row, each of the service as a whole, after which it counts as down for this run.
const DOWN_AFTER: u32 = 4;

/// How much sooner than the notification that was answered with `retry-after` the others of the service are due:
/// a service that fails over one of them and asks for time each time must not keep the rest waiting for ever.
pub(super) const OTHERS_FIRST: Duration = Duration::from_secs(1);

/// The services, as one run knows them.
#[derive(Debug, Default)]
pub struct Health(Mutex<BTreeMap<ServiceName, Known>>);

#[derive(Debug, Default)]
struct Known {
    failures_in_a_row: u32,
    left_alone_until: Option<Instant>,
}

/// How a service is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing is known against it.
    Up,
    /// It fails, whatever it is told.
    Down,
    /// It asked not to be called for so long.
    LeaveAlone(Duration),
}

impl Health {
    /// How `service` is.
    #[must_use]
    pub fn of(&self, service: &ServiceName) -> Standing {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = all.get(service) else { return Standing::Up };
        let left = known.left_alone_until.map(|until| until.saturating_duration_since(Instant::now()));
        match left.filter(|left| !left.is_zero()) {
            Some(left) => Standing::LeaveAlone(left),
            None if known.failures_in_a_row >= DOWN_AFTER => Standing::Down,
            None => Standing::Up,
        }
    }

    /// Learns from what came of a callback.
    pub(super) fn learn(&self, service: &ServiceName, delivery: &Delivery) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.entry(service.clone()).or_default();
        match delivery {
            Delivery::Failed { retry_after, is_down: true, .. } => {
                known.failures_in_a_row += 1;
                let asked = retry_after.map(|asked| asked.min(LONGEST_HOLD.saturating_sub(OTHERS_FIRST)));
                let until = asked.and_then(|asked| Instant::now().checked_add(asked));
                known.left_alone_until = known.left_alone_until.max(until);
            }
            Delivery::Deferred { .. } => {}
            _ => known.failures_in_a_row = 0,
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
    fn after(deliveries: impl IntoIterator<Item = Delivery>) -> Standing {
        let health = Health::default();
        for delivery in deliveries {
            health.learn(&service(), &delivery);
        }
        assert_eq!(health.of(&"databases".parse().unwrap()), Standing::Up, "another service");
        health.of(&service())
    }

    #[tokio::test]
    async fn a_service_that_fails_in_a_row_is_down() {
        let fails = |times| vec![down(None); times as usize];
        assert_eq!(after(fails(DOWN_AFTER - 1)), Standing::Up);
        assert_eq!(after(fails(DOWN_AFTER)), Standing::Down);
        let mended = [fails(DOWN_AFTER - 1), vec![Delivery::Delivered], fails(DOWN_AFTER - 1)].concat();
        assert_eq!(after(mended), Standing::Up);
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_asks_for_time_is_left_alone_for_as_long() {
        let (health, asked) = (Health::default(), Duration::from_mins(2));
        health.learn(&service(), &down(Some(asked)));
        health.learn(&service(), &down(Some(Duration::from_secs(1))));
        assert_eq!(health.of(&service()), Standing::LeaveAlone(asked));
        tokio::time::advance(asked).await;
        assert_eq!(health.of(&service()), Standing::Up);
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_is_left_alone_for_less_than_an_hour() {
        let health = Health::default();
        health.learn(&service(), &down(Some(LONGEST_HOLD)));
        assert_eq!(health.of(&service()), Standing::LeaveAlone(LONGEST_HOLD.saturating_sub(OTHERS_FIRST)));
    }

    #[tokio::test]
    async fn what_one_notification_is_refused_for_says_nothing_of_the_service() {
        assert_eq!(after(vec![Delivery::failed("answered 400"); 10]), Standing::Up);
    }
}
