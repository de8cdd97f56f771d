//! Requests for the status of a key's last notification, which the function `sync` serves. They
//! are logged, but have no audit event: they change nothing.

use http::{Method, Response};
use lambda_http::{Body, Request};
use tokio::time::Instant;
use tracing::Span;

use super::failure::Failure;
use crate::{
    api::{self, Operation, parse_key_request},
    domain::CorrelationId,
    telemetry::millis,
    usecases::{status, sync::Synchronizer},
};

/// Serves one request. Every error becomes an error response.
pub(super) async fn respond(
    sync: &Synchronizer,
    request: &Request,
    correlation_id: &CorrelationId,
) -> Response<Body> {
    let started = Instant::now();
    let mut response = match serve(sync, request, correlation_id).await {
        Ok(response) => {
            tracing::info!(outcome = "read", status = 200, duration_ms = millis(started), "status read");
            response
        }
        Err(failure) => {
            failure.log(started, "status rejected", "status failed");
            api::error(&failure.response, Operation::Status, correlation_id)
        }
    };
    if request.method() == Method::HEAD {
        *response.body_mut() = Body::Empty;
    }
    response
}

async fn serve(
    sync: &Synchronizer,
    request: &Request,
    correlation_id: &CorrelationId,
) -> Result<Response<Body>, Failure> {
    let request = parse_key_request(request, Operation::Status, correlation_id)?;
    let span = Span::current();
    // Both fields at once, because the span is formatted again on every change.
    tracing::record_all!(span, instance = %request.instance, key = %request.key);
    let status = status::read(&sync.admission, &sync.dispatcher.ledger, &request, sync.clock.now()).await?;
    let pauses = sync.dispatcher.pauses.current(&sync.dispatcher.ledger).await;
    Ok(api::notification_status(&status, &pauses, correlation_id))
}
