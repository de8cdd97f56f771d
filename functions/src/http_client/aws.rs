//! Calls of the AWS SDK: over the same HTTP stack as all others, with the same TLS.
//!
//! The SDK's own client reads the machine's root certificates and brings HTTP/2 along, neither of which anything
//! here needs.

use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_runtime_api::{
    client::{
        http::{HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn},
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
    },
    http::HttpError,
};
use reqwest::{Client, Request, Response};

/// How long connecting may take. It holds for all of the SDK's clients: settings of theirs are not looked at.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// The SDK's configuration as the environment has it: credentials, region, endpoints.
pub async fn config() -> Result<SdkConfig, reqwest::Error> {
    Ok(aws_config::defaults(BehaviorVersion::latest()).http_client(http_client()?).load().await)
}

/// What the SDK makes its calls with.
pub fn http_client() -> Result<SharedHttpClient, reqwest::Error> {
    let client = super::client().connect_timeout(CONNECT_TIMEOUT).build()?;
    Ok(http_client_fn(move |settings, _| {
        SharedHttpConnector::new(Connector { client: client.clone(), timeout: settings.read_timeout() })
    }))
}

#[derive(Clone, Debug)]
struct Connector {
    client: Client,
    timeout: Option<Duration>,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Self { client, timeout } = self.clone();
        HttpConnectorFuture::new(async move {
            let mut request = sent(request)?;
            *request.timeout_mut() = timeout;
            received(client.execute(request).await.map_err(failed)?).await
        })
    }
}

fn sent(request: HttpRequest) -> Result<Request, ConnectorError> {
    let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
    let (parts, body) = request.into_parts();
    let body = body.bytes().ok_or_else(|| ConnectorError::user("a body of unknown length".into()))?.to_vec();
    http::Request::from_parts(parts, body).try_into().map_err(failed)
}

async fn received(mut response: Response) -> Result<HttpResponse, ConnectorError> {
    let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
    let mut whole = http::Response::new(response.bytes().await.map_err(failed)?.into());
    (*whole.status_mut(), *whole.headers_mut()) = (status, headers);
    whole.try_into().map_err(|error: HttpError| ConnectorError::other(error.into(), None))
}

/// So that the SDK knows what it may try again.
fn failed(error: reqwest::Error) -> ConnectorError {
    let error = error.without_url();
    if error.is_timeout() {
        ConnectorError::timeout(error.into())
    } else if error.is_builder() {
        ConnectorError::user(error.into())
    } else {
        ConnectorError::io(error.into())
    }
}
