//! The window: the time after a notification in which no sync is accepted.
//!
//! A sync is accepted only if *longer than* an hour has passed since the last notification (IBM,
//! "Synchronizing associated resources"), so at one hour precisely the window is still closed.
//!
//! ```text
//! notified_at                     + 3,600,000 ms   + 3,600,001 ms
//!      |------------- closed ------------|--closed-->|---- open ---->
//! ```

use std::time::Duration;

use super::EpochMillis;

/// The length of the window: one hour (docs/reference/limits.md#window).
pub const WINDOW: Duration = Duration::from_hours(1);

/// The exclusive bound of a claim at `now`: the window is open if the last notification is before
/// it.
#[must_use]
pub fn open_if_notified_before(now: EpochMillis) -> EpochMillis {
    now.minus(WINDOW)
}

/// The first millisecond at which the window is open after a notification at `notified_at`.
#[must_use]
pub fn opens_at(notified_at: EpochMillis) -> EpochMillis {
    notified_at.plus(WINDOW).plus(Duration::from_millis(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_the_edge_agree() {
        let notified_at = EpochMillis::new(1_700_000_000_000);
        for (after_ms, open) in [(3_599_000, false), (3_600_000, false), (3_600_001, true)] {
            let now = notified_at.plus(Duration::from_millis(after_ms));
            assert_eq!(notified_at < open_if_notified_before(now), open, "{after_ms} ms after");
            assert_eq!(now >= opens_at(notified_at), open, "{after_ms} ms after");
        }
    }

    #[test]
    fn window_is_closed_if_clock_steps_back() {
        let notified_at = EpochMillis::new(1_700_000_000_000);
        let now = notified_at.minus(Duration::from_secs(30));
        assert!(notified_at >= open_if_notified_before(now));
    }

    #[test]
    fn sync_succeeds_at_rounded_up_second() {
        for start in [1_700_000_000_000, 1_700_000_000_001, 1_700_000_000_999] {
            let notified_at = EpochMillis::new(start);
            let rounded = opens_at(notified_at).ceil_to_second();
            assert!(notified_at < open_if_notified_before(rounded));
            assert!(rounded.since(opens_at(notified_at)) < Duration::from_secs(1));
        }
    }
}
