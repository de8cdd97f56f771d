//! `POST /api/v2/keys/{id}/actions/sync`, behind a Lambda function URL.

use std::sync::Arc;

use keysync::{Clock, SyncApp, SyncConfig, config, telemetry};
use lambda_http::{Error, run_concurrent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let metrics = telemetry::init()?;
    let config =
        SyncConfig::read(config::environment).inspect_err(|error| tracing::error!(%error, "cannot start"))?;
    let aws = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    let app = Arc::new(SyncApp::new(config, &aws, Clock::system())?);
    run_concurrent(service_fn(move |request| metrics.flush_after(app.clone().handle(request)))).await
}
