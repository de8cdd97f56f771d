//! HTTP calls to others: what every one of them is bound by.
//!
//! No redirects, no proxy from the environment, one deadline over connecting, head and body, and an
//! answer read up to a bound.

pub mod aws;
pub(crate) mod tls;

use std::time::Duration;

use reqwest::{Client, ClientBuilder, RequestBuilder, Response, redirect::Policy};

/// Connections kept open to each host, so that a warm function does not connect again: one for each request that
/// a process may have at once (Lambda Managed Instances).
const IDLE_CONNECTIONS_PER_HOST: usize = 64;

/// The start of a client for calls to others.
pub fn client() -> ClientBuilder {
    Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .tls_backend_preconfigured(tls::config())
        .connect_timeout(Duration::from_secs(2))
        .pool_max_idle_per_host(IDLE_CONNECTIONS_PER_HOST)
        .user_agent(concat!("keysync/", env!("CARGO_PKG_VERSION")))
}

/// Sends `request`, once more where the connection broke under it: a kept connection may have died
/// while Lambda had this process frozen. Only for requests that may arrive twice.
///
/// `deadline` bounds both tries together, bodies included.
pub async fn send(request: RequestBuilder, deadline: Duration) -> Result<Response, reqwest::Error> {
    let second = request.try_clone();
    let started = tokio::time::Instant::now();
    match (request.timeout(deadline).send().await, second) {
        (Err(error), Some(second)) if broke(&error) => {
            second.timeout(deadline.saturating_sub(started.elapsed())).send().await
        }
        (result, _) => result,
    }
}

/// The body of `response`, or `None` where it is longer than `limit` bytes.
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

/// What went wrong, with its causes and without the URL.
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

/// A connection that ended before its answer. A refused connection is not one: that is an answer.
fn broke(error: &reqwest::Error) -> bool {
    error.is_request() && !error.is_timeout() && !error.is_connect()
}
