//! Times: in UTC as the server writes them, in the reader's own zone where the script runs.
//!
//! The server's and the reader's clocks may disagree, so whatever counts on the page counts from the seconds
//! that the server gave, never from the reader's clock.

use jiff::Timestamp;
use maud::{Markup, html};

/// An instant: `25 Nov 2026, 14:05:09 UTC`.
#[must_use]
pub fn time(at: Timestamp) -> Markup {
    html! { time datetime=(machine(at)) data-local { (plain(at)) } }
}

/// How long ago, or in how long: `3 minutes ago`; the instant is its tooltip.
#[must_use]
pub fn relative(at: Timestamp, now: Timestamp) -> Markup {
    let age = now.as_second() - at.as_second();
    html! { time datetime=(machine(at)) title=(plain(at)) data-age=(age) { (wording(age)) } }
}

/// When something will be possible: `at <time>`, or, where the script runs, `in 42 min 10 s`, counted down.
/// At zero the [`live`](super::live) sections of the page are fetched again.
#[must_use]
pub fn countdown(seconds_left: u64, until: Timestamp) -> Markup {
    html! {
        span.countdown role="timer" aria-live="off" data-left=(seconds_left) {
            span data-left-text { "at " (time(until)) }
        }
    }
}

/// How much of the window (both in seconds) has passed, as a bar with a mark at each quarter.
#[must_use]
pub fn window_meter(elapsed: u64, total: u64) -> Markup {
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

/// `seconds` ago in words, in the largest unit that has at least one; less than ten seconds is now.
fn wording(seconds: i64) -> String {
    let span = seconds.unsigned_abs();
    let (count, unit) = match span {
        0..10 => return "just now".to_owned(),
        10..60 => (span, "second"),
        60..3_600 => (span / 60, "minute"),
        3_600..86_400 => (span / 3_600, "hour"),
        _ => (span / 86_400, "day"),
    };
    let plural = if count == 1 { "" } else { "s" };
    if seconds > 0 { format!("{count} {unit}{plural} ago") } else { format!("in {count} {unit}{plural}") }
}
