//! The dead-letter queue: malformed events, each with the reason, for operators
//! (docs/reference/lifecycle-events.md, "Dead letters").

use std::time::Duration;

use aws_sdk_sqs::{
    Client,
    error::{DisplayErrorContext, ProvideErrorMetadata},
    types::MessageAttributeValue,
};
use url::Url;

use super::dead_letter_message::{
    DeadLetterMessage, MAX_MESSAGE_BYTES, MAX_MESSAGE_BYTES_BEFORE_2025, REASON, REASON_TYPE,
};
use crate::http_client::aws::{CallLimits, with_limits};

/// The limits of a call to SQS (`docs/reference/limits.md#sqs-call`).
const CALL_LIMITS: CallLimits =
    CallLimits { attempts: 3, attempt_timeout: Duration::from_secs(2), call_timeout: Duration::from_secs(5) };

/// A client of the dead-letter queue.
#[derive(Clone, Debug)]
pub struct DeadLetterQueue {
    client: Client,
    queue_url: String,
}

/// SQS did not accept a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("SQS: {text}")]
pub struct DeadLetterError {
    /// Whether SQS rejected this message, because of its size or its characters. Otherwise SQS
    /// failed.
    rejects_message: bool,
    text: String,
}

impl DeadLetterQueue {
    /// The queue at `queue_url`, with the credentials and the region of `aws`. The origin of the
    /// URL is the endpoint of SQS.
    #[must_use]
    pub fn new(aws: &aws_config::SdkConfig, queue_url: &Url) -> Self {
        let config = aws_sdk_sqs::config::Builder::from(&with_limits(aws, CALL_LIMITS))
            .endpoint_url(queue_url.origin().ascii_serialization())
            .build();
        Self { client: Client::from_conf(config), queue_url: queue_url.to_string() }
    }

    /// Sends `event` with `reason`. The event is unchanged if SQS accepts it so, see
    /// `DeadLetterMessage`. If the queue still has the maximum size from before August 2025, the
    /// message is cut to that size. An event that is sent twice is in the queue twice.
    pub async fn send(&self, event: &str, reason: &str) -> Result<(), DeadLetterError> {
        let message = DeadLetterMessage::of(event, reason, MAX_MESSAGE_BYTES);
        let could_be_smaller = message.size() > MAX_MESSAGE_BYTES_BEFORE_2025;
        match self.put(message).await {
            Err(error) if error.rejects_message && could_be_smaller => {
                self.put(DeadLetterMessage::of(event, reason, MAX_MESSAGE_BYTES_BEFORE_2025)).await
            }
            result => result,
        }
    }

    async fn put(
        &self,
        DeadLetterMessage { body, reason }: DeadLetterMessage,
    ) -> Result<(), DeadLetterError> {
        let reason = MessageAttributeValue::builder().data_type(REASON_TYPE).string_value(reason);
        let reason = reason
            .build()
            .map_err(|error| DeadLetterError { rejects_message: false, text: error.to_string() })?;
        let message = self.client.send_message().queue_url(&self.queue_url).message_body(body);
        message.message_attributes(REASON, reason).send().await.map(drop).map_err(|error| DeadLetterError {
            rejects_message: matches!(error.code(), Some("InvalidMessageContents" | "InvalidParameterValue")),
            text: DisplayErrorContext(error).to_string(),
        })
    }
}
