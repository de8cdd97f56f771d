//! A loopback HTTP server that is accepting when it is returned and gone when it is dropped. Everything that the
//! harness listens with is one of these, so what holds here holds for every port: web pages of other sites are
//! [kept out](Guard), and a process that has no descriptors left waits for some. Handlers can cut a connection
//! instead of answering, as a process that dies does.

use std::{
    future::poll_fn,
    io,
    net::{Ipv4Addr, SocketAddr},
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

/// How long nothing is accepted where that failed for want of descriptors or memory.
const PAUSE: Duration = Duration::from_millis(100);

/// A running server; dropping it ends it and its connections.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    task: AbortHandle,
}

impl Server {
    /// Serves `router` on 127.0.0.1 at any free port, to those whom `guard` lets pass.
    pub async fn start(router: Router, guard: &Guard) -> io::Result<Self> {
        Self::serve(Self::listen(0).await?, router, guard)
    }

    /// Takes `port` of 127.0.0.1 (0 = any free port), for who has to know it before there is a router.
    pub async fn listen(port: u16) -> io::Result<TcpListener> {
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await
    }

    /// Serves `router` where it listens.
    pub fn serve(listener: TcpListener, router: Router, guard: &Guard) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let task = tokio::spawn(accept(listener, router, guard.clone()));
        Ok(Self { address, task: task.abort_handle() })
    }

    /// `http://127.0.0.1:port`, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An answer that is none: the connection is reset before it.
#[must_use]
pub fn cut() -> Response {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(Cut);
    response
}

/// Whether an answer is one of those.
#[must_use]
pub fn is_cut(response: &Response) -> bool {
    response.extensions().get::<Cut>().is_some()
}

#[derive(Clone, Debug, thiserror::Error)]
#[error("cut on purpose")]
struct Cut;

async fn accept(listener: TcpListener, router: Router, guard: Guard) {
    // Owned here, so that connections end with this task.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = next(&listener) => { connections.spawn(connection(accepted, router.clone(), guard.clone())); }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// The next connection. Where there can be none just now, it is tried again after a pause, and not at once: the
/// connection still waits in the kernel, so that a loop without a pause would take all the time of a processor.
async fn next(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) if is_of_the_peer(&error) => {}
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// Whether one connection has failed, and the next one may fare better at once.
fn is_of_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

async fn connection(stream: TcpStream, router: Router, guard: Guard) {
    let _ = stream.set_nodelay(true);
    let is_cut = Arc::new(AtomicBool::new(false));
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let (router, guard, is_cut) = (router.clone(), guard.clone(), is_cut.clone());
        Box::pin(async move {
            let answer = async |request: hyper::Request<Incoming>| {
                let Ok(response) = router.oneshot(request.map(Body::new)).await;
                response
            };
            let response = guard.guard(request, answer).await;
            // hyper ends a connection whose service fails, without an answer.
            is_cut.store(self::is_cut(&response), Relaxed);
            if is_cut.load(Relaxed) { Err(Cut) } else { Ok(response) }
        })
    });
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // Errors here are those of a connection that has ended.
    let _ = poll_fn(|context| connection.poll_without_shutdown(context)).await;
    let mut stream = connection.into_parts().io.into_inner();
    let _ = if is_cut.load(Relaxed) {
        stream.set_zero_linger() // dropped, it is reset
    } else {
        stream.shutdown().await
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_peer_s_failure_needs_no_pause() {
        for code in [104, 103, 111] {
            assert!(is_of_the_peer(&io::Error::from_raw_os_error(code)), "{code}");
        }
        // EMFILE, ENFILE, ENOMEM, ENOBUFS, EINVAL.
        for code in [24, 23, 12, 105, 22] {
            assert!(!is_of_the_peer(&io::Error::from_raw_os_error(code)), "{code}");
        }
    }
}
