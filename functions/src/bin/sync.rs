//! `POST /api/v2/keys/{id}/actions/sync` and `GET /.well-known/jwks.json`, behind a Lambda function URL.

use std::sync::Arc;

use keysync::{Clock, SyncApp, SyncConfig, config, telemetry};
use lambda_http::{Error, run_concurrent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let metrics = telemetry::init()?;
    let config = SyncConfig::read(config::environment).inspect_err(telemetry::cannot_start)?;
    let aws = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    let keys = config.outbox.signing_keys.fetch(&aws).await.inspect_err(telemetry::cannot_start)?;
    let app = Arc::new(SyncApp::new(config, keys, &aws, Clock::system())?);
    run_concurrent(service_fn(move |request| metrics.flush_after(app.clone().handle(request)))).await
}
