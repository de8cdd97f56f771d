//! A loopback HTTP server that is accepting when it is returned and gone when it is dropped. Its handlers
//! can cut a connection instead of answering, as a process that dies does.

use std::{
    future::poll_fn,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use axum::{Router, body::Body, response::Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    task::{AbortHandle, JoinSet},
};
use tower::ServiceExt;

/// A running server; dropping it ends it and its connections.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    task: AbortHandle,
}

impl Server {
    /// Serves `router` on 127.0.0.1 at any free port.
    pub(crate) async fn start(router: Router) -> std::io::Result<Self> {
        Self::serve(Self::listen(0).await?, router)
    }

    /// Takes `port` of 127.0.0.1 (0 = any free port), for who has to know it before there is a router.
    pub(crate) async fn listen(port: u16) -> std::io::Result<TcpListener> {
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await
    }

    /// Serves `router` where it listens.
    pub(crate) fn serve(listener: TcpListener, router: Router) -> std::io::Result<Self> {
        let address = listener.local_addr()?;
        let task = tokio::spawn(accept(listener, router));
        Ok(Self { address, task: task.abort_handle() })
    }

    /// `http://127.0.0.1:port`, without a slash at the end.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An answer that is none: the connection is reset before it.
pub(crate) fn cut() -> Response {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(Cut);
    response
}

/// Whether an answer is one of those.
pub(crate) fn is_cut(response: &Response) -> bool {
    response.extensions().get::<Cut>().is_some()
}

#[derive(Clone, Debug, thiserror::Error)]
#[error("cut on purpose")]
struct Cut;

async fn accept(listener: TcpListener, router: Router) {
    // Owned here, so that connections end with this task.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => { connections.spawn(connection(stream, router.clone())); }
                // No descriptors left, or the peer has gone again: the next one may fare better.
                Err(_) => tokio::task::yield_now().await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, router: Router) {
    let _ = stream.set_nodelay(true);
    let is_cut = Arc::new(AtomicBool::new(false));
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let (router, is_cut) = (router.clone(), is_cut.clone());
        Box::pin(async move {
            let Ok(response) = router.oneshot(request.map(Body::new)).await;
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
