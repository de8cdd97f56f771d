//! The HTTP client for calls to receivers, IAM and AWS.
//!
//! It follows no redirects and ignores the environment's proxy settings. One timeout covers
//! connecting, headers and body, and bodies are read up to a limit.

pub mod aws;
pub(crate) mod tls;

use std::time::Duration;

use reqwest::{Client, ClientBuilder, RequestBuilder, Response, redirect::Policy};

/// Idle connections kept open per host, so that a warm function does not reconnect: one for each
/// concurrent request of a process on Lambda Managed Instances
/// (`docs/reference/limits.md#idle-connections`).
const IDLE_CONNECTIONS_PER_HOST: usize = 64;
/// The time limit for connecting (`docs/reference/limits.md#connect-timeout`).
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The builder of a client with the settings that all calls share.
pub fn client() -> ClientBuilder {
    Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .tls_backend_preconfigured(tls::config())
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_max_idle_per_host(IDLE_CONNECTIONS_PER_HOST)
        .user_agent(concat!("keysync/", env!("CARGO_PKG_VERSION")))
}

/// Sends `request`, and sends it again if the connection breaks before the response: a kept
/// connection may have been closed while Lambda had this process frozen. Only for requests that may
/// arrive twice.
///
/// `timeout` limits both attempts together, bodies included.
pub async fn send(request: RequestBuilder, timeout: Duration) -> Result<Response, reqwest::Error> {
    let second = request.try_clone();
    let started = tokio::time::Instant::now();
    match (request.timeout(timeout).send().await, second) {
        (Err(error), Some(second)) if is_broken_connection(&error) => {
            second.timeout(timeout.saturating_sub(started.elapsed())).send().await
        }
        (result, _) => result,
    }
}

/// The body of `response`; `None` if it is longer than `limit` bytes.
pub async fn read_up_to(mut response: Response, limit: usize) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > limit {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

/// The error with its causes, without the URL.
#[must_use]
pub fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    if error.is_timeout() {
        return "timed out".to_owned();
    }
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Whether the connection ended before the response. A refused connection does not count: a second
/// attempt would be refused, too.
fn is_broken_connection(error: &reqwest::Error) -> bool {
    error.is_request() && !error.is_timeout() && !error.is_connect()
}
