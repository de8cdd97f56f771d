//! The dead-letter queue: events that will never come right, each with the reason, for a person to look at.

use std::time::Duration;

use aws_sdk_sqs::{
    Client,
    config::{retry::RetryConfig, timeout::TimeoutConfig},
    error::{DisplayErrorContext, ProvideErrorMetadata},
    types::MessageAttributeValue,
};
use url::Url;

use super::dead_letter_message::{
    DeadLetterMessage, MAX_MESSAGE_BYTES, MAX_MESSAGE_BYTES_BEFORE_2025, REASON, REASON_TYPE,
};

/// The queue.
#[derive(Clone, Debug)]
pub struct DeadLetters {
    client: Client,
    queue_url: String,
}

/// The queue did not take a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("SQS: {text}")]
pub struct DeadLetterError {
    /// Whether it takes others: too large, or of characters that it does not take.
    is_about_the_letter: bool,
    text: String,
}

impl DeadLetters {
    /// The queue at `queue_url`, with credentials and region of `aws`. The URL says where SQS is.
    #[must_use]
    pub fn new(aws: &aws_config::SdkConfig, queue_url: &Url) -> Self {
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(Duration::from_secs(2))
            .operation_timeout(Duration::from_secs(5))
            .build();
        let config = aws_sdk_sqs::config::Builder::from(aws)
            .endpoint_url(queue_url.origin().ascii_serialization())
            .retry_config(RetryConfig::standard())
            .timeout_config(timeouts)
            .build();
        Self { client: Client::from_conf(config), queue_url: queue_url.to_string() }
    }

    /// Puts `event` there, as it came, where SQS takes it so. Sent twice, it is there twice: a person can tell.
    pub async fn send(&self, event: &str, reason: &str) -> Result<(), DeadLetterError> {
        let letter = DeadLetterMessage::of(event, reason, MAX_MESSAGE_BYTES);
        let could_be_smaller = letter.size() > MAX_MESSAGE_BYTES_BEFORE_2025;
        match self.put(letter).await {
            Err(error) if error.is_about_the_letter && could_be_smaller => {
                self.put(DeadLetterMessage::of(event, reason, MAX_MESSAGE_BYTES_BEFORE_2025)).await
            }
            done => done,
        }
    }

    async fn put(
        &self,
        DeadLetterMessage { body, reason }: DeadLetterMessage,
    ) -> Result<(), DeadLetterError> {
        let reason = MessageAttributeValue::builder().data_type(REASON_TYPE).string_value(reason);
        let reason = reason
            .build()
            .map_err(|error| DeadLetterError { is_about_the_letter: false, text: error.to_string() })?;
        let message = self.client.send_message().queue_url(&self.queue_url).message_body(body);
        message.message_attributes(REASON, reason).send().await.map(drop).map_err(|error| DeadLetterError {
            is_about_the_letter: matches!(
                error.code(),
                Some("InvalidMessageContents" | "InvalidParameterValue")
            ),
            text: DisplayErrorContext(error).to_string(),
        })
    }
}
