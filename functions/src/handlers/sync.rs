//! `sync`: a function-URL request in, an answer out, one log line for each, and an audit event.

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

use crate::{
    api::{
        self, ErrorResponse, FunctionUrlEvent, JWKS_PATH, correlation_id, jwks_response, parse_sync_request,
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
    usecases::sync::{SyncError, SyncReport, Synced, Synchronizer},
};

/// The function with all that it holds on to between requests.
#[derive(Debug)]
pub struct SyncHandler {
    sync: Synchronizer,
    /// The public keys, as they are published.
    jwks: String,
    request_timeout: Duration,
}

impl SyncHandler {
    /// Builds clients; `keys` are those that `config` names, fetched. Nobody is called yet.
    pub fn new(
        config: CommonConfig,
        iam: Iam,
        keys: SigningKeys,
        callers: CallerRateLimiter,
        aws: &aws_config::SdkConfig,
        clock: Clock,
    ) -> Result<Self, reqwest::Error> {
        let request_timeout = config.request_timeout;
        let jwks = keys.jwks();
        let sync =
            Synchronizer { iam, callers, dispatcher: super::dispatcher(config, keys, aws, &clock)?, clock };
        Ok(Self { sync, jwks, request_timeout })
    }

    /// Answers one event of the function URL.
    pub async fn invoke(
        self: Arc<Self>,
        event: LambdaEvent<FunctionUrlEvent>,
    ) -> Result<ApiGatewayV2httpResponse, Infallible> {
        let request = Request::from(event.payload).with_lambda_context(event.context);
        Ok(to_lambda_response(self.handle(request).await))
    }

    /// Answers one request. Whatever happens, it is an answer.
    pub async fn handle(&self, request: Request) -> Response<Body> {
        let correlation_id = correlation_id(request.headers());
        let xray = request.lambda_context_ref().and_then(|context| context.xray_trace_id.as_deref());
        let trace = TraceContext::of_request(request.headers(), xray);
        // At the level of errors, so that lines have these fields whatever the level of the log.
        let span = tracing::error_span!(
            "sync", trace_id = %trace, %correlation_id, instance = Empty, key = Empty, claim = Empty
        );
        if request.raw_http_path() == JWKS_PATH {
            let answer = jwks_response(request.method(), &self.jwks, &correlation_id);
            span.in_scope(|| tracing::info!(status = answer.status().as_u16(), "public keys"));
            return answer;
        }
        self.answer(&request, correlation_id, &trace).instrument(span).await
    }

    async fn answer(
        &self,
        request: &Request,
        correlation_id: CorrelationId,
        trace: &TraceContext,
    ) -> Response<Body> {
        let started = Instant::now();
        let budget = super::budget(request.lambda_context_ref(), self.request_timeout);
        let (outcome, response) = match self.serve(request, &correlation_id, trace, budget).await {
            Ok(synced) => {
                let outcome = synced.as_str();
                tracing::info!(outcome, status = 204, duration_ms = millis(started), "accepted");
                (outcome, api::no_content(&correlation_id))
            }
            Err((refusal, reason)) => {
                let (outcome, status) = (refusal.code.as_str(), refusal.code.status().as_u16());
                if status < 500 {
                    tracing::info!(outcome, status, reason, duration_ms = millis(started), "refused");
                } else {
                    tracing::error!(outcome, status, reason, duration_ms = millis(started), "failed");
                }
                (outcome, api::error(&refusal, &correlation_id))
            }
        };
        telemetry::count_sync(outcome, started.elapsed());
        response
    }

    /// What became of the request: for the caller a refusal, for the log why.
    async fn serve(
        &self,
        request: &Request,
        correlation_id: &CorrelationId,
        trace: &TraceContext,
        budget: TimeBudget,
    ) -> Result<Synced, (ErrorResponse, String)> {
        let request = parse_sync_request(request, correlation_id).map_err(|error| {
            let why = error.to_string();
            (error.into(), why)
        })?;
        let span = Span::current();
        // Both at once: what a span holds is written anew with every change.
        tracing::record_all!(span, instance = %request.instance, key = %request.key);
        let SyncReport { who, key, result } =
            self.sync.serve(&request, trace, budget).await.map_err(explained)?;
        if let (Some(key), KeyName::Alias(_)) = (key, &request.key) {
            span.record("key", display(key));
        }
        let answer = result.map_err(explained);
        let audited = AuditedRequest { request: &request, who: &who, key, trace, now: self.sync.clock.now() };
        audit::record(&audited, answer.as_ref().map(|synced| *synced).map_err(|(refusal, _)| refusal));
        answer
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn explained(error: SyncError) -> (ErrorResponse, String) {
    ((&error).into(), error.to_string())
}
