//! A batch of SQS messages, each with one lifecycle event. Messages are processed independently;
//! only those that may succeed on a retry are returned to the queue.

use std::sync::Arc;

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Deserializer};
use tokio::time::Instant;
use tracing::{
    Instrument, Span,
    field::{Empty, display},
};

use super::{DeadLetterQueue, EventError, KeyEvent, Lifecycle};
use crate::{
    strict_json::Strict,
    telemetry::{self, millis},
    time_budget::TimeBudget,
    trace_context::TraceContext,
};

/// The attribute of an SQS message that has the trace of its sender, in the format of X-Ray.
const TRACE_ATTRIBUTE: &str = "AWSTraceHeader";

/// The events of a batch that are processed concurrently (docs/reference/limits.md#batch).
const MAX_CONCURRENCY: usize = 10;

/// The failed messages in the form of Lambda's `ReportBatchItemFailures`.
pub type Failures = SqsBatchResponse;

/// The event of an SQS event source mapping: a batch of messages.
#[derive(Debug)]
pub struct Messages(SqsEvent);

impl<'de> Deserialize<'de> for Messages {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        SqsEvent::deserialize(Strict::new(from)).map(Self)
    }
}

/// Processes batches.
#[derive(Debug)]
pub struct BatchProcessor {
    /// Processes one event.
    pub lifecycle: Lifecycle,
    /// The queue for malformed events.
    pub dead_letters: DeadLetterQueue,
}

/// What SQS does with a processed message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Disposition {
    /// It deletes the message.
    Delete,
    /// It delivers the message again after the visibility timeout.
    Retry,
}

impl BatchProcessor {
    /// Processes every message and returns the ids of those that SQS has to deliver again. `xray`
    /// is the trace of the invocation, for messages without one.
    pub async fn process(
        self: Arc<Self>,
        Messages(batch): Messages,
        xray: Option<&str>,
        budget: TimeBudget,
    ) -> Failures {
        let failed = stream::iter(batch.records)
            .map(|message| {
                let id = message.message_id.clone().unwrap_or_default();
                let own = message.attributes.get(TRACE_ATTRIBUTE).map(String::as_str);
                let trace = TraceContext::from_xray(own.or(xray));
                let span = tracing::error_span!(
                    "event", trace_id = %trace, message_id = id, instance = Empty, key = Empty, claim = Empty
                );
                let this = &self;
                async move { (this.process_message(message, &trace, budget).await, id) }.instrument(span)
            })
            .buffer_unordered(MAX_CONCURRENCY)
            .filter_map(async |(disposition, id)| (disposition == Disposition::Retry).then_some(id))
            .collect::<Vec<_>>()
            .await;
        let mut failures = Failures::default();
        failures.batch_item_failures = failed.into_iter().map(failure).collect();
        failures
    }

    /// Processes one message and logs the result.
    async fn process_message(
        &self,
        message: SqsMessage,
        trace: &TraceContext,
        budget: TimeBudget,
    ) -> Disposition {
        let started = Instant::now();
        let body = message.body.unwrap_or_default();
        let processing = async {
            let event = KeyEvent::read(&body)?;
            let instance = event.key.instance.instance;
            Span::current().record("instance", display(instance)).record("key", display(event.key.key));
            self.lifecycle.process(event, trace, budget).await
        };
        let result = processing.await;
        let retry_reason = result.as_ref().err().map(EventError::retry_reason);
        let disposition = match result {
            Ok(processed) => {
                let outcome = processed.as_str();
                tracing::info!(outcome, duration_ms = millis(started), "lifecycle event processed");
                Disposition::Delete
            }
            Err(EventError::Malformed(error)) => {
                self.send_to_dead_letter_queue(&body, &error.to_string(), started).await
            }
            Err(error) => {
                tracing::warn!(
                    outcome = "retry",
                    reason = error.to_string(),
                    duration_ms = millis(started),
                    "lifecycle event failed; will be retried"
                );
                Disposition::Retry
            }
        };
        if let (Disposition::Retry, Some(reason)) = (disposition, retry_reason) {
            telemetry::count_retried_event(reason);
        }
        disposition
    }

    /// Sends a malformed event to the dead-letter queue. If that fails, the message is retried.
    async fn send_to_dead_letter_queue(&self, body: &str, reason: &str, started: Instant) -> Disposition {
        if let Err(error) = self.dead_letters.send(body, reason).await {
            tracing::error!(
                outcome = "retry", reason, %error, duration_ms = millis(started),
                "dead-letter queue unavailable; event will be retried"
            );
            return Disposition::Retry;
        }
        telemetry::count_dead_letter();
        tracing::error!(
            outcome = "dead_letter",
            reason,
            duration_ms = millis(started),
            "malformed lifecycle event sent to the dead-letter queue"
        );
        Disposition::Delete
    }
}

fn failure(id: String) -> BatchItemFailure {
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = id;
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_arrays_and_duplicate_fields() {
        let good =
            r#"{"Records": [{"messageId": "1", "body": "{}", "attributes": null, "\ud800": "\ud800"}]}"#;
        let Messages(event) = serde_json::from_str(good).unwrap();
        assert_eq!(event.records[0].body.as_deref(), Some("{}"));
        for bad in [
            "[[]]",
            r#"{"Records": [["1", null, "{}", null, null, {}, {}]]}"#,
            r#"{"Records": [{"messageId": "1", "messageId": "2", "body": "{}"}]}"#,
        ] {
            assert!(serde_json::from_str::<Messages>(bad).is_err(), "{bad}");
        }
    }
}
