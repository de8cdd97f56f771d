//! The function `redeliver`: runs every minute and delivers the notifications that are due.

use std::sync::Arc;

use lambda_http::{Error, lambda_runtime::run, service_fn};

use crate::{
    clock::Clock,
    config::{self, CommonConfig},
    handlers::{RedeliverHandler, Table},
    http_client, telemetry,
};

/// Runs the function `redeliver`.
pub async fn redeliver() -> Result<(), Error> {
    let metrics = telemetry::init()?;
    let config = CommonConfig::read(config::environment).inspect_err(telemetry::cannot_start)?;
    let aws = http_client::aws::config().await;
    let keys = config.signing_keys.fetch(&aws).await.inspect_err(telemetry::cannot_start)?;
    let table = Table::new(&config, &aws);
    let handler = Arc::new(RedeliverHandler::new(config, keys, table, Clock::system()));
    let invoke = move |event| metrics.flush_after(handler.clone().handle(event));
    super::serve(run(service_fn(invoke))).await
}
