//! The retry schedule: exponential backoff with full jitter, until 24 hours after the claim, a
//! replay or the end of a pause.
//!
//! The wait is random up to a bound that doubles with each attempt, so that a service that recovers
//! does not receive all retries at once.

use std::time::Duration;

use super::{
    circuit_breaker::PEER_PRECEDENCE,
    client::{Delivery, MAX_RETRY_AFTER},
};
use crate::{
    domain::{EpochMillis, ServiceName},
    ledger::{
        Notification, Settlement,
        item::{Outcome, OutcomeStatus, Retry},
    },
};

/// The bound after the first attempt, as long as the interval between runs of `redeliver`
/// (`docs/reference/limits.md#backoff`).
const FIRST_BOUND: Duration = Duration::from_mins(1);
/// The maximum bound.
const MAX_BOUND: Duration = Duration::from_hours(1);
/// The time until retries are exhausted (`docs/reference/limits.md#retry-period`).
pub const RETRY_PERIOD: Duration = Duration::from_hours(24);

/// Whether an attempt at `now` is the last one of retries that count from `since`: if it fails,
/// they are exhausted.
pub(super) fn is_last_attempt(since: EpochMillis, now: EpochMillis) -> bool {
    now >= since.plus(RETRY_PERIOD)
}

/// The effect of the result `delivery` on the outbox: the outcome to store and the next attempt.
/// Retries count from `since`.
pub(super) fn settle(
    notification: &Notification,
    service: &ServiceName,
    delivery: Delivery,
    since: EpochMillis,
    now: EpochMillis,
) -> Settlement {
    let attempts_before = notification.key.retries.get(service).map_or(0, |retry| retry.attempts);
    let outcome = |status, attempts, reason| {
        let event_id = notification.event_id(service).to_string();
        Some(Outcome { event_id, status, at: now, attempts, reason })
    };
    let last = since.plus(RETRY_PERIOD);
    // The last attempt is made at the end of the retry period, whatever `retry-after` says.
    let retry = |attempts: u32, bound: Duration, retry_after: Option<Duration>| {
        let wait = bound.mul_f64(fastrand::f64()).max(retry_after.unwrap_or_default());
        Some(Retry { attempts, next_at: now.plus(wait).min(last) })
    };
    match delivery {
        Delivery::Delivered => {
            Settlement { outcome: outcome(OutcomeStatus::Delivered, attempts_before + 1, None), retry: None }
        }
        Delivery::Refused => {
            let reason = Some("responded with 410".to_owned());
            Settlement { outcome: outcome(OutcomeStatus::Refused, attempts_before + 1, reason), retry: None }
        }
        Delivery::Failed { reason, .. } if is_last_attempt(since, now) => Settlement {
            outcome: outcome(OutcomeStatus::Failed, attempts_before + 1, Some(reason)),
            retry: None,
        },
        Delivery::Deferred { .. } if is_last_attempt(since, now) => {
            let reason = Some("the circuit was open at the end of the retry period".to_owned());
            Settlement { outcome: outcome(OutcomeStatus::Failed, attempts_before, reason), retry: None }
        }
        Delivery::Failed { reason, retry_after, .. } => {
            let attempts = attempts_before + 1;
            Settlement {
                outcome: outcome(OutcomeStatus::Retrying, attempts, Some(reason)),
                // After the service's other deliveries, which are deferred because of this
                // response.
                retry: retry(
                    attempts,
                    bound(attempts),
                    retry_after.map(|wait| (wait + PEER_PRECEDENCE).min(MAX_RETRY_AFTER)),
                ),
            }
        }
        // At the end of the hold, before the delivery whose response had `retry-after`.
        Delivery::Deferred { retry_after: Some(hold) } => {
            Settlement { outcome: None, retry: retry(attempts_before, Duration::ZERO, Some(hold)) }
        }
        Delivery::Deferred { retry_after: None } => {
            Settlement { outcome: None, retry: retry(attempts_before, FIRST_BOUND, None) }
        }
        // Retries do not end while the service is paused, and it has to be due once it is resumed.
        Delivery::Paused => {
            let next_at = now.plus(FIRST_BOUND);
            Settlement { outcome: None, retry: Some(Retry { attempts: attempts_before, next_at }) }
        }
    }
}

/// The bound of the wait: 1 min after the first attempt, 2 min after the second, … at most 1 h.
fn bound(attempts: u32) -> Duration {
    let doublings = attempts.saturating_sub(1).min(16);
    (FIRST_BOUND * 2_u32.pow(doublings)).min(MAX_BOUND)
}

#[cfg(test)]
mod tests {
    use super::{super::client::FailureScope, *};
    use crate::ledger::item::tests::notification;

    /// The result for a service with one failed attempt.
    fn settle_at(delivery: Delivery, after: Duration) -> Settlement {
        let notification = notification();
        let service = "databases-for-postgresql".parse().unwrap();
        settle(&notification, &service, delivery, notification.at, notification.at.plus(after))
    }

    fn failed(retry_after: Option<Duration>) -> Delivery {
        Delivery::Failed { reason: "responded with 503".into(), retry_after, scope: FailureScope::Service }
    }

    #[test]
    fn bound_doubles_up_to_one_hour() {
        let minutes: Vec<u64> = (1..=8).map(|attempts| bound(attempts).as_secs() / 60).collect();
        assert_eq!(minutes, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(bound(u32::MAX), MAX_BOUND);
    }

    #[test]
    fn wait_is_random_up_to_the_bound() {
        let waits: Vec<Duration> = (0..200)
            .map(|_| settle_at(failed(None), Duration::ZERO).retry.unwrap().next_at.since(notification().at))
            .collect();
        assert!(
            waits.iter().all(|wait| *wait <= Duration::from_mins(2)),
            "at most the bound of the second attempt"
        );
        assert!(waits.iter().any(|wait| *wait < Duration::from_mins(1)), "full jitter starts at zero");
        assert!(waits.iter().any(|wait| *wait > Duration::from_mins(1)));
    }

    #[test]
    fn settled_delivery_is_not_retried() {
        for (delivery, status) in
            [(Delivery::Delivered, OutcomeStatus::Delivered), (Delivery::Refused, OutcomeStatus::Refused)]
        {
            let settlement = settle_at(delivery, Duration::ZERO);
            let outcome = settlement.outcome.unwrap();
            assert_eq!((outcome.status, outcome.attempts, settlement.retry), (status, 2, None));
        }
    }

    #[test]
    fn next_attempt_respects_retry_after() {
        let retry_after = Duration::from_mins(30);
        let retry = settle_at(failed(Some(retry_after)), Duration::ZERO).retry.unwrap();
        assert_eq!(retry.next_at, notification().at.plus(retry_after + PEER_PRECEDENCE));
        let others = Delivery::Deferred { retry_after: Some(retry_after) };
        let retry = settle_at(others, Duration::ZERO).retry.unwrap();
        assert_eq!(retry.next_at, notification().at.plus(retry_after), "the others are due earlier");
    }

    #[test]
    fn retry_after_of_one_hour_is_not_extended() {
        let retry = settle_at(failed(Some(MAX_RETRY_AFTER)), Duration::ZERO).retry.unwrap();
        assert_eq!(retry.next_at, notification().at.plus(MAX_RETRY_AFTER));
    }

    #[test]
    fn deferred_delivery_counts_no_attempt() {
        let settlement = settle_at(Delivery::Deferred { retry_after: None }, Duration::ZERO);
        assert_eq!((settlement.outcome, settlement.retry.unwrap().attempts), (None, 1));
    }

    #[test]
    fn paused_delivery_is_never_exhausted() {
        for after in [Duration::ZERO, RETRY_PERIOD * 30] {
            let settlement = settle_at(Delivery::Paused, after);
            let next_at = notification().at.plus(after + FIRST_BOUND);
            assert_eq!((settlement.outcome, settlement.retry), (None, Some(Retry { attempts: 1, next_at })));
        }
    }

    #[test]
    fn retries_are_exhausted_after_24_hours() {
        let late = RETRY_PERIOD.saturating_sub(Duration::from_mins(10));
        for long in [failed(Some(MAX_RETRY_AFTER)), Delivery::Deferred { retry_after: Some(MAX_RETRY_AFTER) }]
        {
            let retry = settle_at(long, late).retry.unwrap();
            assert_eq!(retry.next_at, notification().at.plus(RETRY_PERIOD));
        }
        for (delivery, attempts, reason) in [
            (failed(None), 2, "responded with 503"),
            (
                Delivery::Deferred { retry_after: None },
                1,
                "the circuit was open at the end of the retry period",
            ),
        ] {
            let settlement = settle_at(delivery, RETRY_PERIOD);
            let outcome = settlement.outcome.unwrap();
            let expected = (OutcomeStatus::Failed, attempts, None);
            assert_eq!((outcome.status, outcome.attempts, settlement.retry), expected);
            assert_eq!(outcome.reason.as_deref(), Some(reason));
        }
    }
}
