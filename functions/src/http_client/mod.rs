//! The HTTP client for calls to receivers and IAM, and the one for calls to AWS. Both use hyper's
//! connection pool and the same TLS configuration; the one for AWS does without `reqwest` on top
//! (`pool.rs`).
//!
//! The client for receivers and IAM follows no redirects and ignores the environment's proxy
//! settings. One timeout covers connecting, headers and body, and bodies are read up to a limit.

pub mod aws;
mod pool;
pub(crate) mod tls;
mod transport;

use std::time::Duration;

use reqwest::{Client, ClientBuilder, Response, redirect::Policy};

pub use transport::{HttpClient, SendError, Transport};

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
