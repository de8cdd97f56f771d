//! Logs and metrics: JSON objects, one a line, on standard output, which Lambda takes to CloudWatch.
//! What they say is in `docs/how-to/operate.md`.
//!
//! Never logged: tokens, API keys, signing keys, and the `authorization` header. Types that hold one do
//! not print it.

mod json_format;
mod log_filter;

use std::{
    fmt::Display,
    io::{self, Write},
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};
use metrics_cloudwatch_embedded::{Builder, Collector};
use tokio::time::Instant;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{fmt::format::JsonFields, prelude::*};

pub(crate) use json_format::AUDIT;
pub use log_filter::{LOG, LogFilter};

use crate::domain::ServiceName;

/// The namespace of all metrics.
const NAMESPACE: &str = "keysync";
/// Requests to `sync`, by outcome: `notified`, `replayed`, or the code of the refusal.
const SYNCS: &str = "Syncs";
/// How long they took.
const SYNC_DURATION: &str = "SyncDuration";
/// How long services took to answer, by service.
const CALLBACK_DURATION: &str = "CallbackDuration";
/// Callbacks that failed, by service.
const CALLBACK_FAILURES: &str = "CallbackFailures";
/// Callbacks that were tries after the first, by service.
const RETRIES: &str = "Retries";
/// Notifications that a service did not take within 24 hours, by service, and of all services together.
const NOTIFICATIONS_FAILED: &str = "NotificationsFailed";
/// How old the oldest notification was that a run found pending, due or not.
const PENDING_AGE: &str = "PendingAge";
/// Events that went to the dead-letter queue.
const DEAD_LETTERS: &str = "DeadLetters";

/// The dimension of what is counted by service, and by outcome.
const SERVICE: &str = "Service";
const OUTCOME: &str = "Outcome";

/// How many values of a metric a line can hold, and so how many the collector keeps. It drops the next.
const VALUES: usize = 100;

/// Where what was counted is kept until it is written. Nowhere, where [`init`] was not called.
static COLLECTOR: OnceLock<&'static Collector> = OnceLock::new();
/// The values that it keeps, of all metrics together.
static KEPT: AtomicUsize = AtomicUsize::new(0);

/// Writes what was counted.
#[derive(Clone, Copy, Debug)]
pub struct Metrics(());

/// Starts logging what `KEYSYNC_LOG` says, and counting. Where it is invalid, `info` is logged, and the configuration
/// names the mistake with all others. Audit events are written whatever it says. Once in a process.
pub fn init() -> Result<Metrics, metrics_cloudwatch_embedded::Error> {
    let filter = std::env::var(LOG).ok().and_then(|text| text.parse::<LogFilter>().ok()).unwrap_or_default();
    let lines =
        tracing_subscriber::fmt::layer().fmt_fields(JsonFields::new()).event_format(json_format::JsonLine);
    let logged = filter.targets().with_target(AUDIT, LevelFilter::INFO);
    tracing_subscriber::registry().with(lines).with(logged).init();
    let collector = Builder::new().cloudwatch_namespace(NAMESPACE).init()?;
    COLLECTOR.get_or_init(|| collector);
    describe();
    Ok(Metrics(()))
}

/// The units, which the collector knows by a metric's name.
fn describe() {
    describe_counter!(SYNCS, Unit::Count, "requests to sync");
    describe_histogram!(SYNC_DURATION, Unit::Milliseconds, "how long they took");
    describe_histogram!(CALLBACK_DURATION, Unit::Milliseconds, "how long a service took to answer");
    describe_counter!(CALLBACK_FAILURES, Unit::Count, "callbacks that failed");
    describe_counter!(RETRIES, Unit::Count, "callbacks after the first");
    describe_counter!(NOTIFICATIONS_FAILED, Unit::Count, "notifications that a service never took");
    describe_histogram!(PENDING_AGE, Unit::Seconds, "age of the oldest pending notification");
    describe_counter!(DEAD_LETTERS, Unit::Count, "events sent to the dead-letter queue");
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
        flush();
        answer
    }
}

/// Writes what was counted. What is zero is not written, save for values.
fn flush() {
    let Some(collector) = COLLECTOR.get() else { return };
    KEPT.store(0, Ordering::Relaxed);
    // All lines at once: written one by one, each would be a system call.
    let mut lines = Vec::new();
    let written = collector.flush(&mut lines).and_then(|()| io::stdout().write_all(&lines));
    if let Err(error) = written {
        tracing::error!(%error, "metrics could not be written");
    }
}

/// Makes place for one more value. A run of redelivery has more callbacks than a line has values.
fn make_place() {
    if KEPT.fetch_add(1, Ordering::Relaxed) >= VALUES {
        flush();
        KEPT.store(1, Ordering::Relaxed);
    }
}

/// Counts an answer to a request.
pub(crate) fn count_sync(outcome: &'static str, took: Duration) {
    counter!(SYNCS, OUTCOME => outcome).increment(1);
    make_place();
    histogram!(SYNC_DURATION).record(exact_millis(took));
}

/// Counts an attempt to tell a service.
pub(crate) fn count_callback(service: &ServiceName, took: Duration, is_retry: bool, has_failed: bool) {
    let service = || service.to_string();
    make_place();
    histogram!(CALLBACK_DURATION, SERVICE => service()).record(exact_millis(took));
    if is_retry {
        counter!(RETRIES, SERVICE => service()).increment(1);
    }
    if has_failed {
        counter!(CALLBACK_FAILURES, SERVICE => service()).increment(1);
    }
}

/// Counts a notification that was given up. Twice: an alarm cannot sum over dimensions that it does not know.
pub(crate) fn count_exhausted(service: &ServiceName) {
    counter!(NOTIFICATIONS_FAILED, SERVICE => service.to_string()).increment(1);
    counter!(NOTIFICATIONS_FAILED).increment(1);
}

/// Records how old the oldest notification was that a run found pending. A value and no gauge: a gauge would be
/// written again with every flush.
pub(crate) fn record_pending_age(age: Duration) {
    make_place();
    histogram!(PENDING_AGE).record(age.as_secs_f64());
}

/// Counts an event that went to the dead-letter queue.
pub(crate) fn count_dead_letter() {
    counter!(DEAD_LETTERS).increment(1);
}

/// Milliseconds since `since`, as durations are logged.
pub(crate) fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn exact_millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
