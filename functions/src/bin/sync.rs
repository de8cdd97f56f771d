//! `POST /api/v2/keys/{id}/actions/sync`, behind a Lambda function URL.

use keysync::{App, Clock, Config, telemetry};
use lambda_http::{Error, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = Config::from_env().inspect_err(|error| tracing::error!(%error, "cannot start"))?;
    let aws = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    let app = App::new(config, &aws, Clock::system())?;
    run(service_fn(|request| app.handle(request))).await
}
