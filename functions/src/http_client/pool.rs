//! A pool of connections below `reqwest`, for the calls of a hot path.
//!
//! It is the pool that `reqwest` uses, with the same settings, without what AWS calls do not need:
//! URLs, redirects, cookies and decompression.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use aws_smithy_types::body::SdkBody;
use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use tower_service::Service;

use super::{IDLE_CONNECTIONS_PER_HOST, tls};

/// The time after which an unused connection is closed, as in `reqwest`
/// (`docs/reference/limits.md#idle-connections`).
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);
/// The pause between two keep-alive probes of TCP, as in `reqwest`.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// An HTTP client over the pool. Clones share the connections.
pub(super) type Client = legacy::Client<ConnectTimeout<HttpsConnector<HttpConnector>>, SdkBody>;

/// A client that connects within `connect_timeout`, TLS included.
pub(super) fn client(connect_timeout: Duration) -> Client {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(KEEP_ALIVE));
    let tls = HttpsConnectorBuilder::new().with_tls_config(tls::config()).https_or_http().enable_http1();
    legacy::Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_max_idle_per_host(IDLE_CONNECTIONS_PER_HOST)
        .build(ConnectTimeout { connector: tls.wrap_connector(tcp), timeout: connect_timeout })
}

/// A connector with a time limit.
#[derive(Clone)]
pub(super) struct ConnectTimeout<C> {
    connector: C,
    timeout: Duration,
}

impl<C> Service<Uri> for ConnectTimeout<C>
where
    C: Service<Uri, Error: Into<Box<dyn std::error::Error + Send + Sync>>, Future: Send + 'static>,
{
    type Response = C::Response;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.connector.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (connecting, limit) = (self.connector.call(uri), self.timeout);
        Box::pin(async move {
            match tokio::time::timeout(limit, connecting).await {
                Ok(connected) => connected.map_err(Into::into),
                Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "connecting timed out").into()),
            }
        })
    }
}
