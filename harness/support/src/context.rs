//! What the emulators of one harness have in common.

use keysync::Clock;
use keysync_browser_guard::Guard;

use crate::{journal::Journal, secret_scanner::KnownSecrets};

/// What the emulators of one harness have in common. Clones share it.
#[derive(Clone, Debug)]
pub struct Context {
    /// The requests that the emulators received.
    pub journal: Journal,
    /// The secrets that no function may print, send or store.
    pub secrets: KnownSecrets,
    /// Keeps web pages of other sites away from every port.
    pub guard: Guard,
}

impl Context {
    /// A context with an empty journal, whose timestamps are those of `clock`.
    #[must_use]
    pub fn new(clock: Clock, guard: Guard) -> Self {
        Self { journal: Journal::new(clock), secrets: KnownSecrets::default(), guard }
    }
}
