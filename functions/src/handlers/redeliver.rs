//! The handler of `redeliver`: an event of a schedule in, a summary of the run out.

use std::{sync::Arc, time::Duration};

use lambda_http::{Context, LambdaEvent, lambda_runtime::Diagnostic};
use serde::de::IgnoredAny;
use tokio::time::Instant;
use tracing::Instrument;

use super::Table;
use crate::{
    audit,
    clock::Clock,
    config::CommonConfig,
    delivery::SigningKeys,
    ledger::item::DUE_SHARDS,
    telemetry::{self, millis},
    trace_context::TraceContext,
    usecases::redeliver::{Redeliver, Summary},
};

/// The function `redeliver` with the clients that it keeps between runs.
#[derive(Debug)]
pub struct RedeliverHandler {
    redeliver: Redeliver,
    request_timeout: Duration,
}

/// A failed run: DynamoDB calls failed, and no notification was leased. Lambda counts the
/// invocation as failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no notification was leased, and {failed_calls} call(s) to DynamoDB failed; see the log")]
pub struct RedeliverError {
    /// The number of failed calls to DynamoDB.
    pub failed_calls: u64,
}

impl From<RedeliverError> for Diagnostic {
    fn from(error: RedeliverError) -> Self {
        Self { error_type: "DynamoDbFailed".to_owned(), error_message: error.to_string() }
    }
}

impl RedeliverHandler {
    /// Builds the clients without any network call. `keys` are the signing keys that `config`
    /// names.
    #[must_use]
    pub fn new(config: CommonConfig, keys: SigningKeys, table: Table, clock: Clock) -> Self {
        let request_timeout = config.request_timeout;
        let redeliver = Redeliver {
            dispatcher: super::dispatcher(config, keys, table, &clock),
            clock,
            audit: audit::record_notification,
            shards: DUE_SHARDS,
        };
        Self { redeliver, request_timeout }
    }

    /// Delivers the notifications that are due, and checks the deadlines that are over. The content
    /// of the event is ignored.
    pub async fn handle(self: Arc<Self>, event: LambdaEvent<IgnoredAny>) -> Result<Summary, RedeliverError> {
        let trace = TraceContext::from_xray(event.context.xray_trace_id.as_deref());
        let span = tracing::error_span!("redeliver", trace_id = %trace);
        self.run(&event.context, &trace).instrument(span).await
    }

    async fn run(&self, context: &Context, trace: &TraceContext) -> Result<Summary, RedeliverError> {
        let started = Instant::now();
        let budget = super::budget(Some(context), self.request_timeout);
        let summary = self.redeliver.run(trace, budget).await;
        let has_failed = summary.leased + summary.deadlines_checked == 0 && summary.errors > 0;
        tracing::info!(
            outcome = if has_failed { "failed" } else { "done" },
            leased = summary.leased,
            contended = summary.contended,
            left_due = summary.left_due,
            delivered = summary.delivered,
            refused = summary.refused,
            retrying = summary.retrying,
            deferred = summary.deferred,
            failed = summary.failed,
            deadlines_checked = summary.deadlines_checked,
            deadlines_left = summary.deadlines_left,
            overdue = summary.overdue,
            errors = summary.errors,
            oldest_due_ms = summary.oldest_due_ms,
            oldest_pending_ms = summary.oldest_pending_ms,
            pending = summary.pending,
            unseen_shards = summary.unseen_shards,
            paused_services = summary.paused_services,
            duration_ms = millis(started),
            "redelivered"
        );
        // 0 means that nothing is pending; a run that could not read the whole index does not know
        // that.
        if summary.pending > 0 || summary.errors + summary.unseen_shards == 0 {
            telemetry::record_pending(summary.pending, Duration::from_millis(summary.oldest_pending_ms));
        }
        if summary.paused_services > 0 {
            telemetry::record_paused(summary.paused_services);
        }
        if has_failed {
            return Err(RedeliverError { failed_calls: summary.errors });
        }
        Ok(summary)
    }
}
