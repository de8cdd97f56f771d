//! `sync`: a function-URL request in, an answer out, one log line for each.

use std::{convert::Infallible, sync::Arc, time::Duration};

use http::Response;
use lambda_http::{Body, Request, RequestExt};
use tokio::time::Instant;
use tracing::{
    Instrument, Span,
    field::{Empty, display},
};

use crate::{
    clock::Clock,
    config::SyncConfig,
    deadline::Budget,
    http::{PUBLIC_KEYS, Refusal, SyncRequest, accepted, correlation_id, public_keys, refused},
    iam::Iam,
    key::CorrelationId,
    notify::SigningKeys,
    sync::{Sync, Synced},
    telemetry::millis,
};

/// The function with all that it holds on to between requests.
#[derive(Debug)]
pub struct SyncApp {
    sync: Sync,
    /// The public keys, as they are published.
    jwks: String,
    request_timeout: Duration,
}

impl SyncApp {
    /// Builds clients and caches; `keys` are those that `config` names, fetched. Nothing is fetched and nobody is called yet.
    pub fn new(
        config: SyncConfig,
        keys: SigningKeys,
        aws: &aws_config::SdkConfig,
        clock: Clock,
    ) -> Result<Self, reqwest::Error> {
        let http = crate::outbound::client().build()?;
        let request_timeout = config.outbox.request_timeout;
        let jwks = keys.jwks();
        let sync = Sync {
            iam: Iam::new(config.iam, http, clock.clone()),
            outbox: super::outbox(config.outbox, keys, aws, &clock)?,
            clock,
        };
        Ok(Self { sync, jwks, request_timeout })
    }

    /// Answers one request. Whatever happens, it is an answer.
    pub async fn handle(self: Arc<Self>, request: Request) -> Result<Response<Body>, Infallible> {
        let correlation_id = correlation_id(request.headers());
        if request.raw_http_path() == PUBLIC_KEYS {
            let answer = public_keys(request.method(), &self.jwks, &correlation_id);
            tracing::info!(%correlation_id, status = answer.status().as_u16(), "public keys");
            return Ok(answer);
        }
        let span = tracing::info_span!("sync", %correlation_id, instance = Empty, key = Empty);
        Ok(self.answer(&request, correlation_id).instrument(span).await)
    }

    async fn answer(&self, request: &Request, correlation_id: CorrelationId) -> Response<Body> {
        let started = Instant::now();
        let budget = super::budget(request.lambda_context_ref(), self.request_timeout);
        match self.serve(request, &correlation_id, budget).await {
            Ok(synced) => {
                let (outcome, claim) = match synced {
                    Synced::Notified(claim) => ("notified", Some(display(claim))),
                    Synced::Replayed => ("replayed", None),
                };
                tracing::info!(outcome, claim, status = 204, duration_ms = millis(started), "accepted");
                accepted(&correlation_id)
            }
            Err((refusal, why)) => {
                let (outcome, status) = (refusal.code.as_str(), refusal.code.status().as_u16());
                if status < 500 {
                    tracing::info!(outcome, status, why, duration_ms = millis(started), "refused");
                } else {
                    tracing::error!(outcome, status, why, duration_ms = millis(started), "failed");
                }
                refused(&refusal, &correlation_id)
            }
        }
    }

    /// What became of the request: for the caller a refusal, for the log why.
    async fn serve(
        &self,
        request: &Request,
        correlation_id: &CorrelationId,
        budget: Budget,
    ) -> Result<Synced, (Refusal, String)> {
        let request = SyncRequest::parse(request, correlation_id).map_err(|error| {
            let why = error.to_string();
            (error.into(), why)
        })?;
        Span::current().record("instance", display(request.instance)).record("key", display(&request.key));
        self.sync.serve(&request, budget).await.map_err(|error| ((&error).into(), error.to_string()))
    }
}
