//! How long a request may still take.

use std::time::Duration;

use tokio::time::Instant;

use crate::{clock::Clock, domain::EpochMillis};

/// What is kept back of a request's time to write down what came of the callbacks.
pub(crate) const CONFIRM_RESERVE: Duration = Duration::from_secs(2);
/// The longest that Lambda lets a function run. A deadline further off is not one.
const MAX_INVOCATION: Duration = Duration::from_mins(15);
/// How long after the end of our time others take a notification for abandoned.
const LEASE_MARGIN: Duration = Duration::from_secs(5);

/// The end of a request's time.
#[derive(Clone, Copy, Debug)]
pub struct TimeBudget {
    until: Instant,
}

impl TimeBudget {
    /// Time until `deadline` (epoch ms, from Lambda), `limit` at the most.
    ///
    /// A deadline that has passed or is absurdly far off is taken for unknown: `cargo lambda watch`
    /// sends the constant 600,000, which is ten past midnight on 1 January 1970.
    #[must_use]
    pub fn new(deadline: Option<EpochMillis>, limit: Duration) -> Self {
        let now = Clock::system().now();
        let left = deadline
            .map(|deadline| deadline.since(now))
            .filter(|left| !left.is_zero() && *left <= MAX_INVOCATION)
            .map_or(limit, |left| left.min(limit));
        Self { until: Instant::now() + left }
    }

    /// When callbacks have to be over.
    #[must_use]
    pub fn delivery_deadline(self) -> Instant {
        self.until.checked_sub(CONFIRM_RESERVE).unwrap_or(self.until)
    }

    /// Until when something may be started that takes up to `callback` to tell, and then to be confirmed.
    #[must_use]
    pub fn latest_delivery_start(self, callback: Duration) -> Instant {
        let end = self.delivery_deadline();
        end.checked_sub(callback).unwrap_or(end)
    }

    /// How long others should leave what is claimed now to us.
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
    fn lambdas_deadline_counts_where_it_is_sooner() {
        let soon = Clock::system().now().plus(Duration::from_secs(10));
        assert!(left(Some(soon)) <= Duration::from_secs(10));
        let late = Clock::system().now().plus(Duration::from_secs(100));
        assert!(left(Some(late)) > Duration::from_secs(20));
    }

    #[test]
    fn no_deadline_a_past_one_and_an_absurd_one_are_unknown() {
        for deadline in [None, Some(EpochMillis::new(600_000)), Some(EpochMillis::new(u64::MAX))] {
            assert!(left(deadline) > Duration::from_secs(20), "{deadline:?}");
        }
    }

    #[test]
    fn others_wait_until_we_are_over() {
        assert!(TimeBudget::new(None, LIMIT).lease() > LIMIT);
    }
}
