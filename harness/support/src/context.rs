//! The state that the emulators of one harness share.

use std::time::Duration;

use keysync_browser_guard::Guard;

use crate::{clock::HarnessClock, journal::Journal, secret_scanner::KnownSecrets};

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
        Self { journal: Journal::new(clock.clock()), secrets: KnownSecrets::default(), guard, clock }
    }

    /// The same with another timeout of all waits, and an empty journal.
    #[must_use]
    pub fn with_wait_timeout(self, timeout: Duration) -> Self {
        Self { journal: Journal::with_wait_timeout(self.clock.clock(), timeout), ..self }
    }
}
