//! How an assertion of the harness fails: with what was expected, what came, and what was asked before.

use std::{fmt::Display, time::Duration};

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

/// How long a wait lasts before it fails. Real time, whatever the harness's clock shows.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `condition` holds.
///
/// # Panics
///
/// If it does not within [`PATIENCE`]: with what was `expected`, what was `found` then, and the journal.
pub async fn wait<T>(
    condition: impl Future<Output = T>,
    expected: impl Display,
    found: impl FnOnce() -> String,
    journal: &Journal,
) -> T {
    match tokio::time::timeout(PATIENCE, condition).await {
        Ok(value) => value,
        Err(_) => fail(format_args!("{expected} within {} s", PATIENCE.as_secs()), found(), journal),
    }
}

/// Further lines under the first one.
fn indented(text: &str) -> String {
    text.replace('\n', "\n           ")
}
