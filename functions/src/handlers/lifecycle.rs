//! `lifecycle`: a batch of events from SQS in, the messages that have to come again out.

use std::{convert::Infallible, sync::Arc, time::Duration};

use lambda_http::LambdaEvent;

use crate::{
    clock::Clock,
    config::LifecycleConfig,
    delivery::SigningKeys,
    usecases::lifecycle::{Batch, DeadLetters, Failures, Lifecycle, Messages},
};

/// The function with all that it holds on to between batches.
#[derive(Debug)]
pub struct LifecycleHandler {
    batch: Arc<Batch>,
    request_timeout: Duration,
}

impl LifecycleHandler {
    /// Builds clients; `keys` are those that `config` names, fetched. Nothing is fetched and nobody is called yet.
    pub fn new(
        config: LifecycleConfig,
        keys: SigningKeys,
        aws: &aws_config::SdkConfig,
        clock: Clock,
    ) -> Result<Self, reqwest::Error> {
        let request_timeout = config.common.request_timeout;
        let lifecycle = Lifecycle { dispatcher: super::dispatcher(config.common, keys, aws, &clock)?, clock };
        let dead_letters = DeadLetters::new(aws, &config.dead_letter_queue);
        Ok(Self { batch: Arc::new(Batch { lifecycle, dead_letters }), request_timeout })
    }

    /// Takes a batch.
    pub async fn handle(self: Arc<Self>, event: LambdaEvent<Messages>) -> Result<Failures, Infallible> {
        let budget = super::budget(Some(&event.context), self.request_timeout);
        let xray = event.context.xray_trace_id.as_deref();
        Ok(self.batch.clone().take(event.payload, xray, budget).await)
    }
}
