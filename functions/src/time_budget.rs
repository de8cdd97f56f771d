//! The time budget of an invocation.

use std::time::Duration;

use tokio::time::Instant;

use crate::{clock::Clock, domain::EpochMillis};

/// The time reserved for the confirmation (`docs/reference/limits.md#confirm-reserve`).
pub(crate) const CONFIRM_RESERVE: Duration = Duration::from_secs(2);
/// Lambda's maximum timeout. A later deadline is invalid.
const MAX_INVOCATION: Duration = Duration::from_mins(15);
/// The time between the end of the budget and the end of the lease
/// (`docs/reference/limits.md#lease-margin`).
const LEASE_MARGIN: Duration = Duration::from_secs(5);

/// The time that an invocation has left.
#[derive(Clone, Copy, Debug)]
pub struct TimeBudget {
    until: Instant,
}

impl TimeBudget {
    /// The time until `deadline` (epoch ms, from Lambda), at most `limit`.
    ///
    /// A deadline in the past or more than 15 min ahead is ignored: `cargo lambda watch` sends the
    /// constant 600,000, which is ten minutes after the epoch.
    #[must_use]
    pub fn new(deadline: Option<EpochMillis>, limit: Duration) -> Self {
        let now = Clock::system().now();
        let left = deadline
            .map(|deadline| deadline.since(now))
            .filter(|left| !left.is_zero() && *left <= MAX_INVOCATION)
            .map_or(limit, |left| left.min(limit));
        Self { until: Instant::now() + left }
    }

    /// The instant at which callbacks end, so that the reserve for the confirmation is left.
    #[must_use]
    pub fn delivery_deadline(self) -> Instant {
        self.until.checked_sub(CONFIRM_RESERVE).unwrap_or(self.until)
    }

    /// The latest start of a delivery with attempts of up to `callback_timeout`.
    #[must_use]
    pub fn latest_delivery_start(self, callback_timeout: Duration) -> Instant {
        let end = self.delivery_deadline();
        end.checked_sub(callback_timeout).unwrap_or(end)
    }

    /// The duration of a lease that starts now: the rest of the budget and a margin.
    #[must_use]
    pub fn lease(self) -> Duration {
        self.until.saturating_duration_since(Instant::now()) + LEASE_MARGIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(25);

    fn left(deadline: Option<EpochMillis>) -> Duration {
        TimeBudget::new(deadline, LIMIT).until.saturating_duration_since(Instant::now())
    }

    #[test]
    fn earlier_lambda_deadline_takes_precedence() {
        let early = Clock::system().now().plus(Duration::from_secs(10));
        assert!(left(Some(early)) <= Duration::from_secs(10));
        let late = Clock::system().now().plus(Duration::from_secs(100));
        assert!(left(Some(late)) > Duration::from_secs(20));
    }

    #[test]
    fn ignores_missing_past_and_distant_deadlines() {
        for deadline in [None, Some(EpochMillis::new(600_000)), Some(EpochMillis::new(u64::MAX))] {
            assert!(left(deadline) > Duration::from_secs(20), "{deadline:?}");
        }
    }

    #[test]
    fn lease_ends_after_the_budget() {
        assert!(TimeBudget::new(None, LIMIT).lease() > LIMIT);
    }
}
