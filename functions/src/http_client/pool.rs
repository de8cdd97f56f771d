//! hyper's pool of connections, with the settings that all calls share.

use std::{
    error::Error,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use aws_smithy_types::body::SdkBody;
use http::{Uri, uri::Scheme};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use rustls::ClientConfig;
use tower_service::Service;

use super::{
    resolver::{Resolve, Resolver, SystemResolver},
    tls,
};

/// Idle connections kept open per host, so that a warm function does not reconnect: one for each
/// concurrent request of a process on Lambda Managed Instances
/// (`docs/reference/limits.md#idle-connections`).
const IDLE_CONNECTIONS_PER_HOST: usize = 64;
/// The time after which an unused connection is closed
/// (`docs/reference/limits.md#idle-connections`).
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);
/// The pause between two keep-alive probes of TCP.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A pool of connections. Clones share them.
pub(super) type Client = legacy::Client<Connector, SdkBody>;

/// How a pool connects.
pub(crate) struct Pool {
    resolver: Resolver,
    tls: ClientConfig,
    connect_timeout: Duration,
    https_only: bool,
}

impl Pool {
    /// A pool whose connections have to be open within `connect_timeout`, TLS included.
    pub(super) fn new(connect_timeout: Duration) -> Self {
        let (resolver, tls) = (Resolver::new(SystemResolver), tls::config());
        Self { resolver, tls, connect_timeout, https_only: false }
    }

    /// With another resolver of names than the operating system's.
    pub(crate) fn resolver(self, resolver: impl Resolve + 'static) -> Self {
        Self { resolver: Resolver::new(resolver), ..self }
    }

    /// Without connections that are not encrypted.
    pub(crate) fn https_only(self, https_only: bool) -> Self {
        Self { https_only, ..self }
    }

    /// With another TLS configuration.
    #[cfg(test)]
    pub(crate) fn tls(self, tls: ClientConfig) -> Self {
        Self { tls, ..self }
    }

    pub(super) fn build(self) -> Client {
        let mut tcp = HttpConnector::new_with_resolver(self.resolver);
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(KEEP_ALIVE));
        let tls = HttpsConnectorBuilder::new().with_tls_config(self.tls).https_or_http().enable_http1();
        legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(IDLE_CONNECTIONS_PER_HOST)
            .build(Connector {
                inner: tls.wrap_connector(tcp),
                timeout: self.connect_timeout,
                https_only: self.https_only,
            })
    }
}

/// Connects within a time limit.
#[derive(Clone)]
pub(super) struct Connector {
    inner: HttpsConnector<HttpConnector<Resolver>>,
    timeout: Duration,
    https_only: bool,
}

type BoxError = Box<dyn Error + Send + Sync>;

impl Service<Uri> for Connector {
    type Response = <HttpsConnector<HttpConnector<Resolver>> as Service<Uri>>::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        if self.https_only && uri.scheme() != Some(&Scheme::HTTPS) {
            return Box::pin(async { Err("the URL is not https".into()) });
        }
        let (connecting, limit) = (self.inner.call(uri), self.timeout);
        Box::pin(async move {
            match tokio::time::timeout(limit, connecting).await {
                Ok(connected) => connected,
                Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "connecting timed out").into()),
            }
        })
    }
}
