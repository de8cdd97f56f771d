//! `POST /api/v2/keys/{id}/actions/sync`, behind a Lambda function URL.

use std::sync::Arc;

use keysync::{App, Clock, Config, telemetry};
use lambda_http::{Error, run_concurrent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = Config::from_env().inspect_err(|error| tracing::error!(%error, "cannot start"))?;
    let aws = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    let app = Arc::new(App::new(config, &aws, Clock::system())?);
    run_concurrent(service_fn(move |request| app.clone().handle(request))).await
}
