//! The window: how long after a notification the next sync has to wait.
//!
//! A sync may start only when it is *longer than* an hour since the last notification (seed document),
//! so at one hour precisely the window is still closed.
//!
//! ```text
//! notified_at                     + 3,600,000 ms   + 3,600,001 ms
//!      |------------- closed ------------|--closed-->|---- open ---->
//! ```

use std::time::Duration;

use super::EpochMillis;

/// One hour, from the seed document.
pub const WINDOW: Duration = Duration::from_hours(1);

/// A claim made at `now` wins only over a notification before this instant.
#[must_use]
pub fn open_if_notified_before(now: EpochMillis) -> EpochMillis {
    now.minus(WINDOW)
}

/// The first millisecond at which the window is open again after a notification at `notified_at`.
#[must_use]
pub fn opens_at(notified_at: EpochMillis) -> EpochMillis {
    notified_at.plus(WINDOW).plus(Duration::from_millis(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_ways_to_say_the_edge_agree_to_the_millisecond() {
        let notified_at = EpochMillis::new(1_700_000_000_000);
        for (after_ms, open) in [(3_599_000, false), (3_600_000, false), (3_600_001, true)] {
            let now = notified_at.plus(Duration::from_millis(after_ms));
            assert_eq!(notified_at < open_if_notified_before(now), open, "{after_ms} ms after");
            assert_eq!(now >= opens_at(notified_at), open, "{after_ms} ms after");
        }
    }

    #[test]
    fn a_clock_that_steps_back_finds_the_window_closed() {
        let notified_at = EpochMillis::new(1_700_000_000_000);
        let now = notified_at.minus(Duration::from_secs(30));
        assert!(notified_at >= open_if_notified_before(now));
    }

    #[test]
    fn the_whole_second_named_to_a_caller_is_one_at_which_a_sync_succeeds() {
        for start in [1_700_000_000_000, 1_700_000_000_001, 1_700_000_000_999] {
            let notified_at = EpochMillis::new(start);
            let named = opens_at(notified_at).ceil_to_second();
            assert!(notified_at < open_if_notified_before(named));
            assert!(named.since(opens_at(notified_at)) < Duration::from_secs(1));
        }
    }
}
