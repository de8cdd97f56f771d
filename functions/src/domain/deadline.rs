//! The deadline: the time in which a service acts on a notification and acknowledges it.
//!
//! Services have four hours (IBM, "Acknowledge Hyperwarp events"). As with the window, the edge
//! belongs to the time before it: an acknowledgement of exactly four hours later is in time.
//!
//! ```text
//! notified_at                       + 14,400,000 ms   + 14,400,001 ms
//!      |------- may acknowledge ----------|---in time-->|---- overdue ---->
//! ```
//!
//! What counts is when the service acted, not when its acknowledgement arrives. So the check comes
//! some minutes later.

use std::time::Duration;

use super::EpochMillis;

/// The time from a notification to its deadline (docs/reference/limits.md#deadline).
pub const DEADLINE: Duration = Duration::from_hours(4);

/// How long after the deadline the acknowledgements are checked. An event that fails once is
/// delivered again after the visibility timeout of its queue, 3 minutes
/// (docs/reference/limits.md#deadline-grace).
pub const GRACE: Duration = Duration::from_mins(5);

/// The last instant at which an acknowledgement of a notification is in time.
#[must_use]
pub fn of(notified_at: EpochMillis) -> EpochMillis {
    notified_at.plus(DEADLINE)
}

/// The first millisecond at which a service that has not acknowledged a notification is overdue.
#[must_use]
pub fn overdue_from(notified_at: EpochMillis) -> EpochMillis {
    of(notified_at).plus(Duration::from_millis(1))
}

/// The first millisecond at which the acknowledgements of a notification are checked.
#[must_use]
pub fn checked_from(notified_at: EpochMillis) -> EpochMillis {
    overdue_from(notified_at).plus(GRACE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_four_hours_is_in_time() {
        let notified_at = EpochMillis::new(1_700_000_000_001);
        for (after_ms, is_overdue) in [(14_399_999, false), (14_400_000, false), (14_400_001, true)] {
            let now = notified_at.plus(Duration::from_millis(after_ms));
            assert_eq!(now >= overdue_from(notified_at), is_overdue, "{after_ms} ms after");
            assert_eq!(now > of(notified_at), is_overdue, "{after_ms} ms after");
        }
    }
}
