//! When a callback that failed is tried again, and when it is given up.
//!
//! Full jitter: a random instant up to a bound that doubles with each attempt, so that a service that
//! comes back is not met by everybody at once.

use std::time::Duration;

use super::delivery::Delivery;
use crate::{
    key::{EpochMillis, ServiceName},
    ledger::{
        Notification, Settlement,
        item::{Outcome, OutcomeStatus},
    },
};

/// The bound after the first attempt; redelivery looks every minute.
const FIRST_BOUND: Duration = Duration::from_mins(1);
/// The largest bound.
const LARGEST_BOUND: Duration = Duration::from_hours(1);
/// How long a notification is retried, from its claim on (contract section 2).
const GIVE_UP_AFTER: Duration = Duration::from_hours(24);

/// What `delivery` means for the service's place in the outbox.
pub(super) fn settle(
    notification: &Notification,
    service: &ServiceName,
    event_id: String,
    delivery: Delivery,
    now: EpochMillis,
) -> Settlement {
    let attempts = notification.key.retries.get(service).map_or(0, |retry| retry.attempts) + 1;
    let (status, reason, next_at) = match delivery {
        Delivery::Delivered => (OutcomeStatus::Delivered, None, None),
        Delivery::Refused => (OutcomeStatus::Refused, Some("answered 410".to_owned()), None),
        Delivery::Failed { reason, retry_after } => {
            let wait = backoff(attempts, fastrand::f64()).max(retry_after.unwrap_or_default());
            let last = notification.at.plus(GIVE_UP_AFTER);
            if now >= last {
                (OutcomeStatus::Failed, Some(reason), None)
            } else {
                // A try at the very end at the latest, however long the service asked us to wait.
                (OutcomeStatus::Retrying, Some(reason), Some(now.plus(wait).min(last)))
            }
        }
    };
    Settlement { outcome: Outcome { event_id, status, at: now, attempts, reason }, next_at }
}

/// A wait of up to one minute after the first attempt, two after the second, … an hour at the most.
/// `random` is in 0..1.
fn backoff(attempts: u32, random: f64) -> Duration {
    let doublings = attempts.saturating_sub(1).min(16);
    (FIRST_BOUND * 2_u32.pow(doublings)).min(LARGEST_BOUND).mul_f64(random)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::item::tests::notification;

    fn settle_at(delivery: Delivery, after: Duration) -> Settlement {
        let notification = notification();
        let service = "cloud-object-storage".parse().unwrap();
        settle(&notification, &service, "e".into(), delivery, notification.at.plus(after))
    }

    #[test]
    fn the_bound_doubles_up_to_an_hour() {
        let minutes: Vec<u64> = (1..=8).map(|attempts| backoff(attempts, 1.0).as_secs() / 60).collect();
        assert_eq!(minutes, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(backoff(u32::MAX, 1.0), LARGEST_BOUND);
        assert_eq!(backoff(3, 0.5), Duration::from_mins(2));
    }

    #[test]
    fn what_is_settled_is_not_tried_again() {
        for (delivery, status) in
            [(Delivery::Delivered, OutcomeStatus::Delivered), (Delivery::Refused, OutcomeStatus::Refused)]
        {
            let settlement = settle_at(delivery, Duration::ZERO);
            assert_eq!((settlement.outcome.status, settlement.next_at), (status, None));
        }
    }

    #[test]
    fn a_service_that_asks_for_time_gets_it() {
        let asked = Duration::from_hours(2);
        let delivery = Delivery::Failed { reason: "answered 503".into(), retry_after: Some(asked) };
        assert_eq!(settle_at(delivery, Duration::ZERO).next_at, Some(notification().at.plus(asked)));
    }

    #[test]
    fn the_last_try_is_after_24_hours_and_then_it_is_failed() {
        let long = Delivery::Failed { reason: "x".into(), retry_after: Some(Duration::from_hours(100)) };
        assert_eq!(settle_at(long, Duration::ZERO).next_at, Some(notification().at.plus(GIVE_UP_AFTER)));
        let settlement = settle_at(Delivery::failed("answered 503"), GIVE_UP_AFTER);
        assert_eq!((settlement.outcome.status, settlement.next_at), (OutcomeStatus::Failed, None));
        assert_eq!(settlement.outcome.reason.as_deref(), Some("answered 503"));
    }
}
