//! The client of callbacks and of calls to IAM, and its seam: a [`Transport`] that carries requests
//! in the place of the network.

use std::{error::Error, fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::response::Parts;
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy;

use super::{
    pool::{self, Pool},
    request::{InvalidRequest, Request},
};

/// The time limit for connecting (`docs/reference/limits.md#connect-timeout`).
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Carries requests in the place of the network: to the peers of the deterministic simulation
/// (`docs/explanation/simulation.md`).
pub trait Transport: fmt::Debug + Send + Sync {
    /// The response to `request`. The client limits the time.
    fn send(&self, request: Request) -> BoxFuture<'static, Result<http::Response<Bytes>, SendError>>;
}

/// A response whose body may still be on its way.
pub type Response = http::Response<Either<Incoming, Full<Bytes>>>;

/// An HTTP client. Clones share its connections.
#[derive(Clone)]
pub struct HttpClient {
    network: pool::Client,
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

impl From<InvalidRequest> for SendError {
    fn from(invalid: InvalidRequest) -> Self {
        Self::Failed(invalid.to_string())
    }
}

impl From<legacy::Error> for SendError {
    fn from(error: legacy::Error) -> Self {
        // A refused connection does not count as broken: a second attempt would be refused, too.
        if error.is_connect() {
            Self::Failed(with_causes("no connection", error.source()))
        } else {
            Self::ConnectionBroken(with_causes("the connection ended early", error.source()))
        }
    }
}

/// A text with the causes of an error.
fn with_causes(text: &str, mut cause: Option<&(dyn Error + 'static)>) -> String {
    let mut text = text.to_owned();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

impl Default for HttpClient {
    fn default() -> Self {
        Self::new()
    }
}

impl HttpClient {
    /// A client that uses the network.
    #[must_use]
    pub fn new() -> Self {
        Self::connecting(|pool| pool)
    }

    /// A client that connects as `configure` says.
    pub(crate) fn connecting(configure: impl FnOnce(Pool) -> Pool) -> Self {
        Self { network: configure(Pool::new(CONNECT_TIMEOUT)).build(), transport: None }
    }

    /// This client with another transport than the network.
    #[must_use]
    pub fn with_transport(self, transport: Arc<dyn Transport>) -> Self {
        Self { transport: Some(transport), ..self }
    }

    /// Sends `request`, and sends it again if the connection breaks before the response: a kept
    /// connection may have been closed while Lambda had this process frozen. Only for requests that
    /// may arrive twice.
    ///
    /// `timeout` limits both attempts together, up to the headers of the response.
    pub(crate) async fn send(&self, request: Request, timeout: Duration) -> Result<Response, SendError> {
        within(timeout, self.attempt_twice(&request)).await
    }

    /// Sends `request` as [`Self::send`] does, and reads the body, all of it within `timeout`. The
    /// body is `None` if it is longer than `limit` bytes.
    pub(crate) async fn fetch(
        &self,
        request: Request,
        timeout: Duration,
        limit: usize,
    ) -> Result<(Parts, Option<Vec<u8>>), SendError> {
        within(timeout, async { read_up_to(self.attempt_twice(&request).await?, limit).await }).await
    }

    /// Sends `request` once. `timeout` limits the time until the headers of the response.
    pub async fn send_once(&self, request: Request, timeout: Duration) -> Result<Response, SendError> {
        within(timeout, self.attempt(&request)).await
    }

    /// Sends `request` once, and reads the body, all of it within `timeout`. The body is `None` if
    /// it is longer than `limit` bytes.
    pub async fn fetch_once(
        &self,
        request: Request,
        timeout: Duration,
        limit: usize,
    ) -> Result<(Parts, Option<Vec<u8>>), SendError> {
        within(timeout, async { read_up_to(self.attempt(&request).await?, limit).await }).await
    }

    async fn attempt_twice(&self, request: &Request) -> Result<Response, SendError> {
        match self.attempt(request).await {
            Err(SendError::ConnectionBroken(_)) => self.attempt(request).await,
            result => result,
        }
    }

    async fn attempt(&self, request: &Request) -> Result<Response, SendError> {
        if let Some(transport) = &self.transport {
            return Ok(transport.send(request.clone()).await?.map(|body| Either::Right(Full::new(body))));
        }
        Ok(self.network.request(request.to_http()?).await?.map(Either::Left))
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpClient({:?})", self.transport)
    }
}

async fn within<T>(
    timeout: Duration,
    call: impl Future<Output = Result<T, SendError>>,
) -> Result<T, SendError> {
    tokio::time::timeout(timeout, call).await.unwrap_or(Err(SendError::TimedOut))
}

/// `response` with its body; `None` if that is longer than `limit` bytes.
pub(crate) async fn read_up_to(
    response: Response,
    limit: usize,
) -> Result<(Parts, Option<Vec<u8>>), SendError> {
    let (parts, mut body) = response.into_parts();
    let mut read = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| SendError::Failed(with_causes("no whole body", Some(&*error))))?;
        let Ok(data) = frame.into_data() else { continue };
        if read.len() + data.len() > limit {
            return Ok((parts, None));
        }
        read.extend_from_slice(&data);
    }
    Ok((parts, Some(read)))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use http::Method;

    use super::*;

    /// A transport whose responses take a second; the first `broken` connections break.
    #[derive(Debug, Default)]
    struct Fake {
        broken: usize,
        requests: AtomicUsize,
    }

    impl Transport for Fake {
        fn send(&self, _: Request) -> BoxFuture<'static, Result<http::Response<Bytes>, SendError>> {
            let breaks = self.requests.fetch_add(1, Ordering::Relaxed) < self.broken;
            Box::pin(async move {
                tokio::time::sleep(Duration::from_secs(1)).await;
                if breaks {
                    return Err(SendError::ConnectionBroken("connection reset".to_owned()));
                }
                Ok(http::Response::new(Bytes::new()))
            })
        }
    }

    /// The number of requests, and whether the last one got a response within the timeout.
    async fn send(broken: usize, timeout: Duration) -> (usize, Result<(), SendError>) {
        let fake = Arc::new(Fake { broken, ..Fake::default() });
        let request = Request::new(Method::GET, &"https://service.example/".parse().unwrap());
        let result = HttpClient::new().with_transport(fake.clone()).send(request, timeout).await;
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
