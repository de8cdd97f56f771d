//! Logs: one JSON object a line on standard output, which Lambda takes to CloudWatch.
//!
//! Never logged: tokens, API keys, signing keys, and the `authorization` header. Types that hold one do
//! not print it.

use tokio::time::Instant;
use tracing_subscriber::EnvFilter;

use crate::config::LOG;

/// Starts logging at the level of `KEYSYNC_LOG` (default `info`; `tracing`'s filter syntax).
pub fn init() {
    let filter = EnvFilter::builder()
        .with_default_directive(tracing::level_filters::LevelFilter::INFO.into())
        .with_env_var(LOG)
        .from_env_lossy();
    tracing_subscriber::fmt().json().flatten_event(true).with_env_filter(filter).with_target(false).init();
}

/// Milliseconds since `since`, as durations are logged.
pub(crate) fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
