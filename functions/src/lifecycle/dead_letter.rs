//! The dead-letter queue: events that will never come right, each with the reason, for a person to look at.

use std::time::Duration;

use aws_sdk_sqs::{
    Client,
    config::{retry::RetryConfig, timeout::TimeoutConfig},
    error::DisplayErrorContext,
    types::MessageAttributeValue,
};
use url::Url;

/// The message attribute that says why.
const REASON: &str = "reason";

/// The queue.
#[derive(Clone, Debug)]
pub struct DeadLetters {
    client: Client,
    queue_url: String,
}

/// The queue did not take a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("SQS: {0}")]
pub struct DeadLetterError(String);

impl DeadLetters {
    /// The queue at `queue_url`, with credentials and region of `aws`. The URL says where SQS is.
    #[must_use]
    pub fn new(aws: &aws_config::SdkConfig, queue_url: &Url) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(1))
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

    /// Puts `event` there, as it came. Sent twice, it is there twice: a person can tell.
    pub async fn send(&self, event: &str, reason: &str) -> Result<(), DeadLetterError> {
        let wrong = |error: &dyn std::fmt::Display| DeadLetterError(error.to_string());
        let reason = MessageAttributeValue::builder()
            .data_type("String")
            .string_value(reason)
            .build()
            .map_err(|error| wrong(&error))?;
        self.client
            .send_message()
            .queue_url(&self.queue_url)
            // SQS takes no empty body.
            .message_body(if event.is_empty() { "(empty)" } else { event })
            .message_attributes(REASON, reason)
            .send()
            .await
            .map(drop)
            .map_err(|error| wrong(&DisplayErrorContext(error)))
    }
}
