//! A batch of events from SQS: each is taken for itself, and only those that may come right the next time
//! go back to the queue.

use std::sync::Arc;

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Deserializer};
use tokio::time::Instant;
use tracing::{
    Instrument, Span,
    field::{Empty, display},
};

use super::{DeadLetters, EventError, KeyEvent, Lifecycle};
use crate::{
    strict_json::Strict,
    telemetry::{self, millis},
    time_budget::TimeBudget,
    trace_context::TraceContext,
};

/// The attribute of an SQS message that bears its sender's trace, as X-Ray writes it.
const TRACE_ATTRIBUTE: &str = "AWSTraceHeader";

/// Events of a batch that are worked on at once.
const AT_ONCE: usize = 10;

/// The messages that failed, as Lambda wants to be told (`ReportBatchItemFailures`).
pub type Failures = SqsBatchResponse;

/// What Lambda hands on of a queue: some messages.
#[derive(Debug)]
pub struct Messages(SqsEvent);

impl<'de> Deserialize<'de> for Messages {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        SqsEvent::deserialize(Strict::new(from)).map(Self)
    }
}

/// Takes batches.
#[derive(Debug)]
pub struct Batch {
    /// Takes one event.
    pub lifecycle: Lifecycle,
    /// Where those go that will never come right.
    pub dead_letters: DeadLetters,
}

impl Batch {
    /// Takes every message, and tells which have to come again. `xray` is the invocation's trace, for
    /// messages that bring none.
    pub async fn take(
        self: Arc<Self>,
        Messages(batch): Messages,
        xray: Option<&str>,
        budget: TimeBudget,
    ) -> Failures {
        let failed = stream::iter(batch.records)
            .map(|message| {
                let id = message.message_id.clone().unwrap_or_default();
                let own = message.attributes.get(TRACE_ATTRIBUTE).map(String::as_str);
                let trace = TraceContext::of_xray(own.or(xray));
                let span = tracing::error_span!(
                    "event", trace_id = %trace, message_id = id, instance = Empty, key = Empty, claim = Empty
                );
                let this = &self;
                async move { (this.take_one(message, &trace, budget).await, id) }.instrument(span)
            })
            .buffer_unordered(AT_ONCE)
            .filter_map(async |(done, id)| (!done).then_some(id))
            .collect::<Vec<_>>()
            .await;
        let mut failures = Failures::default();
        failures.batch_item_failures = failed.into_iter().map(failure).collect();
        failures
    }

    /// Whether the message is done with.
    async fn take_one(&self, message: SqsMessage, trace: &TraceContext, budget: TimeBudget) -> bool {
        let started = Instant::now();
        let body = message.body.unwrap_or_default();
        let taken = async {
            let event = KeyEvent::read(&body)?;
            let instance = event.key.instance.instance;
            Span::current().record("instance", display(instance)).record("key", display(event.key.key));
            self.lifecycle.take(event, trace, budget).await
        };
        match taken.await {
            Ok(taken) => {
                tracing::info!(outcome = taken.as_str(), duration_ms = millis(started), "taken");
                true
            }
            Err(EventError::Bad(why)) => self.send_away(&body, &why.to_string(), started).await,
            Err(why) => {
                let reason = why.to_string();
                tracing::warn!(outcome = "comes_again", reason, duration_ms = millis(started), "not taken");
                false
            }
        }
    }

    /// Whether the dead-letter queue has it.
    async fn send_away(&self, body: &str, reason: &str, started: Instant) -> bool {
        if let Err(error) = self.dead_letters.send(body, reason).await {
            tracing::error!(
                outcome = "comes_again", reason, %error, duration_ms = millis(started),
                "the dead-letter queue did not take it"
            );
            return false;
        }
        telemetry::count_dead_letter();
        tracing::error!(outcome = "dead_letter", reason, duration_ms = millis(started), "a bad event");
        true
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
    fn messages_are_objects_with_each_field_once() {
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
