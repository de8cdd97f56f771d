//! The HTTP connector and the call limits of AWS SDK clients.
//!
//! The connector uses the HTTP and TLS stack of all other calls. The SDK's own one would load the
//! machine's root certificates at each cold start and add HTTP/2, which no call needs.

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
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use reqwest::{Client, Request, Response};

/// The time limit for connecting. It applies to all SDK clients; their own connect timeout is
/// ignored (`docs/reference/limits.md#connect-timeout`).
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// The limits of a call of an SDK client, which consists of one or more attempts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallLimits {
    /// The maximum number of attempts.
    pub(crate) attempts: u32,
    /// The time limit of one attempt, response included.
    pub(crate) attempt_timeout: Duration,
    /// The time limit of all attempts together, waits included.
    pub(crate) call_timeout: Duration,
}

/// The configuration `aws` with the SDK's standard retries within `limits`.
pub(crate) fn with_limits(aws: &SdkConfig, limits: CallLimits) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(limits.attempt_timeout)
        .operation_timeout(limits.call_timeout)
        .build();
    aws.to_builder()
        .retry_config(RetryConfig::standard().with_max_attempts(limits.attempts))
        .timeout_config(timeouts)
        .build()
}

/// The SDK's configuration from the environment: credentials, region, endpoints.
pub async fn config() -> Result<SdkConfig, reqwest::Error> {
    Ok(aws_config::defaults(BehaviorVersion::latest()).http_client(http_client()?).load().await)
}

/// The HTTP client of SDK clients.
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
            let mut request = to_reqwest(request)?;
            *request.timeout_mut() = timeout;
            to_smithy(client.execute(request).await.map_err(connector_error)?).await
        })
    }
}

fn to_reqwest(request: HttpRequest) -> Result<Request, ConnectorError> {
    let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
    let (parts, body) = request.into_parts();
    let body = body
        .bytes()
        .ok_or_else(|| ConnectorError::user("the request body has no known length".into()))?
        .to_vec();
    http::Request::from_parts(parts, body).try_into().map_err(connector_error)
}

async fn to_smithy(mut response: Response) -> Result<HttpResponse, ConnectorError> {
    let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
    let mut complete = http::Response::new(response.bytes().await.map_err(connector_error)?.into());
    (*complete.status_mut(), *complete.headers_mut()) = (status, headers);
    complete.try_into().map_err(|error: HttpError| ConnectorError::other(error.into(), None))
}

/// Classifies an error, so that the SDK can decide whether to retry.
fn connector_error(error: reqwest::Error) -> ConnectorError {
    let error = error.without_url();
    if error.is_timeout() {
        ConnectorError::timeout(error.into())
    } else if error.is_builder() {
        ConnectorError::user(error.into())
    } else {
        ConnectorError::io(error.into())
    }
}
