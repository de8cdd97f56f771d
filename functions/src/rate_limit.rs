//! How often one caller may ask: a bucket of tokens for each, in this process's memory.
//!
//! It keeps a caller from taking up a process that others need, too, and costs no call: DynamoDB is not asked
//! how often somebody came. Each process counts for itself, so that a caller gets as many times the limit as
//! there are processes; how many there may be is the operator's to say (`docs/explanation/security.md`).

use std::{
    fmt,
    num::{NonZeroU32, NonZeroUsize},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, MonotonicClock},
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed},
};
use lru::LruCache;

use crate::domain::Caller;

/// How many callers are counted at once; who was away the longest starts anew. Each has proved who it is,
/// so nobody can push others out without as many identities.
const MAX_CALLERS: NonZeroUsize = NonZeroUsize::new(1000).unwrap();

/// Counts requests by caller. Time is what passes for this process, whatever its [`crate::Clock`] says.
pub struct CallerRateLimiter<C: Clock + Clone = MonotonicClock> {
    /// `None`: anybody, as often as they like.
    per_minute: Option<NonZeroU32>,
    callers: Mutex<LruCache<String, Bucket<C>>>,
    clock: C,
}

type Bucket<C> = RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// A caller has asked too often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the caller has made over {per_minute} requests a minute of this process")]
pub struct RateLimited {
    per_minute: NonZeroU32,
    /// From when on the next request passes.
    pub wait: Duration,
}

impl CallerRateLimiter {
    /// So many requests a minute for each caller, all at once or spread; `None` for no limit.
    #[must_use]
    pub fn new(per_minute: Option<NonZeroU32>) -> Self {
        Self::with_clock(per_minute, MonotonicClock)
    }
}

impl<C: Clock + Clone> CallerRateLimiter<C> {
    fn with_clock(per_minute: Option<NonZeroU32>, clock: C) -> Self {
        Self { per_minute, callers: Mutex::new(LruCache::new(MAX_CALLERS)), clock }
    }

    /// Counts a request of `caller`, which passes if there were not too many.
    pub fn admit(&self, caller: &Caller) -> Result<(), RateLimited> {
        let Some(per_minute) = self.per_minute else { return Ok(()) };
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = callers.get_or_insert_mut_ref(caller.as_str(), || {
            RateLimiter::direct_with_clock(Quota::per_minute(per_minute), self.clock.clone())
        });
        let now = self.clock.now();
        bucket.check().map_err(|until| RateLimited { per_minute, wait: until.wait_time_from(now) })
    }
}

impl<C: Clock + Clone> fmt::Debug for CallerRateLimiter<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallerRateLimiter({:?} a minute)", self.per_minute)
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn limit(per_minute: u32) -> (CallerRateLimiter<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        (CallerRateLimiter::with_clock(NonZeroU32::new(per_minute), clock.clone()), clock)
    }

    fn caller(name: &impl ToString) -> Caller {
        name.to_string().parse().unwrap()
    }

    #[test]
    fn a_minutes_worth_may_come_at_once_and_the_rest_spread() {
        let (limit, clock) = limit(60);
        assert!((0..60).all(|_| limit.admit(&caller(&"a")).is_ok()));
        let refused = limit.admit(&caller(&"a")).unwrap_err();
        assert_eq!(refused.wait, Duration::from_secs(1));
        clock.advance(refused.wait);
        assert_eq!(limit.admit(&caller(&"a")), Ok(()), "a caller that waits so long is not early");
        assert!(limit.admit(&caller(&"a")).is_err());
        clock.advance(Duration::from_hours(1));
        assert_eq!(
            (0..100).filter(|_| limit.admit(&caller(&"a")).is_ok()).count(),
            60,
            "nothing is saved up"
        );
    }

    #[test]
    fn callers_do_not_use_up_each_others_share() {
        let (limit, _) = limit(1);
        for name in ["a", "b"] {
            assert!(limit.admit(&caller(&name)).is_ok() && limit.admit(&caller(&name)).is_err());
        }
    }

    #[test]
    fn memory_has_an_end_and_who_asks_often_is_not_forgotten() {
        let (limit, _) = limit(1);
        limit.admit(&caller(&"often")).unwrap();
        for n in 0..2 * MAX_CALLERS.get() {
            limit.admit(&caller(&n)).unwrap();
            assert!(limit.admit(&caller(&"often")).is_err(), "{n}");
        }
        assert_eq!(limit.callers.lock().unwrap().len(), MAX_CALLERS.get());
        assert!(limit.admit(&caller(&0)).is_ok(), "forgotten");
    }

    #[test]
    fn without_a_limit_nothing_is_counted() {
        let (limit, _) = limit(0);
        assert!((0..1000).all(|_| limit.admit(&caller(&"a")).is_ok()));
        assert!(limit.callers.lock().unwrap().is_empty());
    }
}
