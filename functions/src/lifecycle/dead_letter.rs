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
            .string_value(readable(reason))
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

/// How much of a reason goes with a letter, in characters.
const LONGEST_REASON: usize = 1000;

/// A reason quotes what was wrong, whatever that was; SQS takes no control characters and no end of text.
fn readable(reason: &str) -> String {
    let printable = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    reason.chars().take(LONGEST_REASON).map(printable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_that_sqs_takes() {
        assert_eq!(readable("got `a\0b\n`"), "got `a\u{fffd}b\u{fffd}`");
        assert_eq!(readable(&"é".repeat(2 * LONGEST_REASON)).chars().count(), LONGEST_REASON);
    }
}
