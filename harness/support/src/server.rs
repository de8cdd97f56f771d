//! A loopback HTTP server that accepts connections when it is returned and ends when it is dropped.
//! Every port of the harness uses it, so that each of them [denies requests of other sites' web
//! pages](Guard) and survives a lack of file descriptors. Handlers can cut a connection instead of
//! responding, as a process that is killed does.

use std::{
    future::poll_fn,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use axum::{Router, body::Body, response::Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use keysync_browser_guard::Guard;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    task::{AbortHandle, JoinSet},
};
use tower::ServiceExt;

/// The pause before the next connection is accepted after a lack of file descriptors or memory.
const PAUSE: Duration = Duration::from_millis(100);

/// A running server; dropping it ends it and its connections.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    task: AbortHandle,
}

impl Server {
    /// Serves `router` on 127.0.0.1 at any free port, for requests that `guard` allows.
    pub async fn start(router: Router, guard: &Guard) -> io::Result<Self> {
        Self::serve(Self::listen(Ipv4Addr::LOCALHOST.into(), 0).await?, router, guard)
    }

    /// Listens on `port` of an address (0 = any free port), for a caller that needs the port before
    /// it has a router.
    pub async fn listen(address: IpAddr, port: u16) -> io::Result<TcpListener> {
        TcpListener::bind((address, port)).await
    }

    /// Serves `router` on `listener`.
    pub fn serve(listener: TcpListener, router: Router, guard: &Guard) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let task = tokio::spawn(accept(listener, router, guard.clone()));
        Ok(Self { address, task: task.abort_handle() })
    }

    /// The URL for programs on this machine, without a trailing slash.
    #[must_use]
    pub fn url(&self) -> String {
        local_url(self.address)
    }
}

/// The URL of a listener for programs on this machine: of the loopback address if it listens on all
/// addresses.
#[must_use]
pub fn local_url(mut address: SocketAddr) -> String {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    format!("http://{address}")
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A marker in place of a response: the connection is reset.
#[must_use]
pub fn cut() -> Response {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(Cut);
    response
}

/// Whether a response is the marker of [`cut`].
#[must_use]
pub fn is_cut(response: &Response) -> bool {
    response.extensions().get::<Cut>().is_some()
}

#[derive(Clone, Debug, thiserror::Error)]
#[error("injected fault: connection cut")]
struct Cut;

async fn accept(listener: TcpListener, router: Router, guard: Guard) {
    // Owned by this task, so that connections end with it.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = next(&listener) => { connections.spawn(connection(accepted, router.clone(), guard.clone())); }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Accepts the next connection. After an error of this process, it retries after a pause: the
/// connection stays in the kernel's queue, so that retries without a pause would occupy a
/// processor.
async fn next(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) if is_peer_error(&error) => {}
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// Whether the error is of one connection, so that no pause is needed before the next one.
fn is_peer_error(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

async fn connection(stream: TcpStream, router: Router, guard: Guard) {
    let _ = stream.set_nodelay(true);
    let is_cut = Arc::new(AtomicBool::new(false));
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let (router, guard, is_cut) = (router.clone(), guard.clone(), is_cut.clone());
        Box::pin(async move {
            let respond = async |request: hyper::Request<Incoming>| {
                let Ok(response) = router.oneshot(request.map(Body::new)).await;
                response
            };
            let response = guard.guard(request, respond).await;
            // hyper closes a connection whose service fails, without a response.
            is_cut.store(self::is_cut(&response), Relaxed);
            if is_cut.load(Relaxed) { Err(Cut) } else { Ok(response) }
        })
    });
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // An error means that the connection has ended.
    let _ = poll_fn(|context| connection.poll_without_shutdown(context)).await;
    let mut stream = connection.into_parts().io.into_inner();
    let _ = if is_cut.load(Relaxed) {
        stream.set_zero_linger() // resets the connection on drop
    } else {
        stream.shutdown().await
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peer_errors_need_no_pause() {
        for code in [104, 103, 111] {
            assert!(is_peer_error(&io::Error::from_raw_os_error(code)), "{code}");
        }
        // EMFILE, ENFILE, ENOMEM, ENOBUFS, EINVAL.
        for code in [24, 23, 12, 105, 22] {
            assert!(!is_peer_error(&io::Error::from_raw_os_error(code)), "{code}");
        }
    }
}
