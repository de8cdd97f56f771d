//! Times: in UTC from the server, in the local time zone with the script.
//!
//! The clocks of server and browser may differ, so countdowns use the seconds that the server sent,
//! never the clock of the browser.

use jiff::Timestamp;
use maud::{Markup, html};

/// An instant: `25 Nov 2026, 14:05:09 UTC`.
pub(crate) fn time(at: Timestamp) -> Markup {
    html! { time datetime=(machine(at)) data-local { (plain(at)) } }
}

/// How long ago, or in how long: `3 minutes ago`; the instant is its tooltip.
pub(crate) fn relative(at: Timestamp, now: Timestamp) -> Markup {
    let age = now.as_second() - at.as_second();
    html! { time datetime=(machine(at)) title=(plain(at)) data-age=(age) { (wording(age)) } }
}

/// Remaining time: `in 43 minutes`, or with the script `in 42 min 10 s`, counted down. At zero the
/// script fetches the [`live`](super::live()) sections of the page again. Show the instant with
/// [`time`](time()) next to it.
pub(crate) fn countdown(seconds_left: u64) -> Markup {
    html! {
        span.countdown role="timer" aria-live="off" data-left=(seconds_left) {
            span data-left-text { (wording(-i64::try_from(seconds_left).unwrap_or(i64::MAX))) }
        }
    }
}

/// How much of the window (both in seconds) has passed, as a bar with a mark at each quarter.
pub(crate) fn window_meter(elapsed: u64, total: u64) -> Markup {
    let total = total.max(1);
    let elapsed = elapsed.min(total);
    html! {
        svg.meter role="img" aria-label={ (elapsed / 60) " of " (total / 60) " minutes have passed" }
            viewBox="0 0 1000 8" preserveAspectRatio="none" width="100%" height="8" focusable="false"
            data-elapsed=(elapsed) data-total=(total) {
            rect.meter__track width="1000" height="8" {}
            rect.meter__bar width=(elapsed.saturating_mul(1000) / total) height="8" {}
            @for x in [250, 500, 750] { rect.meter__mark x=(x) width="2" height="8" {} }
        }
    }
}

fn machine(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn plain(at: Timestamp) -> String {
    at.strftime("%-d %b %Y, %H:%M:%S UTC").to_string()
}

/// `seconds` ago (or ahead, if negative) in words.
fn wording(seconds: i64) -> String {
    let span = seconds.unsigned_abs();
    match seconds {
        -9..10 => "just now".to_owned(),
        10.. => format!("{} ago", past(span)),
        _ => format!("in {}", future(span)),
    }
}

/// The largest unit that has at least one, rounded down.
fn past(span: u64) -> String {
    let (size, unit) = match span {
        0..60 => (1, "second"),
        60..3_600 => (60, "minute"),
        3_600..86_400 => (3_600, "hour"),
        _ => (86_400, "day"),
    };
    counted(span / size, unit)
}

/// Below an hour rounded up, so that nothing is announced too early; then to the nearest minute,
/// and from a day on to the nearest hour, as these are shown next to the instant.
fn future(span: u64) -> String {
    let minutes = if span < 3_600 { span.div_ceil(60) } else { span.saturating_add(30) / 60 };
    match (span, minutes) {
        (0..60, _) => counted(span, "second"),
        (_, 0..60) => counted(minutes, "minute"),
        (_, 60..1_440) => with_rest(minutes, 60, "hour", "minute"),
        _ => with_rest(span.saturating_add(1_800) / 3_600, 24, "day", "hour"),
    }
}

fn with_rest(total: u64, size: u64, unit: &str, small_unit: &str) -> String {
    match (total / size, total % size) {
        (count, 0) => counted(count, unit),
        (count, rest) => format!("{} {}", counted(count, unit), counted(rest, small_unit)),
    }
}

fn counted(count: u64, unit: &str) -> String {
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::wording;

    #[test]
    fn past_times_use_largest_unit() {
        let texts = [0, 9, 10, 59, 60, 119, 120, 3_599, 3_600, 7_200, 86_399, 86_400, 200_000].map(wording);
        let expected = [
            "just now",
            "just now",
            "10 seconds ago",
            "59 seconds ago",
            "1 minute ago",
            "1 minute ago",
            "2 minutes ago",
            "59 minutes ago",
            "1 hour ago",
            "2 hours ago",
            "23 hours ago",
            "1 day ago",
            "2 days ago",
        ];
        assert_eq!(texts, expected);
    }

    #[test]
    fn future_times_below_an_hour_are_rounded_up() {
        let texts = [-9, -10, -60, -61, -719, -720, -3_540, -3_541, -3_599].map(wording);
        let expected = [
            "just now",
            "in 10 seconds",
            "in 1 minute",
            "in 2 minutes",
            "in 12 minutes",
            "in 12 minutes",
            "in 59 minutes",
            "in 1 hour",
            "in 1 hour",
        ];
        assert_eq!(texts, expected);
    }

    #[test]
    fn longer_future_times_have_two_units() {
        let texts = [-3_600, -3_601, -3_700, -14_399, -86_399, -86_401, -100_000, i64::MIN].map(wording);
        let expected = [
            "in 1 hour",
            "in 1 hour",
            "in 1 hour 2 minutes",
            "in 4 hours",
            "in 1 day",
            "in 1 day",
            "in 1 day 4 hours",
            "in 106751991167300 days 16 hours",
        ];
        assert_eq!(texts, expected);
    }
}
