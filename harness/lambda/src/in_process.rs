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
    Clock, SyncConfig, SyncHandler, Table, api::FunctionUrlEvent, http_client::HttpClient, iam::Iam,
    rate_limit::CallerRateLimiter,
};
use keysync_browser_guard::Guard;
use parking_lot::RwLock;

use super::{FunctionError, MAX_BODY_BYTES, environment::Environment, event};
use keysync_emulator_support::{secret_scanner::KnownSecrets, server::Server};

/// A function URL in front of the handler.
#[derive(Debug)]
pub(super) struct InProcessFunction {
    server: Server,
    handler: Replaceable<SyncHandler>,
}

/// A handler that is replaced when the function restarts with another environment.
pub(super) type Replaceable<T> = Arc<RwLock<Arc<T>>>;

impl InProcessFunction {
    /// Starts the handler with the environment `env`, on `clock`.
    pub(super) async fn start(
        env: &[(String, String)],
        clock: Clock,
        secrets: &KnownSecrets,
        guard: &Guard,
    ) -> Result<Self, FunctionError> {
        let handler = Arc::new(RwLock::new(handler(env, clock).await?));
        let router = Router::new().fallback(invoke).with_state(handler.clone());
        Ok(Self { server: Server::start(secrets.scan_responses(router), guard).await?, handler })
    }

    /// Replaces the handler by one with the environment `env`.
    pub(super) async fn restart_with(
        &self,
        env: &[(String, String)],
        clock: Clock,
    ) -> Result<(), FunctionError> {
        *self.handler.write() = handler(env, clock).await?;
        Ok(())
    }

    /// The function URL.
    pub(super) fn url(&self) -> String {
        self.server.url()
    }
}

async fn handler(env: &[(String, String)], clock: Clock) -> Result<Arc<SyncHandler>, FunctionError> {
    let env = Environment(env);
    let SyncConfig { iam, common, caller_limit } =
        SyncConfig::read(|name| env.get(name)).map_err(FunctionError::configuration)?;
    let aws = env.dynamodb();
    let iam = Iam::new(iam, HttpClient::new(), clock.clone());
    let keys = env.signing_keys(&common.signing_keys, &aws).await?;
    let (callers, table) = (CallerRateLimiter::new(caller_limit), Table::new(&common, &aws));
    let app = SyncHandler::new(common, iam, keys, callers, table, clock);
    Ok(Arc::new(app))
}

async fn invoke(State(handler): State<Replaceable<SyncHandler>>, request: Request) -> Response {
    let app = handler.read().clone();
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
