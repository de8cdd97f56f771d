//! The handler of `lifecycle`: a batch of SQS messages in, the failed messages out.

use std::{convert::Infallible, sync::Arc, time::Duration};

use lambda_http::LambdaEvent;

use super::Table;
use crate::{
    audit,
    clock::Clock,
    config::LifecycleConfig,
    delivery::SigningKeys,
    usecases::lifecycle::{BatchProcessor, DeadLetterQueue, Failures, Lifecycle, Messages},
};

/// The function `lifecycle` with the clients that it keeps between invocations.
#[derive(Debug)]
pub struct LifecycleHandler {
    processor: Arc<BatchProcessor>,
    request_timeout: Duration,
}

impl LifecycleHandler {
    /// Builds the clients without any network call. `keys` are the signing keys that `config`
    /// names.
    #[must_use]
    pub fn new(
        config: LifecycleConfig,
        keys: SigningKeys,
        table: Table,
        aws: &aws_config::SdkConfig,
        clock: Clock,
    ) -> Self {
        let request_timeout = config.common.request_timeout;
        let dispatcher = super::dispatcher(config.common, keys, table, &clock);
        let lifecycle = Lifecycle { dispatcher, clock, audit: audit::record_notification };
        let dead_letters = DeadLetterQueue::new(aws, &config.dead_letter_queue);
        Self { processor: Arc::new(BatchProcessor { lifecycle, dead_letters }), request_timeout }
    }

    /// Processes one batch and returns the messages that SQS has to deliver again. Never fails.
    pub async fn handle(self: Arc<Self>, event: LambdaEvent<Messages>) -> Result<Failures, Infallible> {
        let budget = super::budget(Some(&event.context), self.request_timeout);
        let xray = event.context.xray_trace_id.as_deref();
        Ok(self.processor.clone().process(event.payload, xray, budget).await)
    }
}
