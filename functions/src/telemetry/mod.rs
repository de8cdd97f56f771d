//! Logs and metrics: JSON objects, one per line, on standard output, which Lambda sends to
//! CloudWatch (docs/reference/logs-metrics-audit.md).
//!
//! Never logged: tokens, API keys, signing keys, and the `authorization` header. Types that contain
//! a secret do not implement `Debug`, or redact it.

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
/// Requests to `sync`, by outcome: `notified`, `replayed` or a reason code.
const SYNCS: &str = "Syncs";
/// The duration of requests to `sync`, in milliseconds.
const SYNC_DURATION: &str = "SyncDuration";
/// The duration of delivery attempts, by service, in milliseconds.
const CALLBACK_DURATION: &str = "CallbackDuration";
/// Failed delivery attempts, by service.
const CALLBACK_FAILURES: &str = "CallbackFailures";
/// Delivery attempts after the first, by service.
const RETRIES: &str = "Retries";
/// Deliveries whose retries were exhausted, by service and of all services together.
const NOTIFICATIONS_FAILED: &str = "NotificationsFailed";
/// Services that did not acknowledge a notification within four hours, or acknowledged a key state
/// that contradicts the key's, by service and of all services together.
const NOTIFICATIONS_OVERDUE: &str = "NotificationsOverdue";
const NOTIFICATIONS_CONFLICTING: &str = "NotificationsConflicting";
/// The age of the oldest pending notification at a run of `redeliver`, due or not, in seconds.
const PENDING_AGE: &str = "PendingAge";
/// Malformed events sent to the dead-letter queue.
const DEAD_LETTERS: &str = "DeadLetters";

/// The dimension of metrics by service.
const SERVICE: &str = "Service";
/// The dimension of metrics by outcome.
const OUTCOME: &str = "Outcome";

/// The maximum number of values of a metric per line in the embedded metric format. The collector
/// drops further values (docs/reference/limits.md#metric-values).
const MAX_VALUES: usize = 100;

/// The collector, which keeps metrics until they are flushed. Unset, and nothing is kept, before
/// [`init`].
static COLLECTOR: OnceLock<&'static Collector> = OnceLock::new();
/// The values in the collector, of all metrics together.
static COLLECTED_VALUES: AtomicUsize = AtomicUsize::new(0);

/// The proof that [`init`] was called, and the access to flushing metrics.
#[derive(Clone, Copy, Debug)]
pub struct Metrics(());

/// Installs the log subscriber with the filter of `KEYSYNC_LOG` and the metrics collector, once per
/// process.
///
/// An invalid `KEYSYNC_LOG` counts as `info`, and the configuration reports it with all other
/// mistakes. Audit events are written with every filter.
pub fn init() -> Result<Metrics, metrics_cloudwatch_embedded::Error> {
    let filter = std::env::var(LOG).ok().and_then(|text| text.parse::<LogFilter>().ok()).unwrap_or_default();
    let lines =
        tracing_subscriber::fmt::layer().fmt_fields(JsonFields::new()).event_format(json_format::JsonLine);
    let filter = filter.targets().with_target(AUDIT, LevelFilter::INFO);
    tracing_subscriber::registry().with(lines).with(filter).init();
    let collector = Builder::new().cloudwatch_namespace(NAMESPACE).init()?;
    COLLECTOR.get_or_init(|| collector);
    describe();
    Ok(Metrics(()))
}

/// Registers unit and description of each metric.
fn describe() {
    describe_counter!(SYNCS, Unit::Count, "requests to sync");
    describe_histogram!(SYNC_DURATION, Unit::Milliseconds, "duration of requests to sync");
    describe_histogram!(CALLBACK_DURATION, Unit::Milliseconds, "duration of delivery attempts");
    describe_counter!(CALLBACK_FAILURES, Unit::Count, "failed delivery attempts");
    describe_counter!(RETRIES, Unit::Count, "delivery attempts after the first");
    describe_counter!(NOTIFICATIONS_FAILED, Unit::Count, "deliveries whose retries were exhausted");
    describe_histogram!(PENDING_AGE, Unit::Seconds, "age of the oldest pending notification");
    describe_counter!(NOTIFICATIONS_OVERDUE, Unit::Count, "services that did not acknowledge in time");
    describe_counter!(NOTIFICATIONS_CONFLICTING, Unit::Count, "services with a contradicting key state");
    describe_counter!(DEAD_LETTERS, Unit::Count, "malformed events sent to the dead-letter queue");
}

/// Logs the error that fails the init of the function. Lambda retries the init with the next
/// invocation.
pub fn cannot_start(error: &impl Display) {
    tracing::error!(%error, "cannot start");
}

impl Metrics {
    /// Runs an invocation and then writes its metrics, because Lambda may freeze the process for
    /// good after the invocation.
    pub async fn flush_after<T>(self, invocation: impl Future<Output = T>) -> T {
        let output = invocation.await;
        flush();
        output
    }
}

/// Writes the collected metrics in CloudWatch's embedded metric format. Counters of zero are not
/// written.
fn flush() {
    let Some(collector) = COLLECTOR.get() else { return };
    COLLECTED_VALUES.store(0, Ordering::Relaxed);
    // Buffered, because each line written to standard output is a system call.
    let mut lines = Vec::new();
    let written = collector.flush(&mut lines).and_then(|()| io::stdout().write_all(&lines));
    if let Err(error) = written {
        tracing::error!(%error, "metrics could not be written");
    }
}

/// Flushes if the collector cannot keep one more value: a run of `redeliver` has more delivery
/// attempts than [`MAX_VALUES`].
fn reserve_value() {
    if COLLECTED_VALUES.fetch_add(1, Ordering::Relaxed) >= MAX_VALUES {
        flush();
        COLLECTED_VALUES.store(1, Ordering::Relaxed);
    }
}

/// Counts a request to `sync` and records its duration.
pub(crate) fn count_sync(outcome: &'static str, duration: Duration) {
    counter!(SYNCS, OUTCOME => outcome).increment(1);
    reserve_value();
    histogram!(SYNC_DURATION).record(exact_millis(duration));
}

/// The place of an attempt in its delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AttemptKind {
    First,
    Retry,
}

/// The result of an attempt, as the metrics distinguish it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AttemptResult {
    /// The service responded with 2xx or 410.
    Settled,
    Failed,
}

/// Counts an attempt to deliver a notification to a service.
pub(crate) fn count_callback(
    service: &ServiceName,
    duration: Duration,
    kind: AttemptKind,
    result: AttemptResult,
) {
    let service = || service.to_string();
    reserve_value();
    histogram!(CALLBACK_DURATION, SERVICE => service()).record(exact_millis(duration));
    if kind == AttemptKind::Retry {
        counter!(RETRIES, SERVICE => service()).increment(1);
    }
    if result == AttemptResult::Failed {
        counter!(CALLBACK_FAILURES, SERVICE => service()).increment(1);
    }
}

/// Counts a delivery whose retries are exhausted: once by service and once without, because an
/// alarm cannot sum over unknown values of a dimension.
pub(crate) fn count_exhausted(service: &ServiceName) {
    counter!(NOTIFICATIONS_FAILED, SERVICE => service.to_string()).increment(1);
    counter!(NOTIFICATIONS_FAILED).increment(1);
}

/// Counts a service that is overdue, by service and without, as [`count_exhausted`] does.
pub(crate) fn count_overdue(service: &ServiceName) {
    counter!(NOTIFICATIONS_OVERDUE, SERVICE => service.to_string()).increment(1);
    counter!(NOTIFICATIONS_OVERDUE).increment(1);
}

/// Counts a service that acknowledged a contradicting key state, by service and without.
pub(crate) fn count_conflicting(service: &ServiceName) {
    counter!(NOTIFICATIONS_CONFLICTING, SERVICE => service.to_string()).increment(1);
    counter!(NOTIFICATIONS_CONFLICTING).increment(1);
}

/// Records the age of the oldest pending notification. A histogram, because a gauge would be
/// written again with every flush.
pub(crate) fn record_pending_age(age: Duration) {
    reserve_value();
    histogram!(PENDING_AGE).record(age.as_secs_f64());
}

/// Counts a malformed event sent to the dead-letter queue.
pub(crate) fn count_dead_letter() {
    counter!(DEAD_LETTERS).increment(1);
}

/// The integer milliseconds since `started`, for the log field `duration_ms`.
pub(crate) fn millis(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn exact_millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
