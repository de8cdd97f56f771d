//! The HTTP connector and the call limits of AWS SDK clients.
//!
//! The connector uses the HTTP and TLS stack of all other calls. The SDK's own one would load the
//! machine's root certificates at each cold start and add HTTP/2, which no call needs.

use std::time::Duration;

use aws_config::{
    BehaviorVersion, SdkConfig,
    environment::{EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider},
};
use aws_smithy_runtime_api::{
    client::{
        http::{HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn},
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
    },
    http::HttpError,
};
use aws_smithy_types::{body::SdkBody, retry::RetryConfig, timeout::TimeoutConfig};
use http_body_util::{BodyExt, Limited};

use super::pool::{self, Pool};

/// The time limit for connecting. It applies to all SDK clients; their own connect timeout is
/// ignored (`docs/reference/limits.md#connect-timeout`).
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// The maximum length of a response. The longest are pages of items, which have 1 MB before they
/// are written as JSON (`docs/reference/limits.md#aws-response`).
const MAX_RESPONSE: usize = 8 * 1024 * 1024;

/// The limits of a call of an SDK client, which consists of one or more attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CallLimits {
    /// The maximum number of attempts.
    pub(crate) attempts: u32,
    /// The time limit of one attempt, response included.
    pub(crate) attempt_timeout: Duration,
    /// The time limit of all attempts together, waits included.
    pub(crate) call_timeout: Duration,
}

impl CallLimits {
    /// The SDK's standard retries within these limits.
    pub(crate) fn retries(self) -> RetryConfig {
        RetryConfig::standard().with_max_attempts(self.attempts)
    }

    /// The timeouts of these limits.
    pub(crate) fn timeouts(self) -> TimeoutConfig {
        TimeoutConfig::builder()
            .operation_attempt_timeout(self.attempt_timeout)
            .operation_timeout(self.call_timeout)
            .build()
    }
}

/// The configuration `aws` with the SDK's standard retries within `limits`.
pub(crate) fn with_limits(aws: &SdkConfig, limits: CallLimits) -> SdkConfig {
    aws.to_builder().retry_config(limits.retries()).timeout_config(limits.timeouts()).build()
}

/// The SDK's configuration from the environment: credentials, region, endpoints.
///
/// The default chains of providers look at the environment's variables first, and on Lambda find
/// credentials and region there. Building what they would ask next, such as a client of STS, is a
/// twentieth of a function's init, so the chains are used only if the variables are absent.
pub async fn config() -> SdkConfig {
    let ready = ReadyMade::of(|name| std::env::var(name).ok());
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http_client());
    if ready.credentials {
        loader = loader.credentials_provider(EnvironmentVariableCredentialsProvider::new());
    }
    if ready.region {
        loader = loader.region(EnvironmentVariableRegionProvider::new());
    }
    loader.load().await
}

/// What the environment's variables have, so that no chain is needed for it.
#[derive(Debug, PartialEq, Eq)]
struct ReadyMade {
    credentials: bool,
    region: bool,
}

impl ReadyMade {
    /// A blank variable counts as absent, as for the SDK.
    fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let is_set = |name| variable(name).is_some_and(|value| !value.trim().is_empty());
        Self {
            credentials: is_set("AWS_ACCESS_KEY_ID") && is_set("AWS_SECRET_ACCESS_KEY"),
            region: is_set("AWS_REGION"),
        }
    }
}

/// The HTTP client of SDK clients. All clients of a configuration share its connections.
#[must_use]
pub fn http_client() -> SharedHttpClient {
    let client = Pool::new(CONNECT_TIMEOUT).build();
    http_client_fn(move |settings, _| {
        SharedHttpConnector::new(Connector { client: client.clone(), timeout: settings.read_timeout() })
    })
}

#[derive(Clone, Debug)]
struct Connector {
    client: pool::Client,
    timeout: Option<Duration>,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Self { client, timeout } = self.clone();
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            match timeout {
                Some(limit) => tokio::time::timeout(limit, receive(&client, request))
                    .await
                    .unwrap_or_else(|elapsed| Err(ConnectorError::timeout(elapsed.into()))),
                None => receive(&client, request).await,
            }
        })
    }
}

/// Sends a request and reads the whole response.
async fn receive(
    client: &pool::Client,
    request: http::Request<SdkBody>,
) -> Result<HttpResponse, ConnectorError> {
    let response = client.request(request).await.map_err(|error| ConnectorError::io(error.into()))?;
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, MAX_RESPONSE).collect().await.map_err(ConnectorError::io)?;
    let complete = http::Response::from_parts(parts, body.to_bytes().into());
    complete.try_into().map_err(|error: HttpError| ConnectorError::other(error.into(), None))
}

#[cfg(test)]
mod tests;
