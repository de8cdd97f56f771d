//! The bounds of the explored state space.

use crate::state::{NEVER, Time};

/// Which states count as equal (see `reductions.rs`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Explore {
    /// None: every state is explored.
    Everything,
    /// States that differ only in the identities of callers, redeliverers and keys.
    Symmetric,
    /// Also states whose difference affects no guarantee and no later step.
    Reduced,
}

/// A configuration. Ticks preserve the order of the protocol's durations: a lease and a backoff are
/// shorter than the window, and the window is shorter than the time after which retries are
/// exhausted.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each independently enlarges the state space")]
pub struct Bounds {
    /// Number of keys.
    pub keys: usize,
    /// Number of requests, each by a caller of its own (`CALLERS` in `state.rs`).
    pub callers: usize,
    /// Lifecycle events of each key.
    pub events: u8,
    /// Number of redeliverers, which may run at the same time.
    pub redeliverers: usize,
    /// Services of each key.
    pub services: usize,
    /// A caller that gets 502 or 503 retries once with the same correlation id.
    pub retries_requests: bool,
    /// Callbacks may arrive after their sender has timed out.
    pub late_callbacks: bool,
    /// A lease request that timed out in the SDK and was retried may arrive after the retry, within
    /// the same tick and with its original clock reading.
    pub late_requests: bool,
    /// Replays by operators, of each key.
    pub operator_replays: u8,
    /// Keys may be purged.
    pub purges: bool,
    /// Writes that must be rejected whatever the state (`Rejected` in `protocol.rs`).
    pub rejected_writes: bool,
    /// The window (1 h).
    pub window: Time,
    /// How long a repeated request counts as an idempotent replay (10 min).
    pub replay: Time,
    /// Duration of a lease.
    pub lease: Time,
    /// Minimum time from a failure to the next attempt.
    pub backoff: Time,
    /// The backoff may be one tick longer, independently for each service, because the code adds
    /// jitter.
    pub uneven_backoff: bool,
    /// A confirmation may take more than one write: the code settles 32 services per write.
    pub confirms_in_parts: bool,
    /// Time after which the retries of a failing service are exhausted (24 h); `NEVER` for no
    /// limit.
    pub retry_limit: Time,
    /// Time in which every service must acknowledge a notification (4 h); `NEVER` for none.
    pub deadline: Time,
    /// Time from the deadline to its check (5 min), less than a tick unless stated.
    pub grace: Time,
    /// Services may acknowledge any notification, at any time and more than once.
    pub any_acknowledgement: bool,
    /// Each clock reading is ahead of true time by any number of ticks up to this.
    pub skew: Time,
    /// How far a clock reading may be behind true time: 0, except in traces, where a write reaches
    /// the table some time after its process has read the clock.
    pub delay: Time,
    /// The clocks of lifecycle workers may also step back by more than a window.
    pub steps_back: bool,
    /// Which states count as equal.
    pub explore: Explore,
}

impl Bounds {
    /// The smallest configuration: one of each.
    pub const SMALL: Self = Self {
        keys: 1,
        callers: 1,
        events: 1,
        redeliverers: 1,
        services: 1,
        retries_requests: true,
        late_callbacks: true,
        late_requests: false,
        operator_replays: 0,
        purges: false,
        rejected_writes: false,
        window: 2,
        replay: 1,
        lease: 1,
        backoff: 1,
        uneven_backoff: false,
        confirms_in_parts: false,
        retry_limit: NEVER,
        deadline: NEVER,
        grace: 0,
        any_acknowledgement: false,
        skew: 1,
        delay: 0,
        steps_back: false,
        explore: Explore::Everything,
    };

    /// A time so long ago that it affects nothing.
    #[must_use]
    pub fn notified_floor(&self) -> Time {
        let retry_limit = if self.has_retry_limit() { self.retry_limit } else { 0 };
        let deadline = if self.has_deadline() { self.deadline + self.grace + 1 } else { 0 };
        -retry_limit.max(self.window + 1).max(deadline)
    }

    /// Whether services must acknowledge.
    #[must_use]
    pub fn has_deadline(&self) -> bool {
        self.deadline != NEVER
    }

    /// A time of the last sync so long ago that another sync is allowed.
    pub(crate) fn synced_floor(&self) -> Time {
        self.skew - self.window - 1
    }

    /// Whether retries end.
    #[must_use]
    pub fn has_retry_limit(&self) -> bool {
        self.retry_limit != NEVER
    }

    /// Maximum number of failed attempts per service. Attempts are at least a backoff minus the
    /// skew apart, and none is later than `retry_limit` plus the skew.
    pub(crate) fn most_attempts(&self) -> u8 {
        if !self.has_retry_limit() {
            return 0; // not counted
        }
        let (span, pause) = (self.retry_limit + self.skew, (self.backoff - self.skew).max(1));
        u8::try_from((span + pause - 1) / pause).unwrap_or(u8::MAX)
    }

    /// One more than the number of notifications that all requests and events of a key can cause
    /// with all guards in place.
    pub(crate) fn most_notifications(&self) -> u8 {
        let requests = self.callers * if self.retries_requests { 2 } else { 1 };
        self.events + u8::try_from(requests).unwrap_or(u8::MAX) + 1
    }

    /// The possible clock readings of a process, in ticks ahead of true time.
    pub(crate) fn clocks(&self) -> impl Iterator<Item = Time> + use<> {
        0..=self.skew
    }
}
