//! The clock: the only code that reads the time of day, so that tests can set it.

use std::{
    fmt,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::domain::EpochMillis;

/// A source of the current time.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> EpochMillis + Send + Sync>);

impl Clock {
    /// The system clock. A time before 1970 reads as 1970.
    #[must_use]
    pub fn system() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the time of day")]
        Self::from_fn(|| {
            let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            EpochMillis::new(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
        })
    }

    /// A clock that returns what `now` returns.
    #[must_use]
    pub fn from_fn(now: impl Fn() -> EpochMillis + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The current instant.
    #[must_use]
    pub fn now(&self) -> EpochMillis {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}
