//! A batch of events from SQS: each is taken for itself, and only those that may come right the next time
//! go back to the queue.

use std::sync::Arc;

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures_util::{StreamExt, stream};
use tracing::Instrument;

use super::{DeadLetters, KeyEvent, Lifecycle, NotTaken, Taken};
use crate::deadline::Budget;

/// Events of a batch that are worked on at once.
const AT_ONCE: usize = 10;

/// The messages that failed, as Lambda wants to be told (`ReportBatchItemFailures`).
pub type Failures = SqsBatchResponse;

/// Takes batches.
#[derive(Debug)]
pub struct Batch {
    /// Takes one event.
    pub lifecycle: Lifecycle,
    /// Where those go that will never come right.
    pub dead_letters: DeadLetters,
}

impl Batch {
    /// Takes every message, and tells which have to come again.
    pub async fn take(self: Arc<Self>, batch: SqsEvent, budget: Budget) -> Failures {
        let failed = stream::iter(batch.records)
            .map(|message| {
                let id = message.message_id.clone().unwrap_or_default();
                let span = tracing::info_span!("event", message = id);
                let this = &self;
                async move { (this.take_one(message, budget).await, id) }.instrument(span)
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
    async fn take_one(&self, message: SqsMessage, budget: Budget) -> bool {
        let body = message.body.unwrap_or_default();
        let taken = async {
            let event = KeyEvent::read(&body)?;
            tracing::debug!(key = %event.key.key, occurred_at = %event.occurred_at, "read");
            self.lifecycle.take(event, budget).await
        };
        match taken.await {
            Ok(Taken::Notified(claim)) => tracing::info!(outcome = "notified", %claim, "taken"),
            Ok(Taken::Recorded) => tracing::info!(outcome = "recorded", "taken"),
            Ok(Taken::Stale) => tracing::info!(outcome = "stale", "taken"),
            Err(NotTaken::Bad(why)) => {
                let reason = why.to_string();
                tracing::error!(reason, "a bad event: it goes to the dead-letter queue");
                if let Err(error) = self.dead_letters.send(&body, &reason).await {
                    tracing::error!(%error, "the dead-letter queue did not take it: it comes again");
                    return false;
                }
            }
            Err(why) => {
                tracing::warn!(%why, "not taken: it comes again");
                return false;
            }
        }
        true
    }
}

fn failure(id: String) -> BatchItemFailure {
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = id;
    failure
}
