//! How an assertion of the harness fails: with what was expected, what came, and what was asked before.

use std::fmt::Display;

use crate::journal::Journal;

/// Ends a test whose assertion does not hold.
///
/// # Panics
///
/// Always: that is what it is for.
#[track_caller]
#[expect(clippy::panic, reason = "an assertion that fails")]
pub fn fail(expected: impl Display, got: impl Display, journal: &Journal) -> ! {
    panic!("\n expected: {expected}\n      got: {}\n{journal}\n", indented(&got.to_string()))
}

/// Further lines under the first one.
fn indented(text: &str) -> String {
    text.replace('\n', "\n           ")
}
