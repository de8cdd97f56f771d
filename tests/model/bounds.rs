//! How large a world is explored.

use crate::state::{NEVER, Time};

/// Which states are taken for one (see `reductions.rs`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Explore {
    /// None: each is explored.
    Everything,
    /// Those that differ in names only.
    Nameless,
    /// Those, too, whose difference no guarantee and no later step can notice.
    Reduced,
}

/// A configuration. Ticks stand for the protocol's times, in their order: a lease and a backoff are
/// shorter than the window, and the window is shorter than the time after which a service is given up.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each widens the world by itself")]
pub(crate) struct Bounds {
    pub(crate) keys: usize,
    pub(crate) callers: usize,
    /// Lifecycle events of each key.
    pub(crate) events: u8,
    pub(crate) redeliverers: usize,
    /// Services of each key.
    pub(crate) services: usize,
    /// A caller that got a 502 or a 503 asks once more, with the same correlation id.
    pub(crate) asks_again: bool,
    /// Callbacks may arrive after their sender has given them up.
    pub(crate) late_callbacks: bool,
    /// A request for a lease that the SDK has given up and sent again may yet arrive, after the second try:
    /// within the same tick, by the clock that it was made on.
    pub(crate) stragglers: bool,
    /// The window (1 h).
    pub(crate) window: Time,
    /// How long a repeated request is a replay (10 min).
    pub(crate) replay: Time,
    /// For how long a lease keeps others away.
    pub(crate) lease: Time,
    /// From a failure to the next try, at least.
    pub(crate) backoff: Time,
    /// It may be a tick longer, for each service as it pleases: the code draws it at random.
    pub(crate) uneven_backoff: bool,
    /// A confirmation may take more than one write: the code settles 32 services at once.
    pub(crate) confirms_in_parts: bool,
    /// When a failing service is given up (24 h); `NEVER` where a configuration leaves that out.
    pub(crate) give_up: Time,
    /// Each clock reading is up to that far ahead of true time, as it pleases.
    pub(crate) skew: Time,
    /// The clocks of lifecycle workers may also step back by more than a window.
    pub(crate) steps_back: bool,
    /// Which states are taken for one.
    pub(crate) explore: Explore,
}

impl Bounds {
    /// The smallest world: one of each.
    pub(crate) const SMALL: Self = Self {
        keys: 1,
        callers: 1,
        events: 1,
        redeliverers: 1,
        services: 1,
        asks_again: true,
        late_callbacks: true,
        stragglers: false,
        window: 2,
        replay: 1,
        lease: 1,
        backoff: 1,
        uneven_backoff: false,
        confirms_in_parts: false,
        give_up: NEVER,
        skew: 1,
        steps_back: false,
        explore: Explore::Everything,
    };

    /// So long ago that it matters to nobody.
    pub(crate) fn long_ago(&self) -> Time {
        let give_up = if self.gives_up() { self.give_up } else { 0 };
        -give_up.max(self.window + 1)
    }

    /// So far apart that two syncs may be.
    pub(crate) fn far_enough(&self) -> Time {
        self.skew - self.window - 1
    }

    pub(crate) fn gives_up(&self) -> bool {
        self.give_up != NEVER
    }

    /// How often a service can be tried in vain: from one try to the next it is at least a backoff less
    /// the skew, and none is put off to after `give_up` plus the skew.
    pub(crate) fn most_attempts(&self) -> u8 {
        if !self.gives_up() {
            return 0; // not counted
        }
        let (span, pause) = (self.give_up + self.skew, (self.backoff - self.skew).max(1));
        u8::try_from((span + pause - 1) / pause).unwrap_or(u8::MAX)
    }

    /// One more than all requests and events can make of a key, unless a guard is removed.
    pub(crate) fn most_notifications(&self) -> u8 {
        let requests = self.callers * if self.asks_again { 2 } else { 1 };
        self.events + u8::try_from(requests).unwrap_or(u8::MAX) + 1
    }

    /// What a process may read from its clock.
    pub(crate) fn clocks(&self) -> impl Iterator<Item = Time> + use<> {
        0..=self.skew
    }
}
