//! Logs and metrics: JSON objects, one per line, on standard output, which Lambda sends to
//! CloudWatch (docs/reference/logs-metrics-audit.md).
//!
//! Never logged: tokens, API keys, signing keys, and the `authorization` header. Types that contain
//! a secret do not implement `Debug`, or redact it.

mod json_format;
mod lines;
mod log_filter;
mod namespace;

use std::{
    fmt::Display,
    io::{self, Write},
    str::FromStr,
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
pub use namespace::{METRICS_NAMESPACE, MetricsNamespace};

use crate::domain::ServiceName;
use lines::Lines;
pub(crate) use lines::hold;

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
/// The number of pending notifications at a run of `redeliver`, due or not.
const PENDING_NOTIFICATIONS: &str = "PendingNotifications";
/// The number of services that an operator has paused, at a run of `redeliver`.
const PAUSED_SERVICES: &str = "PausedServices";
/// Malformed events sent to the dead-letter queue.
const DEAD_LETTERS: &str = "DeadLetters";
/// Lifecycle events that failed and were returned to the queue, by reason.
const EVENTS_RETRIED: &str = "EventsRetried";

/// The dimension of metrics by service.
const SERVICE: &str = "Service";
/// The dimension of metrics by outcome.
const OUTCOME: &str = "Outcome";
/// The dimension of metrics by reason.
const REASON: &str = "Reason";

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
/// An invalid `KEYSYNC_LOG` counts as `info`, an invalid `KEYSYNC_METRICS_NAMESPACE` as `keysync`,
/// and the configuration reports them with all other problems. Audit events are written with every
/// filter.
pub fn init() -> Result<Metrics, metrics_cloudwatch_embedded::Error> {
    let filter = setting::<LogFilter>(LOG);
    let lines = tracing_subscriber::fmt::layer()
        .fmt_fields(JsonFields::new())
        .event_format(json_format::JsonLine)
        .with_writer(|| Lines);
    let filter = filter.targets().with_target(AUDIT, LevelFilter::INFO);
    tracing_subscriber::registry().with(lines).with(filter).init();
    let namespace = setting::<MetricsNamespace>(METRICS_NAMESPACE);
    let collector = Builder::new().cloudwatch_namespace(String::from(namespace)).init()?;
    COLLECTOR.get_or_init(|| collector);
    describe();
    Ok(Metrics(()))
}

/// The value of an environment variable; the default if it is unset or invalid.
fn setting<T: FromStr + Default>(name: &str) -> T {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or_default()
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
    describe_histogram!(PENDING_NOTIFICATIONS, Unit::Count, "pending notifications");
    describe_histogram!(PAUSED_SERVICES, Unit::Count, "services that an operator has paused");
    describe_counter!(
        EVENTS_RETRIED,
        Unit::Count,
        "lifecycle events that failed and were returned to the queue"
    );
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
        // Also if the invocation panics.
        let _flush = FlushOnDrop;
        invocation.await
    }
}

struct FlushOnDrop;

impl Drop for FlushOnDrop {
    fn drop(&mut self) {
        flush();
    }
}

/// Writes the collected metrics in CloudWatch's embedded metric format, after the lines that are
/// held. Counters of zero are not written.
fn flush() {
    // In one piece, because each write to standard output is a system call.
    let mut lines = lines::take_held();
    COLLECTED_VALUES.store(0, Ordering::Relaxed);
    let collected = COLLECTOR.get().map_or(Ok(()), |collector| collector.flush(&mut lines));
    let written = io::stdout().write_all(&lines);
    if let Err(error) = collected.and(written) {
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

/// Records the number of pending notifications and the age of the oldest one. Histograms, because
/// a gauge would be written again with every flush.
pub(crate) fn record_pending(notifications: u64, oldest: Duration) {
    reserve_value();
    histogram!(PENDING_AGE).record(oldest.as_secs_f64());
    reserve_value();
    // Exact up to 2^53.
    #[expect(clippy::cast_precision_loss, reason = "a count of items in a table")]
    histogram!(PENDING_NOTIFICATIONS).record(notifications as f64);
}

/// Records the number of paused services.
pub(crate) fn record_paused(services: u64) {
    reserve_value();
    #[expect(clippy::cast_precision_loss, reason = "at most as many as there are services")]
    histogram!(PAUSED_SERVICES).record(services as f64);
}

/// Counts a lifecycle event that failed and was returned to the queue. Without it, nothing would
/// show the failure for as long as the queue retries: the invocation succeeds, and SQS leaves a
/// message out of the age of its queue after the third attempt.
pub(crate) fn count_retried_event(reason: &'static str) {
    counter!(EVENTS_RETRIED, REASON => reason).increment(1);
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
