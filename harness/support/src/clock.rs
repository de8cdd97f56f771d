//! The harness's clock: the machine's time plus an offset, or a fixed time.

use std::{sync::Arc, time::Duration};

use keysync::{Clock, domain::EpochMillis};
use parking_lot::{Mutex, MutexGuard};

/// A clock that a test can set or advance. Clones share the time.
///
/// ```
/// use std::time::Duration;
/// use keysync::domain::EpochMillis;
/// use keysync_emulator_support::clock::HarnessClock;
/// let clock = HarnessClock::set_to(EpochMillis::new(1_795_496_400_000));
/// clock.advance(Duration::from_millis(1));
/// assert_eq!(clock.now().get(), 1_795_496_400_001);
/// ```
#[derive(Clone, Debug)]
pub struct HarnessClock(Arc<Mutex<Time>>);

#[derive(Clone, Copy, Debug)]
enum Time {
    /// The machine's time plus this offset.
    Ahead(Duration),
    /// A fixed time.
    Set(EpochMillis),
}

impl HarnessClock {
    /// Creates a clock that starts at the machine's time and runs.
    ///
    /// ```
    /// use keysync_emulator_support::clock::HarnessClock;
    /// let clock = HarnessClock::running();
    /// let before = clock.now();
    /// assert!(clock.now() >= before);
    /// ```
    #[must_use]
    pub fn running() -> Self {
        Self(Arc::new(Mutex::new(Time::Ahead(Duration::ZERO))))
    }

    /// Creates a clock that is stopped at `now`.
    ///
    /// ```
    /// use keysync::domain::EpochMillis;
    /// use keysync_emulator_support::clock::HarnessClock;
    /// let clock = HarnessClock::set_to(EpochMillis::new(1_795_496_400_000));
    /// assert_eq!(clock.now(), clock.now());
    /// ```
    #[must_use]
    pub fn set_to(now: EpochMillis) -> Self {
        Self(Arc::new(Mutex::new(Time::Set(now))))
    }

    /// The current time.
    ///
    /// ```
    /// println!("{}", keysync_emulator_support::clock::HarnessClock::running().now());
    /// ```
    #[must_use]
    pub fn now(&self) -> EpochMillis {
        match *self.lock() {
            Time::Ahead(by) => Clock::system().now().plus(by),
            Time::Set(now) => now,
        }
    }

    /// Stops it at `now`.
    ///
    /// ```
    /// use keysync::domain::EpochMillis;
    /// use keysync_emulator_support::clock::HarnessClock;
    /// let clock = HarnessClock::running();
    /// clock.set(EpochMillis::new(0));
    /// assert_eq!(clock.now().get(), 0);
    /// ```
    pub fn set(&self, now: EpochMillis) {
        *self.lock() = Time::Set(now);
    }

    /// Advances the clock.
    ///
    /// ```
    /// use std::time::Duration;
    /// use keysync_emulator_support::clock::HarnessClock;
    /// let clock = HarnessClock::running();
    /// let before = clock.now();
    /// clock.advance(Duration::from_hours(1));
    /// assert!(clock.now().since(before) >= Duration::from_hours(1));
    /// ```
    pub fn advance(&self, by: Duration) {
        let mut time = self.lock();
        *time = match *time {
            Time::Ahead(ahead) => Time::Ahead(ahead.saturating_add(by)),
            Time::Set(now) => Time::Set(now.plus(by)),
        };
    }

    /// The same clock, as the functions' type.
    ///
    /// ```
    /// use keysync::domain::EpochMillis;
    /// use keysync_emulator_support::clock::HarnessClock;
    /// let clock = HarnessClock::set_to(EpochMillis::new(7));
    /// assert_eq!(clock.clock().now(), clock.now());
    /// ```
    #[must_use]
    pub fn clock(&self) -> Clock {
        let this = self.clone();
        Clock::from_fn(move || this.now())
    }

    fn lock(&self) -> MutexGuard<'_, Time> {
        self.0.lock()
    }
}
