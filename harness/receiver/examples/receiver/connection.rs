//! Connections from untrusted clients, limited in number, memory and time.
//!
//! Behind a proxy with such limits, `axum::serve` suffices.

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

/// Maximum number of concurrent connections; others wait to be accepted.
const MAX_CONNECTIONS: usize = 128;
/// Maximum duration of a connection, even if the client never reads its responses.
const MAX_LIFETIME: Duration = Duration::from_mins(10);
/// Maximum size of the request line and headers together, in bytes.
const MAX_HEAD: usize = 64 * 1024;

/// Serves `routes` forever. `limit` is the timeout for the head of a request and for closing a
/// connection.
pub(crate) async fn serve(listener: TcpListener, routes: Router, limit: Duration) {
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    while let Ok(permit) = Arc::clone(&permits).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                let routes = routes.clone();
                tokio::spawn(async move {
                    connection(stream, routes, limit).await;
                    drop(permit);
                });
            }
            // File descriptors are exhausted; others are released soon.
            Err(_) => sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn connection(stream: TcpStream, routes: Router, limit: Duration) {
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        Box::pin(routes.clone().oneshot(request.map(Body::new)))
    });
    let mut serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limit)
        .max_header_size(MAX_HEAD)
        // A client may close its side after the request and still wait for the response.
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);
    let ended = timeout(MAX_LIFETIME, poll_fn(|context| serving.poll_without_shutdown(context))).await;

    let parts = serving.into_parts();
    let mut stream = parts.io.into_inner();
    let stalled = matches!(ended, Ok(Err(error)) if error.is_timeout()) && !parts.read_buf.is_empty();
    let response = "HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    // Closing a socket with unread bytes discards the response in transit. So this closes only the
    // sending side and waits for the client to close.
    let _ = timeout(limit, async {
        if stalled {
            stream.write_all(response.as_bytes()).await?;
        }
        stream.shutdown().await?;
        copy(&mut stream, &mut sink()).await
    })
    .await;
}
