//! The `EventBridge` schedule that runs `redeliver`.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::{
    task::AbortHandle,
    time::{MissedTickBehavior, interval_at},
};

use crate::Handle;

/// Invokes a function at a fixed interval. Dropping it ends the schedule.
#[derive(Debug)]
pub struct Schedule(AbortHandle);

impl Schedule {
    /// Invokes `function` at the interval `every`, first after one interval.
    #[must_use]
    pub fn start(function: Handle, every: Duration) -> Self {
        let run = async move {
            let mut times = interval_at(tokio::time::Instant::now() + every, every);
            times.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                times.tick().await;
                // The function logs its errors, and the next run is due in any case.
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

/// The fields of a scheduled event of `EventBridge` that functions use.
#[must_use]
pub fn event() -> Value {
    json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}})
}
