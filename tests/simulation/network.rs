//! The HTTP client of the functions' AWS SDK: calls to DynamoDB go to the table, and dead letters
//! into the record of the round.

use std::{sync::Arc, time::Duration};

use aws_smithy_runtime_api::{
    client::{
        http::{HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn},
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
    },
    http::StatusCode,
};
use keysync_dynamodb_emulator::Rejection;
use tokio::time::sleep;

use crate::{
    invocation::{Fault, Invocation},
    regions::Regions,
    rules,
};

/// The HTTP client of SDK clients.
pub(crate) fn http_client() -> SharedHttpClient {
    http_client_fn(|_, _| SharedHttpConnector::new(Connector))
}

#[derive(Debug)]
struct Connector;

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let by = Invocation::current();
        HttpConnectorFuture::new(async move {
            let target = request.headers().get("x-amz-target").unwrap_or_default();
            let Some((service, operation)) =
                target.split_once('.').map(|(service, operation)| (service.to_owned(), operation.to_owned()))
            else {
                return Err(ConnectorError::user("no x-amz-target".into()));
            };
            let body = request.body().bytes().unwrap_or_default().to_vec();
            let (status, body) = if service == "AmazonSQS" {
                rules::dead_letter(&by, &body);
                (200, r#"{"MessageId":"1"}"#.to_owned())
            } else {
                exchange(by, operation, body).await?
            };
            let status =
                StatusCode::try_from(status).map_err(|error| ConnectorError::other(error.into(), None))?;
            Ok(HttpResponse::new(status, body.into()))
        })
    }
}

/// Carries a request to the table and its response back.
async fn exchange(
    by: Arc<Invocation>,
    operation: String,
    body: Vec<u8>,
) -> Result<(u16, String), ConnectorError> {
    let fault = by.fault(&operation);
    let (there, back) = by.latencies();
    if let Some(fault) = fault {
        by.world.note(&format!("{by} {operation}: {fault:?}"));
    }
    sleep(there).await;
    match fault {
        Some(Fault::RequestLost) => return Err(broken()),
        Some(Fault::Late(wait)) => {
            tokio::spawn(async move {
                sleep(Duration::from_millis(wait)).await;
                by.world.apply(&by, &operation, &body);
            });
            return Err(broken());
        }
        Some(Fault::Throttled) => return Ok(rejected(Rejection::Throttled, &body)),
        Some(Fault::Conflict) if by.world.plan.regions == Regions::Strong => {
            return Ok(rejected(Rejection::ReplicatedConflict, &body));
        }
        Some(Fault::Conflict) => return Ok(rejected(Rejection::Conflict, &body)),
        Some(Fault::Failed) => return Ok(rejected(Rejection::Failed, &body)),
        Some(Fault::Hangs) => std::future::pending().await,
        Some(Fault::CrashBefore) => by.crash().await,
        _ => {}
    }
    let response = by.world.apply(&by, &operation, &body);
    let executed = by.world.now();
    match fault {
        Some(Fault::HangsAfter) => std::future::pending().await,
        Some(Fault::CrashAfter) => by.crash().await,
        _ => {}
    }
    sleep(back).await;
    match fault {
        Some(Fault::ResponseLost) => Err(broken()),
        Some(Fault::FailedAfter) => Ok(rejected(Rejection::Failed, &body)),
        _ => {
            by.set_executed(executed);
            Ok(response)
        }
    }
}

fn rejected(rejection: Rejection, request: &[u8]) -> (u16, String) {
    let (status, body) = rejection.response(request);
    (status.as_u16(), body)
}

fn broken() -> ConnectorError {
    ConnectorError::io("connection reset".into())
}
