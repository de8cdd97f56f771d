//! Connections that strangers open, bounded in number, memory and time.
//!
//! `axum::serve` is shorter, and for a service behind a proxy that does this enough.

use std::{future::poll_fn, sync::Arc, time::Duration};

use axum::{Router, body::Body};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncWriteExt, copy, sink},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};
use tower::ServiceExt;

/// How many clients are served at once; others wait to be accepted.
const CONNECTIONS: usize = 128;
/// How long a connection may be kept: one whose client does not read what it is sent ends then, too.
const LIFETIME: Duration = Duration::from_mins(10);
/// Bytes of request line and headers together.
const HEAD: usize = 64 * 1024;

/// Serves `routes` for ever. A client has the time `within` for the head of a request, and for closing.
pub(crate) async fn serve(listener: TcpListener, routes: Router, within: Duration) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    while let Ok(taken) = Arc::clone(&room).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                let routes = routes.clone();
                tokio::spawn(async move {
                    connection(stream, routes, within).await;
                    drop(taken);
                });
            }
            // Out of file descriptors: some are given back before long.
            Err(_) => sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn connection(stream: TcpStream, routes: Router, within: Duration) {
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        Box::pin(routes.clone().oneshot(request.map(Body::new)))
    });
    let mut serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(within)
        .max_header_size(HEAD)
        // A client that has sent all may close its side, and still wants the response.
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);
    let ended = timeout(LIFETIME, poll_fn(|context| serving.poll_without_shutdown(context))).await;

    let parts = serving.into_parts();
    let mut stream = parts.io.into_inner();
    let cut_off = matches!(ended, Ok(Err(error)) if error.is_timeout()) && !parts.read_buf.is_empty();
    let late = "HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    // Where bytes were not read, the system drops what is on its way to the client: so first say that all is said, and
    // let the client close.
    let _ = timeout(within, async {
        if cut_off {
            stream.write_all(late.as_bytes()).await?;
        }
        stream.shutdown().await?;
        copy(&mut stream, &mut sink()).await
    })
    .await;
}
