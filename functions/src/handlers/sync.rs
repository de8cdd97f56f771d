//! The handler of `sync`: a function URL request in, a response out. Each request gets one log
//! line. A sync whose caller is authenticated also gets one audit event.

use std::{convert::Infallible, sync::Arc, time::Duration};

use http::Response;
use lambda_http::{
    Body, LambdaEvent, Request, RequestExt, aws_lambda_events::apigw::ApiGatewayV2httpResponse,
};
use tokio::time::Instant;
use tracing::{
    Instrument, Span,
    field::{Empty, display},
};

use super::{Table, failure::Failure, status};
use crate::{
    api::{
        self, FunctionUrlEvent, Operation, correlation_id, jwks_response, parse_key_request,
        to_lambda_response,
    },
    audit::{self, AuditedRequest},
    clock::Clock,
    config::CommonConfig,
    delivery::SigningKeys,
    domain::{CorrelationId, KeyName},
    iam::Iam,
    rate_limit::CallerRateLimiter,
    telemetry::{self, millis},
    time_budget::TimeBudget,
    trace_context::TraceContext,
    usecases::{
        Admission,
        sync::{SyncReport, Synced, Synchronizer},
    },
};

/// The function `sync` with the clients and caches that it keeps between requests.
#[derive(Debug)]
pub struct SyncHandler {
    sync: Synchronizer,
    /// The published public key set (JWKS), as JSON.
    jwks: String,
    request_timeout: Duration,
}

impl SyncHandler {
    /// Builds the clients without any network call. `keys` are the signing keys that `config`
    /// names.
    #[must_use]
    pub fn new(
        config: CommonConfig,
        iam: Iam,
        keys: SigningKeys,
        callers: CallerRateLimiter,
        table: Table,
        clock: Clock,
    ) -> Self {
        let request_timeout = config.request_timeout;
        let jwks = keys.jwks();
        let dispatcher = super::dispatcher(config, keys, table, &clock);
        let sync = Synchronizer { admission: Admission { iam, callers }, dispatcher, clock };
        Self { sync, jwks, request_timeout }
    }

    /// Serves one event of the function URL. Never fails.
    pub async fn invoke(
        self: Arc<Self>,
        event: LambdaEvent<FunctionUrlEvent>,
    ) -> Result<ApiGatewayV2httpResponse, Infallible> {
        let request = Request::from(event.payload).with_lambda_context(event.context);
        Ok(to_lambda_response(self.handle(request).await))
    }

    /// Serves one request. Every error becomes an error response.
    pub async fn handle(&self, request: Request) -> Response<Body> {
        let correlation_id = correlation_id(request.headers());
        let xray = request.lambda_context_ref().and_then(|context| context.xray_trace_id.as_deref());
        let trace = TraceContext::from_headers(request.headers(), xray);
        // A span at error level: log lines have these fields at every `KEYSYNC_LOG` level.
        let span = tracing::error_span!(
            "sync", trace_id = %trace, %correlation_id, instance = Empty, key = Empty, claim = Empty
        );
        match Operation::at(request.raw_http_path()) {
            Some(Operation::PublicKeys) => {
                let response = jwks_response(request.method(), &self.jwks, &correlation_id);
                span.in_scope(|| tracing::info!(status = response.status().as_u16(), "served JWKS"));
                response
            }
            Some(Operation::Status) => {
                status::respond(&self.sync, &request, &correlation_id).instrument(span).await
            }
            // A request to an unknown path is rejected like an invalid sync.
            Some(Operation::Sync) | None => {
                self.respond(&request, correlation_id, &trace).instrument(span).await
            }
        }
    }

    async fn respond(
        &self,
        request: &Request,
        correlation_id: CorrelationId,
        trace: &TraceContext,
    ) -> Response<Body> {
        let started = Instant::now();
        let budget = super::budget(request.lambda_context_ref(), self.request_timeout);
        let served = self.serve(request, &correlation_id, trace, budget).await;
        telemetry::hold(); // until the metrics: nothing is awaited any more
        let (outcome, response) = match served {
            Ok(synced) => {
                let outcome = synced.as_str();
                tracing::info!(outcome, status = 204, duration_ms = millis(started), "sync accepted");
                (outcome, api::no_content(&correlation_id))
            }
            Err(failure) => {
                failure.log(started, "sync rejected", "sync failed");
                (
                    failure.response.code.as_str(),
                    api::error(&failure.response, Operation::Sync, &correlation_id),
                )
            }
        };
        telemetry::count_sync(outcome, started.elapsed());
        response
    }

    /// Parses and serves one sync request, and records its audit event.
    async fn serve(
        &self,
        request: &Request,
        correlation_id: &CorrelationId,
        trace: &TraceContext,
        budget: TimeBudget,
    ) -> Result<Synced, Failure> {
        let request = parse_key_request(request, Operation::Sync, correlation_id)?;
        let span = Span::current();
        // Both fields at once, because the span is formatted again on every change.
        tracing::record_all!(span, instance = %request.instance, key = %request.key);
        let SyncReport { authenticated, key, result } = self.sync.serve(&request, trace, budget).await?;
        telemetry::hold(); // until the metrics: nothing is awaited any more
        if let (Some(key), KeyName::Alias(_)) = (key, &request.key) {
            span.record("key", display(key));
        }
        let result = result.map_err(Failure::from);
        let now = self.sync.clock.now();
        let audited = AuditedRequest { request: &request, authenticated: &authenticated, key, trace, now };
        audit::record(&audited, result.as_ref().copied().map_err(|failure| &failure.response));
        result
    }
}
