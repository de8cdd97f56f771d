//! The function `lifecycle`: processes lifecycle events of keys, which arrive from `EventBridge`
//! through an SQS queue, and notifies the associated services.

use std::sync::Arc;

use lambda_http::{Error, lambda_runtime::run, service_fn};

use crate::{
    clock::Clock,
    config::{self, LifecycleConfig},
    handlers::{LifecycleHandler, Table},
    http_client, telemetry,
};

/// Runs the function `lifecycle`.
pub async fn lifecycle() -> Result<(), Error> {
    let metrics = telemetry::init()?;
    let config = LifecycleConfig::read(config::environment).inspect_err(telemetry::cannot_start)?;
    let aws = http_client::aws::config().await;
    let table = Table::new(&config.common, &aws);
    let (keys, ()) = tokio::join!(config.common.signing_keys.fetch(&aws), table.prefetch());
    let keys = keys.inspect_err(telemetry::cannot_start)?;
    let handler = Arc::new(LifecycleHandler::new(config, keys, table, &aws, Clock::system()));
    let invoke = move |event| metrics.flush_after(handler.clone().handle(event));
    super::serve(run(service_fn(invoke))).await
}
