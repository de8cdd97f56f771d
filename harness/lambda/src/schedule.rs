//! The schedule that runs `redeliver`: `EventBridge`'s, with its event.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::{
    task::AbortHandle,
    time::{MissedTickBehavior, interval_at},
};

use crate::Handle;

/// Runs a function at regular times. Dropping it ends that.
#[derive(Debug)]
pub struct Schedule(AbortHandle);

impl Schedule {
    /// Invokes `function` at this interval, the first time after one.
    #[must_use]
    pub fn start(function: Handle, every: Duration) -> Self {
        let run = async move {
            let mut times = interval_at(tokio::time::Instant::now() + every, every);
            times.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                times.tick().await;
                // Its log says what went wrong; the next run comes in any case.
                let _ = function.invoke(&event()).await;
            }
        };
        Self(tokio::spawn(run).abort_handle())
    }
}

impl Drop for Schedule {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What `EventBridge` sends at such a time, as far as anybody reads it.
#[must_use]
pub fn event() -> Value {
    json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}})
}
