//! The code in the documentation, run as doctests.

/// For service teams.
#[cfg(doctest)]
#[doc = include_str!("../docs/how-to/receive-notifications.md")]
struct ReceiveNotifications;

/// For test authors.
#[cfg(doctest)]
#[doc = include_str!("../docs/how-to/test-with-the-harness.md")]
struct TestWithTheHarness;

/// The tutorial of a first test.
#[cfg(doctest)]
#[doc = include_str!("../docs/tutorial/first-test.md")]
struct FirstTest;
