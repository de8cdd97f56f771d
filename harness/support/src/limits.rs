//! The ranges of the values that the command line and the control API accept, and the error
//! messages for values outside of them.
//!
//! A Rust test may use any value that the types allow. Values in text form are validated, because
//! an accepted typing error (`respond=999`, a delay of years) leads to a test that hangs or passes
//! for the wrong reason.

use std::{fmt, ops::RangeInclusive, time::Duration};

use jiff::{SignedDuration, Span, SpanRelativeTo};
use serde::{
    Deserialize, Deserializer,
    de::{Error, Unexpected, Visitor},
};

/// The range of the number of callbacks or calls that a behaviour or a fault applies to.
///
/// ```
/// assert!(!keysync_emulator_support::limits::TIMES.contains(&0));
/// ```
pub const TIMES: RangeInclusive<u64> = 1..=1_000_000;

/// The range of one advance of the clock.
///
/// ```
/// use std::time::Duration;
/// assert!(!keysync_emulator_support::limits::ADVANCE.contains(&Duration::ZERO));
/// ```
pub const ADVANCE: RangeInclusive<Duration> = Duration::from_millis(1)..=YEAR;

/// The latest time of the clock, in epoch ms: RFC 3339 has four digits for the year.
pub const LATEST: u64 = 253_402_300_799_999;
/// The range of the offset of IAM's clock.
pub const AHEAD: RangeInclusive<Duration> = Duration::ZERO..=YEAR;
/// The range of the time that a request waits for callbacks.
pub const WAIT: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_mins(1);
/// The range of the interval of a schedule.
pub const SCHEDULE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(24);
/// The range of the number of callbacks that a request waits for.
const CALLBACKS: RangeInclusive<u64> = 0..=10_000;
/// The final statuses of HTTP.
const STATUS: RangeInclusive<u64> = 200..=599;
/// The range of `Retry-After`, in seconds: up to a year.
const RETRY_AFTER: RangeInclusive<u64> = 0..=31_536_000;
/// The range of a random seed: the integers that every JSON library parses without loss.
const SEED: RangeInclusive<u64> = 0..=9_007_199_254_740_991;
const PERCENT: RangeInclusive<u64> = 0..=100;
/// The range of a delay, in ms: no function and no client waits for an hour.
const MILLIS: RangeInclusive<u64> = 0..=3_600_000;
/// The range of the length of a URL, in characters.
const ADDRESS: RangeInclusive<usize> = 1..=2048;

const YEAR: Duration = Duration::from_hours(366 * 24);

/// Parses an advance of the clock, such as `61m` or `1h 30m`.
///
/// # Errors
///
/// A message with the range, if `text` is not a duration or is outside of [`ADVANCE`].
///
/// ```
/// use std::time::Duration;
/// use keysync_emulator_support::limits;
/// assert_eq!(limits::advance("1h 30m"), Ok(Duration::from_mins(90)));
/// assert!(limits::advance("0s").unwrap_err().contains("from 1ms to 366d"));
/// ```
pub fn advance(text: &str) -> Result<Duration, String> {
    duration(text, &ADVANCE)
}

/// Validates the name of a snapshot.
pub fn snapshot_name(name: &str) -> Result<String, String> {
    let is_valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if (1..=60).contains(&name.len()) && name.chars().all(is_valid) {
        return Ok(name.to_owned());
    }
    Err("a snapshot's name must have 1 to 60 of `A-Z`, `a-z`, `0-9`, `_` and `-`".to_owned())
}

/// Parses a duration within `range`.
pub fn duration(text: &str, range: &RangeInclusive<Duration>) -> Result<Duration, String> {
    let invalid = |reason: &dyn fmt::Display| {
        let (min, max) = (short(*range.start()), short(*range.end()));
        format!("must be a duration such as `1h` or `90m`, from {min} to {max}: got `{text}` ({reason})")
    };
    let span: Span = text.parse().map_err(|error: jiff::Error| invalid(&error))?;
    let duration: SignedDuration =
        span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|error| invalid(&error))?;
    let Ok(duration) = Duration::try_from(duration) else { return Err(invalid(&"must not be negative")) };
    if range.contains(&duration) { Ok(duration) } else { Err(invalid(&"out of range")) }
}

/// The duration in the largest unit of which it is a multiple.
fn short(duration: Duration) -> String {
    let (seconds, millis) = (duration.as_secs(), duration.as_millis());
    match seconds {
        _ if !millis.is_multiple_of(1000) => format!("{millis}ms"),
        seconds if seconds >= 86_400 && seconds.is_multiple_of(86_400) => format!("{}d", seconds / 86_400),
        seconds if seconds >= 60 && seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}

/// An integer within a range, in JSON.
struct Integer(RangeInclusive<u64>);

impl Visitor<'_> for Integer {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an integer from {} to {}", self.0.start(), self.0.end())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<u64, E> {
        if self.0.contains(&value) {
            return Ok(value);
        }
        Err(E::invalid_value(Unexpected::Unsigned(value), &self))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<u64, E> {
        match u64::try_from(value) {
            Ok(value) => self.visit_u64(value),
            Err(_) => Err(E::invalid_value(Unexpected::Signed(value), &self)),
        }
    }
}

/// An integer within a range, or null, in JSON.
struct IntegerOrNull(RangeInclusive<u64>);

impl<'de> Visitor<'de> for IntegerOrNull {
    type Value = Option<u64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Integer(self.0.clone()).expecting(f)
    }

    fn visit_unit<E: Error>(self) -> Result<Option<u64>, E> {
        Ok(None)
    }

    fn visit_none<E: Error>(self) -> Result<Option<u64>, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<u64>, D::Error> {
        deserializer.deserialize_u64(Integer(self.0)).map(Some)
    }
}

fn integer<'de, D: Deserializer<'de>, T: TryFrom<u64>>(
    deserializer: D,
    range: RangeInclusive<u64>,
) -> Result<T, D::Error> {
    let value = deserializer.deserialize_u64(Integer(range.clone()))?;
    T::try_from(value).map_err(|_| D::Error::invalid_value(Unexpected::Unsigned(value), &Integer(range)))
}

/// Deserializes a status of an HTTP response, within its limits.
pub fn status<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    integer(deserializer, STATUS)
}

/// Deserializes a percentage, within its limits.
pub fn percent<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    integer(deserializer, PERCENT)
}

/// Deserializes a number of milliseconds, within its limits.
pub fn millis<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    integer(deserializer, MILLIS)
}

/// Deserializes a random seed, within its limits.
pub fn seed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    integer(deserializer, SEED)
}

/// Deserializes a number of seconds for `Retry-After`, within its limits.
pub fn retry_after<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    deserializer.deserialize_option(IntegerOrNull(RETRY_AFTER))
}

/// Deserializes a number of times, within its limits.
pub fn times<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    let times = deserializer.deserialize_option(IntegerOrNull(TIMES))?;
    Ok(times.and_then(|times| usize::try_from(times).ok()))
}

/// Deserializes a number of callbacks from a query string, within its limits.
pub fn at_least<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    let text = String::deserialize(deserializer)?;
    let count = text.parse::<usize>().ok().filter(|count| CALLBACKS.contains(&(*count as u64)));
    count.ok_or_else(|| D::Error::invalid_value(Unexpected::Str(&text), &Integer(CALLBACKS)))
}

/// Deserializes a URL that is valid in a `Location` header.
pub fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if ADDRESS.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(text);
    }
    let (min, max) = ADDRESS.into_inner();
    let expected = format!("a URL of {min} to {max} visible ASCII characters");
    Err(D::Error::invalid_value(Unexpected::Str(&text), &expected.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_names_the_duration_range() {
        for text in ["0", "0s", "1ns", "-1h", "1h ago", "367d", "100y", "soon", "", "1e9h", "9999999999999h"]
        {
            let error = advance(text).unwrap_err();
            assert!(error.contains("from 1ms to 366d") && error.contains(&format!("`{text}`")), "{error}");
        }
        for (text, millis) in [("1ms", 1), ("1.5s", 1500), ("1h 30m", 5_400_000), ("366d", 31_622_400_000)] {
            assert_eq!(advance(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        assert!(duration("61s", &WAIT).unwrap_err().contains("from 0s to 1m"));
        assert_eq!(duration("0s", &AHEAD), Ok(Duration::ZERO));
    }
}
