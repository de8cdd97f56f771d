//! Requests as bytes on a TCP or TLS connection, so that malformed ones can be sent, too.

use std::{fmt, future::pending, io, sync::Arc, time::Duration};

use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split},
    net::TcpStream,
    select,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::either::Either;
use url::Url;

use crate::Error;

/// Maximum size of what is read of a response, before its final status.
const MAX_HEAD: usize = 256 * 1024;

/// What a receiver responded with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Response {
    /// The status of the final response.
    Status(u16),
    /// The connection was refused or closed without a response.
    Closed,
    /// Bytes that are no HTTP response.
    NotHttp,
    /// Nothing, in the time that a receiver has.
    TimedOut,
}

impl fmt::Display for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "status {status}"),
            Self::Closed => f.write_str("the connection was closed without a response"),
            Self::NotHttp => f.write_str("bytes that are not HTTP"),
            Self::TimedOut => f.write_str("no response in time"),
        }
    }
}

/// What a client does after the last byte of its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It waits for the response.
    Wait,
    /// It closes its side, so that a request that is too short ends.
    Close,
}

/// A connection to a receiver.
pub(crate) type Connection = Either<TcpStream, TlsStream<TcpStream>>;

/// The address of a receiver.
#[derive(Clone)]
pub(crate) struct Target {
    host: String,
    port: u16,
    /// For `https`: the configuration, and the name that the certificate must have.
    tls: Option<(TlsConnector, ServerName<'static>)>,
    /// The value of `host`.
    pub(crate) authority: String,
    /// Path and query.
    pub(crate) path: String,
    limit: Duration,
}

impl Target {
    /// The address of `url`, whose receiver must respond within `limit`. `tls` is for `https`.
    pub(crate) fn new(url: &Url, limit: Duration, tls: ClientConfig) -> Result<Self, Error> {
        let invalid = || Error::Url(url.to_string());
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return Err(invalid());
        };
        let host = host.trim_matches(['[', ']']).to_owned();
        let tls = match url.scheme() {
            "http" => None,
            "https" => {
                let name = ServerName::try_from(host.clone()).map_err(|_| invalid())?;
                Some((TlsConnector::from(Arc::new(tls)), name))
            }
            _ => return Err(invalid()),
        };
        let path =
            url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
        Ok(Self {
            authority: url[url::Position::BeforeHost..url::Position::AfterPort].to_owned(),
            host,
            port,
            tls,
            path,
            limit,
        })
    }

    /// Opens a connection, in the time that the receiver has for a response.
    pub(crate) async fn connect(&self) -> io::Result<Connection> {
        timeout(self.limit, self.open()).await?
    }

    /// Opens a connection, however long the TLS handshake takes.
    pub(crate) async fn open(&self) -> io::Result<Connection> {
        let stream = TcpStream::connect((&*self.host, self.port)).await?;
        match &self.tls {
            None => Ok(Either::Left(stream)),
            Some((tls, name)) => tls.connect(name.clone(), stream).await.map(Either::Right),
        }
    }

    /// Sends a request on a new connection and returns the response.
    pub(crate) async fn send(&self, request: &[u8], end: End) -> Response {
        let exchange = async {
            let Ok(stream) = self.open().await else { return Response::Closed };
            let (mut reader, mut writer) = split(stream);
            // A receiver may respond, and close, before it has read everything.
            let write = async {
                if write(&mut writer, request).await.is_ok() && end == End::Close {
                    drop(writer.shutdown().await);
                }
                pending().await
            };
            select! {
                response = response(&mut reader) => response,
                never = write => never,
            }
        };
        timeout(self.limit, exchange).await.unwrap_or(Response::TimedOut)
    }
}

/// Sends bytes now: a TLS connection may otherwise keep some.
pub(crate) async fn write(writer: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    writer.write_all(bytes).await?;
    writer.flush().await
}

/// Reads up to the final status line.
pub(crate) async fn response(reader: &mut (impl AsyncRead + Unpin)) -> Response {
    let mut received = Vec::new();
    loop {
        match final_status(&received) {
            Some(response) => return response,
            None if received.len() > MAX_HEAD => return Response::NotHttp,
            None => {}
        }
        match reader.read_buf(&mut received).await {
            Ok(0) | Err(_) if received.is_empty() => return Response::Closed,
            Ok(0) | Err(_) => return Response::NotHttp,
            Ok(_) => {}
        }
    }
}

/// The final status in what was received so far; responses like 100 (Continue) precede it.
fn final_status(mut received: &[u8]) -> Option<Response> {
    loop {
        let line = received.split(|byte| *byte == b'\n').next().filter(|line| line.len() < received.len())?;
        let status = std::str::from_utf8(line).ok().and_then(|line| {
            let rest = line.strip_prefix("HTTP/1.")?;
            rest.get(2..5)?.parse::<u16>().ok()
        });
        match status {
            None => return Some(Response::NotHttp),
            Some(100..=199) => {
                let end = received.windows(4).position(|window| window == b"\r\n\r\n")?;
                received = &received[end + 4..];
            }
            Some(status) => return Some(Response::Status(status)),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::tls::client_config;

    #[tokio::test]
    async fn final_status_follows_interim_ones() {
        for (received, expected) in [
            ("HTTP/1.1 204 No Content\r\n", Response::Status(204)),
            ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 413 x\r\n", Response::Status(413)),
            ("HTTP/1.1 100 Continue\r\n\r\n", Response::NotHttp),
            ("hello\n", Response::NotHttp),
            ("", Response::Closed),
        ] {
            assert_eq!(response(&mut received.as_bytes()).await, expected, "{received:?}");
        }
    }

    #[tokio::test]
    async fn stalled_handshake_is_not_a_closed_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let target = Target::new(&url, Duration::from_millis(100), client_config(None).unwrap()).unwrap();
        assert_eq!(target.send(b"", End::Wait).await, Response::TimedOut);
    }

    #[test]
    fn target_has_path_and_query_of_its_url() {
        let target = |url: &str| {
            Target::new(&url.parse().unwrap(), Duration::from_secs(1), client_config(None).unwrap())
        };
        let found = target("http://[::1]:8071/callbacks?a=b").unwrap();
        assert_eq!((&*found.host, &*found.authority, &*found.path), ("::1", "[::1]:8071", "/callbacks?a=b"));
        assert!(found.tls.is_none());
        let found = target("https://localhost/").unwrap();
        assert_eq!((found.port, &*found.authority, found.tls.is_some()), (443, "localhost", true));
        assert!(target("ftp://localhost/").is_err());
    }
}
