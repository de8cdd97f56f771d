//! Instants as integer milliseconds since the Unix epoch, UTC.
//!
//! Milliseconds, because the edge of the window is exact (at one hour precisely it is still
//! closed), and integers, because DynamoDB compares numbers (docs/reference/limits.md#resolution).

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// An instant in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EpochMillis(u64);

impl EpochMillis {
    /// The instant `millis` milliseconds after the epoch.
    #[must_use]
    pub const fn new(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    #[must_use]
    pub const fn secs(self) -> u64 {
        self.0 / 1000
    }

    /// The instant `by` later, saturating at the largest instant.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(millis(by)))
    }

    /// The instant `by` earlier, saturating at the epoch.
    #[must_use]
    pub fn minus(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(millis(by)))
    }

    /// The duration since `earlier`; zero if this instant is not after it.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// The first whole second at or after this instant.
    #[must_use]
    pub const fn ceil_to_second(self) -> Self {
        Self(self.0.div_ceil(1000).saturating_mul(1000))
    }

    /// The form in whole seconds.
    #[must_use]
    pub const fn whole_seconds(self) -> WholeSeconds {
        WholeSeconds(self)
    }
}

/// RFC 3339 in UTC, always with three decimals: all instants have the same length and sort as text.
impl fmt::Display for EpochMillis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_rfc3339(f, *self, 3)
    }
}

/// An instant that displays as RFC 3339 in UTC in whole seconds, rounded down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WholeSeconds(EpochMillis);

impl fmt::Display for WholeSeconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_rfc3339(f, EpochMillis(self.0.secs() * 1000), 0)
    }
}

fn write_rfc3339(f: &mut fmt::Formatter<'_>, at: EpochMillis, decimals: usize) -> fmt::Result {
    match i64::try_from(at.0).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok()) {
        Some(timestamp) => write!(f, "{timestamp:.decimals$}"),
        None => write!(f, "{} ms after the epoch", at.0),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_display_with_three_decimals() {
        assert_eq!(EpochMillis::new(1_632_951_523_000).to_string(), "2021-09-29T21:38:43.000Z");
        assert_eq!(EpochMillis::new(1_632_951_523_001).to_string(), "2021-09-29T21:38:43.001Z");
    }

    #[test]
    fn whole_seconds_display_without_decimals() {
        for millis in [1_632_951_523_000, 1_632_951_523_999] {
            assert_eq!(EpochMillis::new(millis).whole_seconds().to_string(), "2021-09-29T21:38:43Z");
        }
    }

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        let end = EpochMillis::new(u64::MAX);
        assert_eq!(end.plus(Duration::from_secs(1)), end);
        assert_eq!(end.to_string(), "18446744073709551615 ms after the epoch");
        assert_eq!(EpochMillis::new(5).minus(Duration::from_secs(1)), EpochMillis::new(0));
    }

    #[test]
    fn rounding_up_keeps_whole_seconds() {
        assert_eq!(EpochMillis::new(2000).ceil_to_second(), EpochMillis::new(2000));
        assert_eq!(EpochMillis::new(2001).ceil_to_second(), EpochMillis::new(3000));
    }
}
