//! When a callback that failed is tried again, and when it is given up.
//!
//! Full jitter: a random instant up to a bound that doubles with each attempt, so that a service that
//! comes back is not met by everybody at once.

use std::time::Duration;

use super::{
    circuit_breaker::PEERS_FIRST,
    client::{Delivery, MAX_RETRY_AFTER},
};
use crate::{
    domain::{EpochMillis, ServiceName},
    ledger::{
        Notification, Settlement,
        item::{Outcome, OutcomeStatus, Retry},
    },
};

/// The bound after the first attempt; redelivery looks every minute.
const FIRST_BOUND: Duration = Duration::from_mins(1);
/// The largest bound.
const LARGEST_BOUND: Duration = Duration::from_hours(1);
/// How long a notification is retried, from its claim on (contract section 2).
pub const RETRY_PERIOD: Duration = Duration::from_hours(24);

/// Whether an attempt at `now` is the last one: what it does not deliver is given up.
pub(super) fn is_last_attempt(notification: &Notification, now: EpochMillis) -> bool {
    now >= notification.at.plus(RETRY_PERIOD)
}

/// What `delivery` means for the service's place in the outbox.
pub(super) fn settle(
    notification: &Notification,
    service: &ServiceName,
    delivery: Delivery,
    now: EpochMillis,
) -> Settlement {
    let before = notification.key.retries.get(service).map_or(0, |retry| retry.attempts);
    let outcome = |status, attempts, reason| {
        let event_id = notification.event_id(service).to_string();
        Some(Outcome { event_id, status, at: now, attempts, reason })
    };
    let last = notification.at.plus(RETRY_PERIOD);
    // A try at the very end at the latest, however long the service asked us to wait.
    let retry = |attempts: u32, bound: Duration, retry_after: Option<Duration>| {
        let wait = bound.mul_f64(fastrand::f64()).max(retry_after.unwrap_or_default());
        Some(Retry { attempts, next_at: now.plus(wait).min(last) })
    };
    match delivery {
        Delivery::Delivered => {
            Settlement { outcome: outcome(OutcomeStatus::Delivered, before + 1, None), retry: None }
        }
        Delivery::Refused => {
            let reason = Some("answered 410".to_owned());
            Settlement { outcome: outcome(OutcomeStatus::Refused, before + 1, reason), retry: None }
        }
        Delivery::Failed { reason, .. } if is_last_attempt(notification, now) => {
            Settlement { outcome: outcome(OutcomeStatus::Failed, before + 1, Some(reason)), retry: None }
        }
        Delivery::Deferred { .. } if is_last_attempt(notification, now) => {
            let reason = Some("the service was down or busy to the end".to_owned());
            Settlement { outcome: outcome(OutcomeStatus::Failed, before, reason), retry: None }
        }
        Delivery::Failed { reason, retry_after, .. } => {
            let attempts = before + 1;
            Settlement {
                outcome: outcome(OutcomeStatus::Retrying, attempts, Some(reason)),
                // Its own turn comes after that of the service's others, which wait because of it.
                retry: retry(
                    attempts,
                    bound(attempts),
                    retry_after.map(|audited| (audited + PEERS_FIRST).min(MAX_RETRY_AFTER)),
                ),
            }
        }
        // As soon as the service may be called again, and before the notification that it responded to.
        Delivery::Deferred { retry_after: Some(left) } => {
            Settlement { outcome: None, retry: retry(before, Duration::ZERO, Some(left)) }
        }
        Delivery::Deferred { retry_after: None } => {
            Settlement { outcome: None, retry: retry(before, FIRST_BOUND, None) }
        }
    }
}

/// One minute after the first attempt, two after the second, … an hour at the most.
fn bound(attempts: u32) -> Duration {
    let doublings = attempts.saturating_sub(1).min(16);
    (FIRST_BOUND * 2_u32.pow(doublings)).min(LARGEST_BOUND)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::item::tests::notification;

    /// Databases have failed once before.
    fn settle_at(delivery: Delivery, after: Duration) -> Settlement {
        let notification = notification();
        let service = "databases-for-postgresql".parse().unwrap();
        settle(&notification, &service, delivery, notification.at.plus(after))
    }

    fn failed(retry_after: Option<Duration>) -> Delivery {
        Delivery::Failed { reason: "answered 503".into(), retry_after, is_down: true }
    }

    #[test]
    fn the_bound_doubles_up_to_an_hour() {
        let minutes: Vec<u64> = (1..=8).map(|attempts| bound(attempts).as_secs() / 60).collect();
        assert_eq!(minutes, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(bound(u32::MAX), LARGEST_BOUND);
    }

    #[test]
    fn the_wait_is_anything_up_to_the_bound() {
        let waits: Vec<Duration> = (0..200)
            .map(|_| settle_at(failed(None), Duration::ZERO).retry.unwrap().next_at.since(notification().at))
            .collect();
        assert!(waits.iter().all(|wait| *wait <= Duration::from_mins(2)), "the second attempt's bound");
        assert!(waits.iter().any(|wait| *wait < Duration::from_mins(1)), "full jitter starts at none");
        assert!(waits.iter().any(|wait| *wait > Duration::from_mins(1)));
    }

    #[test]
    fn what_is_settled_is_not_tried_again() {
        for (delivery, status) in
            [(Delivery::Delivered, OutcomeStatus::Delivered), (Delivery::Refused, OutcomeStatus::Refused)]
        {
            let settlement = settle_at(delivery, Duration::ZERO);
            let outcome = settlement.outcome.unwrap();
            assert_eq!((outcome.status, outcome.attempts, settlement.retry), (status, 2, None));
        }
    }

    #[test]
    fn a_service_that_asks_for_time_gets_it() {
        let audited = Duration::from_mins(30);
        let retry = settle_at(failed(Some(audited)), Duration::ZERO).retry.unwrap();
        assert_eq!(retry.next_at, notification().at.plus(audited + PEERS_FIRST));
        let others = Delivery::Deferred { retry_after: Some(audited) };
        let retry = settle_at(others, Duration::ZERO).retry.unwrap();
        assert_eq!(retry.next_at, notification().at.plus(audited), "they come before it");
    }

    #[test]
    fn a_service_that_asks_for_an_hour_gets_no_more() {
        let retry = settle_at(failed(Some(MAX_RETRY_AFTER)), Duration::ZERO).retry.unwrap();
        assert_eq!(retry.next_at, notification().at.plus(MAX_RETRY_AFTER));
    }

    #[test]
    fn a_service_that_was_not_called_has_had_no_attempt() {
        let settlement = settle_at(Delivery::Deferred { retry_after: None }, Duration::ZERO);
        assert_eq!((settlement.outcome, settlement.retry.unwrap().attempts), (None, 1));
    }

    #[test]
    fn the_last_try_is_after_24_hours_and_then_it_is_failed() {
        let late = RETRY_PERIOD.saturating_sub(Duration::from_mins(10));
        for long in [failed(Some(MAX_RETRY_AFTER)), Delivery::Deferred { retry_after: Some(MAX_RETRY_AFTER) }]
        {
            let retry = settle_at(long, late).retry.unwrap();
            assert_eq!(retry.next_at, notification().at.plus(RETRY_PERIOD));
        }
        for (delivery, reason) in [
            (failed(None), "answered 503"),
            (Delivery::Deferred { retry_after: None }, "the service was down or busy to the end"),
        ] {
            let settlement = settle_at(delivery, RETRY_PERIOD);
            let outcome = settlement.outcome.unwrap();
            assert_eq!((outcome.status, settlement.retry), (OutcomeStatus::Failed, None));
            assert_eq!(outcome.reason.as_deref(), Some(reason));
        }
    }
}
