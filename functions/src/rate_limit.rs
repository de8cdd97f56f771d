//! The rate limit per caller: a token bucket for each, in the memory of this process.
//!
//! It keeps one caller from occupying a process and takes no call to DynamoDB. Each process counts
//! separately, so the total limit of a caller is a multiple of the number of processes, which the
//! operator limits with the function's concurrency (`docs/explanation/security.md`).

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

/// The maximum number of counted callers. The least recently seen one is dropped and then starts
/// with a full bucket. Only authenticated callers count, so displacing others requires that many
/// identities (`docs/reference/limits.md#counted-callers`).
const MAX_CALLERS: NonZeroUsize = NonZeroUsize::new(1000).unwrap();

/// The rate limiter of all callers. It uses the monotonic clock, not [`crate::Clock`].
pub struct CallerRateLimiter<C: Clock + Clone = MonotonicClock> {
    /// The limit; `None` for no limit.
    per_minute: Option<NonZeroU32>,
    callers: Mutex<LruCache<String, Bucket<C>>>,
    clock: C,
}

type Bucket<C> = RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// The caller exceeded the rate limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the caller exceeded {per_minute} requests per minute to this process")]
pub struct RateLimited {
    per_minute: NonZeroU32,
    /// The time until the next request is accepted.
    pub wait: Duration,
}

impl CallerRateLimiter {
    /// A limit of `per_minute` requests for each caller, in a burst or spread; `None` for no limit.
    #[must_use]
    pub fn new(per_minute: Option<NonZeroU32>) -> Self {
        Self::with_clock(per_minute, MonotonicClock)
    }
}

impl<C: Clock + Clone> CallerRateLimiter<C> {
    fn with_clock(per_minute: Option<NonZeroU32>, clock: C) -> Self {
        Self { per_minute, callers: Mutex::new(LruCache::new(MAX_CALLERS)), clock }
    }

    /// Counts a request of `caller` and checks the limit.
    pub fn check(&self, caller: &Caller) -> Result<(), RateLimited> {
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
        write!(f, "CallerRateLimiter({:?} per minute)", self.per_minute)
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn limiter(per_minute: u32) -> (CallerRateLimiter<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        (CallerRateLimiter::with_clock(NonZeroU32::new(per_minute), clock.clone()), clock)
    }

    fn caller(name: &impl ToString) -> Caller {
        name.to_string().parse().unwrap()
    }

    #[test]
    fn accepts_burst_and_then_the_constant_rate() {
        let (limiter, clock) = limiter(60);
        assert!((0..60).all(|_| limiter.check(&caller(&"a")).is_ok()));
        let error = limiter.check(&caller(&"a")).unwrap_err();
        assert_eq!(error.wait, Duration::from_secs(1));
        clock.advance(error.wait);
        assert_eq!(limiter.check(&caller(&"a")), Ok(()), "accepted after the reported wait");
        assert!(limiter.check(&caller(&"a")).is_err());
        clock.advance(Duration::from_hours(1));
        assert_eq!(
            (0..100).filter(|_| limiter.check(&caller(&"a")).is_ok()).count(),
            60,
            "unused permits do not accumulate"
        );
    }

    #[test]
    fn callers_have_separate_limits() {
        let (limiter, _) = limiter(1);
        for name in ["a", "b"] {
            assert!(limiter.check(&caller(&name)).is_ok() && limiter.check(&caller(&name)).is_err());
        }
    }

    #[test]
    fn drops_least_recently_seen_callers_only() {
        let (limiter, _) = limiter(1);
        limiter.check(&caller(&"frequent")).unwrap();
        for n in 0..2 * MAX_CALLERS.get() {
            limiter.check(&caller(&n)).unwrap();
            assert!(limiter.check(&caller(&"frequent")).is_err(), "{n}");
        }
        assert_eq!(limiter.callers.lock().unwrap().len(), MAX_CALLERS.get());
        assert!(limiter.check(&caller(&0)).is_ok(), "the dropped caller starts with a full bucket");
    }

    #[test]
    fn unlimited_limiter_counts_nothing() {
        let (limiter, _) = limiter(0);
        assert!((0..1000).all(|_| limiter.check(&caller(&"a")).is_ok()));
        assert!(limiter.callers.lock().unwrap().is_empty());
    }
}
