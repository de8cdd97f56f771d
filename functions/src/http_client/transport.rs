//! The client of callbacks and of calls to IAM, and its seam: a [`Transport`] that carries requests
//! in the place of the network.

use std::{fmt, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use reqwest::{IntoUrl, Request, RequestBuilder, Response};
use tokio::time::Instant;

use super::reason;

/// Carries requests in the place of the network: to the peers of the deterministic simulation
/// (`docs/explanation/simulation.md`).
pub trait Transport: fmt::Debug + Send + Sync {
    /// The response to `request`. The client limits the time.
    fn send(&self, request: Request) -> BoxFuture<'static, Result<Response, SendError>>;
}

/// An HTTP client. Clones share its connections.
#[derive(Clone, Debug)]
pub struct HttpClient {
    network: reqwest::Client,
    /// `None` for the network.
    transport: Option<Arc<dyn Transport>>,
}

/// A request without a response. The text is for the operator and contains no URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// No response within the timeout.
    #[error("timed out")]
    TimedOut,
    /// The connection ended before the response.
    #[error("{0}")]
    ConnectionBroken(String),
    /// No connection, or an invalid request.
    #[error("{0}")]
    Failed(String),
}

impl From<reqwest::Error> for SendError {
    fn from(error: reqwest::Error) -> Self {
        if error.is_timeout() {
            return Self::TimedOut;
        }
        // A refused connection does not count as broken: a second attempt would be refused, too.
        let is_broken = error.is_request() && !error.is_connect();
        let reason = reason(error);
        if is_broken { Self::ConnectionBroken(reason) } else { Self::Failed(reason) }
    }
}

/// A client that uses the network.
impl From<reqwest::Client> for HttpClient {
    fn from(network: reqwest::Client) -> Self {
        Self { network, transport: None }
    }
}

impl HttpClient {
    /// This client with another transport than the network.
    #[must_use]
    pub fn with_transport(self, transport: Arc<dyn Transport>) -> Self {
        Self { transport: Some(transport), ..self }
    }

    /// A GET request, to be sent with [`Self::send`].
    pub(crate) fn get(&self, url: impl IntoUrl) -> RequestBuilder {
        self.network.get(url)
    }

    /// A POST request, to be sent with [`Self::send`].
    pub(crate) fn post(&self, url: impl IntoUrl) -> RequestBuilder {
        self.network.post(url)
    }

    /// Sends `request`, and sends it again if the connection breaks before the response: a kept
    /// connection may have been closed while Lambda had this process frozen. Only for requests that
    /// may arrive twice.
    ///
    /// `timeout` limits both attempts together, bodies included.
    pub(crate) async fn send(
        &self,
        request: RequestBuilder,
        timeout: Duration,
    ) -> Result<Response, SendError> {
        let second = request.try_clone();
        let started = Instant::now();
        match (self.attempt(request, timeout).await, second) {
            (Err(SendError::ConnectionBroken(_)), Some(second)) => {
                self.attempt(second, timeout.saturating_sub(started.elapsed())).await
            }
            (result, _) => result,
        }
    }

    async fn attempt(&self, request: RequestBuilder, timeout: Duration) -> Result<Response, SendError> {
        let Some(transport) = &self.transport else {
            return Ok(request.timeout(timeout).send().await?);
        };
        let response = tokio::time::timeout(timeout, transport.send(request.build()?));
        response.await.unwrap_or(Err(SendError::TimedOut))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// A transport whose responses take a second; the first `broken` connections break.
    #[derive(Debug, Default)]
    struct Fake {
        broken: usize,
        requests: AtomicUsize,
    }

    impl Transport for Fake {
        fn send(&self, _: Request) -> BoxFuture<'static, Result<Response, SendError>> {
            let breaks = self.requests.fetch_add(1, Ordering::Relaxed) < self.broken;
            Box::pin(async move {
                tokio::time::sleep(Duration::from_secs(1)).await;
                if breaks {
                    return Err(SendError::ConnectionBroken("connection reset".to_owned()));
                }
                Ok(http::Response::new("").into())
            })
        }
    }

    /// The number of requests, and whether the last one got a response within the timeout.
    async fn send(broken: usize, timeout: Duration) -> (usize, Result<(), SendError>) {
        let fake = Arc::new(Fake { broken, ..Fake::default() });
        let client =
            HttpClient::from(crate::http_client::client().build().unwrap()).with_transport(fake.clone());
        let result = client.send(client.get("https://service.example/"), timeout).await;
        (fake.requests.load(Ordering::Relaxed), result.map(drop))
    }

    #[tokio::test(start_paused = true)]
    async fn broken_connection_is_retried_once() {
        let timeout = Duration::from_secs(5);
        assert_eq!(send(0, timeout).await, (1, Ok(())));
        assert_eq!(send(1, timeout).await, (2, Ok(())));
        let (requests, result) = send(2, timeout).await;
        assert!(requests == 2 && matches!(result, Err(SendError::ConnectionBroken(_))), "{result:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn timeout_covers_both_attempts() {
        let timeout = Duration::from_millis(1500);
        assert_eq!(send(1, timeout).await, (2, Err(SendError::TimedOut)));
    }
}
