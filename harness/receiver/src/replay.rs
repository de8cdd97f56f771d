//! Detection of duplicate events.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::{Duration, SystemTime},
};

/// Default number of ids that a guard remembers, about 20 MB.
const DEFAULT_CAPACITY: usize = 100_000;

/// Whether an event was seen before.
///
/// ```
/// use keysync_receiver::Seen;
///
/// assert_ne!(Seen::New, Seen::Repeated);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The event was not seen.
    New,
    /// The event was seen: respond with 2xx and do nothing.
    Repeated,
}

/// Remembers the ids of verified events for twice the tolerance.
///
/// Twice, because a callback from a clock that is ahead by the tolerance is accepted until its
/// timestamp is older than the tolerance. After that the [`Verifier`](crate::Verifier) rejects it.
///
/// The guard is bounded: at its capacity it forgets the oldest id. This, and a restart, can let a
/// duplicate through. So an effect that must never happen twice needs a record in your database,
/// and a key's state its [`Sequence`](crate::Sequence).
///
/// Use it only with verified callbacks; otherwise untrusted clients can fill it.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use keysync_receiver::{ReplayGuard, Seen};
///
/// let mut guard = ReplayGuard::for_tolerance(Duration::from_secs(300));
/// let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_496_400);
/// assert_eq!(guard.see("event", now), Seen::New);
/// assert_eq!(guard.see("event", now + Duration::from_secs(600)), Seen::Repeated);
/// assert_eq!(guard.see("event", now + Duration::from_secs(601)), Seen::New);
/// ```
#[derive(Clone, Debug)]
pub struct ReplayGuard {
    remembered_for: Duration,
    capacity: usize,
    seen_at: HashMap<Arc<str>, SystemTime>,
    /// The same ids, oldest first.
    by_age: VecDeque<Arc<str>>,
}

impl ReplayGuard {
    /// A guard for a verifier with this [tolerance](crate::Verifier::tolerance), with a capacity of
    /// 100,000 ids.
    ///
    /// ```
    /// use keysync_receiver::{DEFAULT_TOLERANCE, ReplayGuard};
    ///
    /// let guard = ReplayGuard::for_tolerance(DEFAULT_TOLERANCE);
    /// assert!(guard.is_empty());
    /// ```
    #[must_use]
    pub fn for_tolerance(tolerance: Duration) -> Self {
        Self {
            remembered_for: tolerance.saturating_mul(2),
            capacity: DEFAULT_CAPACITY,
            seen_at: HashMap::new(),
            by_age: VecDeque::new(),
        }
    }

    /// Sets the capacity in ids, at least 1. Use more than you expect within twice the tolerance.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use keysync_receiver::{DEFAULT_TOLERANCE, ReplayGuard, Seen};
    ///
    /// let mut guard = ReplayGuard::for_tolerance(DEFAULT_TOLERANCE).with_capacity(2);
    /// for id in ["a", "b", "c"] {
    ///     guard.see(id, SystemTime::UNIX_EPOCH);
    /// }
    /// assert_eq!(guard.len(), 2);
    /// assert_eq!(guard.see("a", SystemTime::UNIX_EPOCH), Seen::New); // replaced by `c`
    /// ```
    #[must_use]
    pub fn with_capacity(self, ids: usize) -> Self {
        Self { capacity: ids.max(1), ..self }
    }

    /// Whether the event with this id was seen. Remembers the id.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use keysync_receiver::{DEFAULT_TOLERANCE, ReplayGuard, Seen};
    ///
    /// let mut guard = ReplayGuard::for_tolerance(DEFAULT_TOLERANCE);
    /// assert_eq!(guard.see("event", SystemTime::UNIX_EPOCH), Seen::New);
    /// assert_eq!(guard.see("event", SystemTime::UNIX_EPOCH), Seen::Repeated);
    /// ```
    pub fn see(&mut self, id: &str, now: SystemTime) -> Seen {
        self.forget_expired(now);
        if self.seen_at.contains_key(id) {
            return Seen::Repeated;
        }
        while self.by_age.len() >= self.capacity {
            self.forget_oldest();
        }
        let id: Arc<str> = id.into();
        self.seen_at.insert(Arc::clone(&id), now);
        self.by_age.push_back(id);
        Seen::New
    }

    /// Forgets an event that you could not process, before you respond with an error. Otherwise the
    /// sender's retry would count as a duplicate and the event would be lost.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use keysync_receiver::{DEFAULT_TOLERANCE, ReplayGuard, Seen};
    ///
    /// let mut guard = ReplayGuard::for_tolerance(DEFAULT_TOLERANCE);
    /// guard.see("event", SystemTime::UNIX_EPOCH);
    /// guard.forget("event"); // the database is unavailable: respond with 503
    /// assert_eq!(guard.see("event", SystemTime::UNIX_EPOCH), Seen::New);
    /// ```
    pub fn forget(&mut self, id: &str) {
        if self.seen_at.remove(id).is_some() {
            self.by_age.retain(|remembered| **remembered != *id);
        }
    }

    /// Number of remembered ids.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use keysync_receiver::{DEFAULT_TOLERANCE, ReplayGuard};
    ///
    /// let mut guard = ReplayGuard::for_tolerance(DEFAULT_TOLERANCE);
    /// guard.see("event", SystemTime::UNIX_EPOCH);
    /// assert_eq!(guard.len(), 1);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_age.len()
    }

    /// Whether no ids are remembered.
    ///
    /// ```
    /// use keysync_receiver::{DEFAULT_TOLERANCE, ReplayGuard};
    ///
    /// assert!(ReplayGuard::for_tolerance(DEFAULT_TOLERANCE).is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_age.is_empty()
    }

    fn forget_expired(&mut self, now: SystemTime) {
        let remembered_for = self.remembered_for;
        // A clock that was set back expires nothing.
        let is_expired =
            |seen_at: &SystemTime| now.duration_since(*seen_at).is_ok_and(|age| age > remembered_for);
        while self.by_age.front().and_then(|oldest| self.seen_at.get(oldest)).is_some_and(is_expired) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some(oldest) = self.by_age.pop_front() {
            self.seen_at.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: SystemTime = SystemTime::UNIX_EPOCH;
    const MINUTE: Duration = Duration::from_mins(1);

    #[test]
    fn forgotten_id_is_remembered_again_when_seen() {
        let mut guard = ReplayGuard::for_tolerance(MINUTE);
        guard.see("a", START);
        guard.forget("a");
        assert_eq!(guard.see("a", START + MINUTE), Seen::New);
        assert_eq!(
            guard.see("a", START + 3 * MINUTE),
            Seen::Repeated,
            "the id must be remembered from its second time on"
        );
        assert_eq!(guard.len(), 1);
    }

    #[test]
    fn guard_is_bounded_and_forgets_expired_ids() {
        let mut guard = ReplayGuard::for_tolerance(MINUTE).with_capacity(100);
        for number in 0..1000 {
            assert_eq!(guard.see(&number.to_string(), START), Seen::New);
        }
        assert_eq!((guard.len(), guard.seen_at.len()), (100, 100));
        assert_eq!(guard.see("950", START), Seen::Repeated);
        assert_eq!(guard.see("later", START + 2 * MINUTE + Duration::from_millis(1)), Seen::New);
        assert_eq!((guard.len(), guard.seen_at.len()), (1, 1));
    }

    #[test]
    fn clock_set_back_keeps_seen_ids() {
        let mut guard = ReplayGuard::for_tolerance(MINUTE);
        guard.see("a", START + 10 * MINUTE);
        assert_eq!(guard.see("a", START), Seen::Repeated);
    }
}
