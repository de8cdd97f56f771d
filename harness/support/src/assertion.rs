//! Failure of the harness's assertions: the message shows the expected and the actual value, and
//! the last requests.

use std::{fmt::Display, time::Duration};

use crate::journal::Journal;

/// Fails a test with the expected and the actual value, and the journal's last requests.
///
/// # Panics
///
/// Always.
#[track_caller]
#[expect(clippy::panic, reason = "fails an assertion")]
pub fn fail(expected: impl Display, got: impl Display, journal: &Journal) -> ! {
    panic!("\n expected: {expected}\n      got: {}\n{journal}\n", indented(&got.to_string()))
}

/// The default timeout of a wait, in real time, independent of the harness's clock.
pub const WAIT_TIMEOUT: Duration = Duration::from_secs(30);

/// Waits until `condition` holds.
///
/// # Panics
///
/// If it does not hold within [`Journal::wait_timeout`], with the `expected` state, the one that
/// was `found`, and the journal.
pub async fn wait<T>(
    condition: impl Future<Output = T>,
    expected: impl Display,
    found: impl FnOnce() -> String,
    journal: &Journal,
) -> T {
    let timeout = journal.wait_timeout();
    match tokio::time::timeout(timeout, condition).await {
        Ok(value) => value,
        Err(_) => fail(format_args!("{expected} within {timeout:?}"), found(), journal),
    }
}

/// Indents the lines after the first one.
fn indented(text: &str) -> String {
    text.replace('\n', "\n           ")
}
