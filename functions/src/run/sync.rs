//! The function `sync`: serves `POST /api/v2/keys/{id}/actions/sync`,
//! `GET /api/v2/keys/{id}/notifications` and `GET /.well-known/jwks.json` behind a Lambda function
//! URL.

use std::sync::Arc;

use lambda_http::{Error, lambda_runtime::run_concurrent, service_fn};

use crate::{
    clock::Clock,
    config::{self, SyncConfig},
    handlers::{SyncHandler, Table},
    http_client::{self, HttpClient},
    iam::Iam,
    rate_limit::CallerRateLimiter,
    telemetry,
};

/// Runs the function `sync`.
pub async fn sync() -> Result<(), Error> {
    let metrics = telemetry::init()?;
    let SyncConfig { iam, common, caller_limit } =
        SyncConfig::read(config::environment).inspect_err(telemetry::cannot_start)?;
    let aws = http_client::aws::config().await;
    let iam = Iam::new(iam, HttpClient::new(), Clock::system());
    let table = Table::new(&common, &aws);
    // Independent network calls: together they cost a cold start the longest of them only.
    let (keys, (), ()) = tokio::join!(common.signing_keys.fetch(&aws), iam.prefetch_keys(), table.prefetch());
    let keys = keys.inspect_err(telemetry::cannot_start)?;
    let handler = Arc::new(SyncHandler::new(
        common,
        iam,
        keys,
        CallerRateLimiter::new(caller_limit),
        table,
        Clock::system(),
    ));
    let invoke = move |event| Box::pin(metrics.flush_after(handler.clone().invoke(event)));
    super::serve(run_concurrent(service_fn(invoke))).await
}
