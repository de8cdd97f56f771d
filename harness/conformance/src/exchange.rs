//! Requests as bytes on a TCP connection, so that malformed ones can be sent, too.

use std::{fmt, future::pending, io, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    select,
    time::timeout,
};
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

/// The address of a receiver.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    host: String,
    port: u16,
    /// The value of `host`.
    pub(crate) authority: String,
    /// Path and query.
    pub(crate) path: String,
    limit: Duration,
}

impl Target {
    /// The address of `url`, whose receiver must respond within `limit`.
    pub(crate) fn new(url: &Url, limit: Duration) -> Result<Self, Error> {
        let (Some(host), Some(port), "http") = (url.host_str(), url.port_or_known_default(), url.scheme())
        else {
            return Err(Error::Url(url.to_string()));
        };
        let path =
            url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
        let host = host.trim_matches(['[', ']']).to_owned();
        Ok(Self {
            authority: url[url::Position::BeforeHost..url::Position::AfterPort].to_owned(),
            host,
            port,
            path,
            limit,
        })
    }

    /// Opens a connection.
    pub(crate) async fn connect(&self) -> io::Result<TcpStream> {
        TcpStream::connect((&*self.host, self.port)).await
    }

    /// Sends a request on a new connection and returns the response.
    pub(crate) async fn send(&self, request: &[u8], end: End) -> Response {
        let exchange = async {
            let Ok(mut stream) = self.connect().await else { return Response::Closed };
            let (mut reader, mut writer) = stream.split();
            // A receiver may respond, and close, before it has read everything.
            let write = async {
                if writer.write_all(request).await.is_ok() && end == End::Close {
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
    use super::*;

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

    #[test]
    fn target_has_path_and_query_of_its_url() {
        let target = |url: &str| Target::new(&url.parse().unwrap(), Duration::from_secs(1));
        let found = target("http://[::1]:8071/callbacks?a=b").unwrap();
        assert_eq!((&*found.host, &*found.authority, &*found.path), ("::1", "[::1]:8071", "/callbacks?a=b"));
        assert!(target("https://localhost/").is_err());
    }
}
