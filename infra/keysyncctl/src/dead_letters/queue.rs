//! An SQS queue. Received messages are hidden from others for a minute; what is not deleted is made
//! visible again at the end, and after a kill it becomes visible after that minute.

use std::{collections::HashSet, time::Duration};

use aws_sdk_sqs::{
    Client,
    config::{retry::RetryConfig, timeout::TimeoutConfig},
    error::{ProvideErrorMetadata, SdkError},
    types::{ChangeMessageVisibilityBatchRequestEntry, Message, MessageSystemAttributeName},
};
use futures_util::future::join_all;
use keysync::domain::EpochMillis;
use url::Url;

use super::letter::Letter;
use crate::{aws, failure::Failure};

/// The time for which received messages are hidden, in seconds.
const HIDDEN_SECONDS: i32 = 60;
/// The most messages that SQS returns or changes in one call.
const BATCH: usize = 10;
/// A queue is distributed, and a call may find nothing although there is something: the queue
/// counts as read after this many empty responses.
const EMPTY_RESPONSES: u32 = 3;
/// How long a call waits for messages, in seconds. The longer of two kinds of polling asks all of
/// SQS's servers.
const WAIT_SECONDS: i32 = 1;

/// The limits of a call.
const ATTEMPTS: u32 = 4;
const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// A queue.
#[derive(Debug)]
pub(super) struct Queue {
    client: Client,
    url: String,
}

impl Queue {
    /// The queue at `url`, with the credentials and region of the environment. The origin of the
    /// URL is the endpoint of SQS.
    pub(super) async fn open(url: &Url) -> Result<Self, Failure> {
        let config = aws_sdk_sqs::config::Builder::from(&aws::config().await?)
            .endpoint_url(url.origin().ascii_serialization())
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .timeout_config(TimeoutConfig::builder().operation_timeout(CALL_TIMEOUT).build())
            .build();
        Ok(Self { client: Client::from_conf(config), url: url.to_string() })
    }

    /// Receives up to `max` messages until `is_enough`. Every message appears once.
    pub(super) async fn receive(
        &self,
        max: usize,
        is_enough: impl Fn(&[Letter]) -> bool,
    ) -> Result<Vec<Letter>, Failure> {
        let (mut letters, mut seen, mut empty) = (Vec::new(), HashSet::new(), 0);
        while letters.len() < max && empty < EMPTY_RESPONSES && !is_enough(&letters) {
            let received = self
                .client
                .receive_message()
                .queue_url(&self.url)
                .max_number_of_messages(i32::try_from(BATCH.min(max - letters.len())).unwrap_or(1))
                .visibility_timeout(HIDDEN_SECONDS)
                .wait_time_seconds(WAIT_SECONDS)
                .message_attribute_names("All")
                .message_system_attribute_names(MessageSystemAttributeName::All)
                .send()
                .await
                .map_err(|error| self.failed(&error))?
                .messages
                .unwrap_or_default();
            empty = if received.is_empty() { empty + 1 } else { 0 };
            let new = received.into_iter().filter_map(letter).filter(|letter| seen.insert(letter.id.clone()));
            letters.extend(new);
        }
        Ok(letters)
    }

    /// Makes messages visible to others again. An error is not reported: they become visible
    /// after a minute.
    pub(super) async fn release(&self, letters: &[Letter]) {
        let batches = letters.chunks(BATCH).map(async |batch| {
            let entries = batch.iter().enumerate().filter_map(|(n, letter)| {
                let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(n.to_string());
                entry.receipt_handle(&letter.receipt).visibility_timeout(0).build().ok()
            });
            let request = self.client.change_message_visibility_batch().queue_url(&self.url);
            let _ = request.set_entries(Some(entries.collect())).send().await;
        });
        join_all(batches).await;
    }

    /// Sends a message.
    pub(super) async fn send(&self, body: &str) -> Result<(), Failure> {
        let request = self.client.send_message().queue_url(&self.url).message_body(body);
        request.send().await.map(drop).map_err(|error| self.failed(&error))
    }

    /// Deletes a received message.
    pub(super) async fn delete(&self, letter: &Letter) -> Result<(), Failure> {
        let request = self.client.delete_message().queue_url(&self.url).receipt_handle(&letter.receipt);
        request.send().await.map(drop).map_err(|error| self.failed(&error))
    }

    fn failed<E: ProvideErrorMetadata>(&self, error: &SdkError<E>) -> Failure {
        Failure::Stopped(format!("SQS, queue {}: {}", self.url, aws::reason(error)))
    }
}

fn letter(message: Message) -> Option<Letter> {
    let system = |name| message.attributes.as_ref().and_then(|all| all.get(&name)).cloned();
    let number = |name| system(name).and_then(|value| value.parse::<u64>().ok());
    let reason = message.message_attributes.as_ref().and_then(|all| all.get("reason")?.string_value.clone());
    Some(Letter {
        sent_at: number(MessageSystemAttributeName::SentTimestamp).map(EpochMillis::new),
        receives: number(MessageSystemAttributeName::ApproximateReceiveCount).unwrap_or_default(),
        reason,
        id: message.message_id?,
        body: message.body.unwrap_or_default(),
        receipt: message.receipt_handle?,
    })
}
