//! Logs and metrics: JSON objects, one a line, on standard output, which Lambda takes to CloudWatch.
//!
//! Never logged: tokens, API keys, signing keys, and the `authorization` header. Types that hold one do
//! not print it.

use std::{fmt::Display, io};

use metrics_cloudwatch_embedded::{Builder, Collector};
use tokio::time::Instant;
use tracing_subscriber::EnvFilter;

use crate::{config::LOG, key::ServiceName};

/// The namespace of all metrics.
const NAMESPACE: &str = "keysync";
/// Notifications that a service did not take within 24 hours, by service.
const GIVEN_UP: &str = "NotificationsGivenUp";

/// What was counted and is not written yet.
#[derive(Clone, Copy)]
pub struct Metrics(&'static Collector);

/// Starts logging at the level of `KEYSYNC_LOG` (default `info`; `tracing`'s filter syntax), and counting.
/// Once in a process.
pub fn init() -> Result<Metrics, metrics_cloudwatch_embedded::Error> {
    let filter = EnvFilter::builder()
        .with_default_directive(tracing::level_filters::LevelFilter::INFO.into())
        .with_env_var(LOG)
        .from_env_lossy();
    tracing_subscriber::fmt().json().flatten_event(true).with_env_filter(filter).with_target(false).init();
    Builder::new().cloudwatch_namespace(NAMESPACE).init().map(Metrics)
}

/// Logs why the function does not start. Lambda tries again.
pub fn cannot_start(error: &impl Display) {
    tracing::error!(%error, "cannot start");
}

impl Metrics {
    /// Serves an invocation, and writes what was counted by its end in CloudWatch's embedded metric
    /// format: Lambda may freeze the process after it for good.
    pub async fn flush_after<T>(self, invocation: impl Future<Output = T>) -> T {
        let answer = invocation.await;
        if let Err(error) = self.0.flush(io::stdout()) {
            tracing::error!(%error, "metrics could not be written");
        }
        answer
    }
}

/// Counts a notification that was given up.
pub(crate) fn count_given_up(service: &ServiceName) {
    metrics::counter!(GIVEN_UP, "Service" => service.to_string()).increment(1);
}

/// Milliseconds since `since`, as durations are logged.
pub(crate) fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
