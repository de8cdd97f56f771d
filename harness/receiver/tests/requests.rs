//! The example service with raw requests to its socket: the `requests` of the test vectors, and
//! slow clients.
#![allow(clippy::unwrap_used, reason = "a failed setup step fails the test")]

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    time::Duration,
};

use keysync_receiver::{Verifier, sample};
use serde::Deserialize;
use tokio::{net::TcpListener, runtime::Runtime};

#[path = "../examples/receiver/connection.rs"]
mod connection;
#[path = "../examples/receiver/fetch.rs"]
#[expect(dead_code, reason = "the service of this test has configured keys")]
mod fetch;
#[path = "../examples/receiver/service.rs"]
#[expect(dead_code, reason = "the service of this test has configured keys")]
mod service;

/// Timeout, much longer than any operation takes.
const TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
struct Vectors {
    requests: Vec<Request>,
}

#[derive(Deserialize)]
struct Request {
    name: String,
    why: String,
    send: Vec<Part>,
    statuses: Vec<Statuses>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Part {
    Text(String),
    Repeated { repeat: String, times: usize },
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Statuses {
    One(u16),
    OneOf(Vec<u16>),
}

impl Statuses {
    fn contain(&self, status: u16) -> bool {
        match self {
            Self::One(it) => *it == status,
            Self::OneOf(them) => them.contains(&status),
        }
    }
}

impl Part {
    fn bytes(&self) -> Vec<u8> {
        let bytes = |text: &str| text.chars().map(|it| u8::try_from(it).unwrap()).collect::<Vec<_>>();
        match self {
            Self::Text(text) => bytes(text),
            Self::Repeated { repeat, times } => bytes(repeat).repeat(*times),
        }
    }
}

/// The running service, which stops when the runtime is dropped.
struct RunningService {
    address: SocketAddr,
    _runtime: Runtime,
}

impl RunningService {
    fn start(limit: Duration) -> Self {
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let hundred_years = Duration::from_hours(100 * 365 * 24);
        let verifier =
            Verifier::new(sample::SERVICE, [sample::PUBLIC_KEY]).unwrap().with_tolerance(hundred_years);
        runtime.spawn(connection::serve(
            listener,
            service::routes(service::AnyVerifier::Keys(verifier), None, limit),
            limit,
        ));
        Self { address, _runtime: runtime }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(TIMEOUT)).unwrap();
        stream
    }
}

/// The statuses of the complete responses until the service closes the connection.
fn statuses(mut stream: TcpStream) -> Vec<u16> {
    let mut received = Vec::new();
    stream.read_to_end(&mut received).unwrap();
    let received = String::from_utf8(received).unwrap();
    let (mut rest, mut found) = (received.as_str(), Vec::new());
    while let Some((head, after)) = rest.split_once("\r\n\r\n") {
        let status = head.strip_prefix("HTTP/1.").and_then(|line| line.get(2..5)).unwrap();
        found.push(status.parse().unwrap());
        let length = head.to_ascii_lowercase().lines().find_map(|line| {
            line.strip_prefix("content-length: ").map(|length| length.parse::<usize>().unwrap())
        });
        rest = after.get(length.unwrap_or_default()..).unwrap();
    }
    assert_eq!(rest, "");
    found
}

#[test]
fn requests_get_expected_statuses() {
    let Vectors { requests } = serde_json::from_str(keysync_receiver::TEST_VECTORS).unwrap();
    let running = RunningService::start(TIMEOUT);
    let mut failures = Vec::new();
    for Request { name, why, send, statuses: expected } in requests {
        let mut stream = running.connect();
        for part in send {
            stream.write_all(&part.bytes()).unwrap();
        }
        stream.shutdown(Shutdown::Write).unwrap();
        let found = statuses(stream);
        let matches =
            found.len() == expected.len() && found.iter().zip(&expected).all(|(it, all)| all.contain(*it));
        if !matches {
            failures.push(format!("{name}: got {found:?}, expected {expected:?}: {why}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn stalled_request_gets_408() {
    let running = RunningService::start(Duration::from_secs(1));
    for (sent, expected) in [
        ("", &[][..]),
        ("POST /callbacks HT", &[408]),
        ("POST /callbacks HTTP/1.1\r\nwebhook-id: ", &[408]),
        ("POST /callbacks HTTP/1.1\r\ncontent-length: 10\r\n\r\n12345", &[408]),
        ("POST /callbacks HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n5\r\n123", &[408]),
    ] {
        let mut stream = running.connect();
        stream.write_all(sent.as_bytes()).unwrap();
        assert_eq!(statuses(stream), expected, "{sent:?}");
    }
}
