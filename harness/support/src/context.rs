//! The state that the emulators of one harness share.

use std::time::Duration;

use keysync_browser_guard::Guard;

use crate::{assertion::WAIT_TIMEOUT, clock::HarnessClock, journal::Journal, secret_scanner::KnownSecrets};

/// The state that the emulators of one harness share. Clones share it, too.
#[derive(Clone, Debug)]
pub struct Context {
    /// The clock.
    pub clock: HarnessClock,
    /// The requests that the emulators received.
    pub journal: Journal,
    /// The secrets that no function may log, send or store.
    pub secrets: KnownSecrets,
    /// Denies requests of other sites' web pages, on every port.
    pub guard: Guard,
}

impl Context {
    /// Creates a context with an empty journal.
    #[must_use]
    pub fn new(clock: HarnessClock, guard: Guard) -> Self {
        Self::with_wait_timeout(clock, guard, WAIT_TIMEOUT)
    }

    /// The same with another timeout of all waits.
    #[must_use]
    pub fn with_wait_timeout(clock: HarnessClock, guard: Guard, timeout: Duration) -> Self {
        let secrets = KnownSecrets::default();
        Self { journal: Journal::of(clock.clock(), secrets.clone(), timeout), secrets, guard, clock }
    }
}
