//! The function `sync` in this process: the same handler and the same events, on the harness's
//! clock.

use std::sync::Arc;

use axum::{
    Router,
    body::{Bytes, to_bytes},
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use keysync::{
    Clock, SyncConfig, SyncHandler, api::FunctionUrlEvent, http_client, iam::Iam,
    rate_limit::CallerRateLimiter,
};
use keysync_browser_guard::Guard;

use super::{FunctionError, MAX_BODY_BYTES, environment::Environment, event};
use keysync_emulator_support::{secret_scanner::KnownSecrets, server::Server};

/// A function URL in front of the handler.
#[derive(Debug)]
pub(super) struct InProcessFunction {
    server: Server,
}

impl InProcessFunction {
    /// Starts the handler with the environment `env`, on `clock`.
    pub(super) async fn start(
        env: &[(String, String)],
        clock: Clock,
        secrets: &KnownSecrets,
        guard: &Guard,
    ) -> Result<Self, FunctionError> {
        let env = Environment(env);
        let SyncConfig { iam, common, caller_limit } =
            SyncConfig::read(|name| env.get(name)).map_err(FunctionError::configuration)?;
        let aws = env.dynamodb()?;
        let http = http_client::client().build().map_err(FunctionError::configuration)?;
        let iam = Iam::new(iam, http, clock.clone());
        let keys = env.signing_keys(&common.signing_keys, &aws).await?;
        let app = SyncHandler::new(common, iam, keys, CallerRateLimiter::new(caller_limit), &aws, clock);
        let app = app.map_err(FunctionError::configuration)?;
        let router = Router::new().fallback(invoke).with_state(Arc::new(app));
        Ok(Self { server: Server::start(secrets.scan_responses(router), guard).await? })
    }

    /// The function URL.
    pub(super) fn url(&self) -> String {
        self.server.url()
    }
}

async fn invoke(State(app): State<Arc<SyncHandler>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body: Bytes = match to_bytes(body, MAX_BODY_BYTES).await {
        Ok(body) => body,
        Err(_) => return axum::http::StatusCode::PAYLOAD_TOO_LARGE.into_response(),
    };
    let event = event::from_http(&parts, &body);
    let Ok(event) = serde_json::from_value::<FunctionUrlEvent>(event) else {
        return axum::http::StatusCode::BAD_GATEWAY.into_response();
    };
    let (parts, body) = app.handle(event.into()).await.into_parts();
    Response::from_parts(parts, axum::body::Body::from(body.to_vec()))
}
