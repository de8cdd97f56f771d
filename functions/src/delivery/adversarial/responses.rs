//! Malicious responses: the client uses only the status and a capped `retry-after`.

use std::sync::Mutex;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    time::{Instant, sleep},
};

use super::{
    super::{CircuitBreakers, CircuitState, client::FailureScope, retry::settle},
    *,
};
use crate::{domain::ServiceName, ledger::item::tests::notification};

/// The timeout of attempts whose response never ends.
const SHORT_TIMEOUT: Duration = Duration::from_millis(300);

/// The maximum of bytes in flight when the client stops reading: socket buffers of both ends,
/// hyper's buffer, and the same again for a repeated request.
const UNREAD_BYTES: usize = 2 * 1024 * 1024;

/// The listener of a malicious receiver with a small send buffer, and its URL.
fn listener() -> (TcpListener, String) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(16 * 1024).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(16).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    (listener, url)
}

/// Reads a whole request.
async fn read_request(connection: &mut TcpStream) -> String {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n{}") {
        assert!(connection.read_buf(&mut request).await.unwrap() > 0, "the request ended early");
    }
    String::from_utf8(request).unwrap()
}

/// Responds to one request with these bytes and closes the connection.
pub(super) async fn serve_one(listener: &TcpListener, response: &[u8]) {
    let (mut connection, _) = listener.accept().await.unwrap();
    read_request(&mut connection).await;
    // The client may have closed the connection early.
    let _ = connection.write_all(response).await;
}

/// The result of an attempt whose requests all get this response.
async fn attempt_with(response: impl AsRef<[u8]>) -> Delivery {
    let (listener, url) = listener();
    let http = callback_client(AddressPolicy::LoopbackTest, SystemResolver);
    let serve = async {
        loop {
            serve_one(&listener, response.as_ref()).await;
        }
    };
    tokio::select! {
        delivery = call(&http, &url, TIMEOUT) => delivery,
        () = serve => unreachable!(),
    }
}

/// The result of an attempt whose response is `start` and then an endless repetition of `more`,
/// with a pause after each part; and the number of bytes sent.
async fn attempt_with_endless(start: &str, more: &[u8], pause: Duration) -> (Delivery, usize) {
    let (listener, url) = listener();
    let http = callback_client(AddressPolicy::LoopbackTest, SystemResolver);
    let sent = Mutex::new(0);
    let serve = async {
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            read_request(&mut connection).await;
            let mut next = start.as_bytes();
            while connection.write_all(next).await.is_ok() {
                *sent.lock().unwrap() += next.len();
                next = more;
                if !pause.is_zero() {
                    sleep(pause).await;
                }
            }
        }
    };
    let delivery = tokio::select! {
        delivery = call(&http, &url, SHORT_TIMEOUT) => delivery,
        () = serve => unreachable!(),
    };
    (delivery, sent.into_inner().unwrap())
}

#[tokio::test]
async fn body_and_headers_do_not_change_the_result() {
    let zeros = "0".repeat(1_000_000);
    for rest in [
        "\r\n".to_owned(),
        "content-length: 5\r\n\r\nhello".to_owned(),
        "content-length: 9223372036854775807\r\n\r\na".to_owned(),
        "content-length: 0\r\n\r\nHTTP/1.1 503 Down\r\n\r\n".to_owned(),
        format!("content-length: 1000000\r\n\r\n{zeros}"),
        format!("content-encoding: gzip\r\n\r\n\x1f\x08{zeros}"),
        "content-encoding: gzip, br, zstd, gzip\r\n\r\n\0".to_owned(),
        "transfer-encoding: chunked\r\n\r\nffffffffffffffff\r\n".to_owned(),
        "transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n".to_owned(),
        "transfer-encoding: chunked\r\n\r\nno number\r\n".to_owned(),
        "transfer-encoding: chunked\r\n\r\n1;".to_owned() + &zeros,
        "transfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n0\r\n\r\n".to_owned(),
        "content-type: application/json\r\n\r\n".to_owned() + &"[".repeat(100_000),
        "content-type: text/html; charset=\u{1f511}\r\n\r\n<meta http-equiv=refresh content=0>".to_owned(),
        "set-cookie: a=b\r\nalt-svc: h3=\":443\"\r\nrefresh: 0\r\nlink: </>; rel=next\r\n\r\n".to_owned(),
    ] {
        let attempt = |status: &str| attempt_with(format!("HTTP/1.1 {status}\r\n{rest}"));
        let case = rest.get(..80).unwrap_or(&rest);
        assert_eq!(attempt("200 OK").await, Delivery::Delivered, "{case}");
        assert_eq!(attempt("410 Gone").await, Delivery::Refused, "{case}");
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let (target, url) = listener();
    for status in [300, 301, 302, 303, 304, 305, 306, 307, 308, 399] {
        let response = format!("HTTP/1.1 {status} Redirect\r\nlocation: {url}\r\ncontent-length: 0\r\n\r\n");
        let delivery = attempt_with(response).await;
        assert_eq!(reason(&delivery), format!("responded with {status}; redirects are never followed"));
    }
    assert!(futures_util::FutureExt::now_or_never(target.accept()).is_none());
}

/// The attempt is retried, and the reason does not quote the response.
#[tokio::test]
async fn invalid_response_is_a_service_failure() {
    let long = "a".repeat(1_000_000);
    for response in [
        "",
        "\0\0\0\0\0\0\0\0",
        "hunter2",
        "SSH-2.0-hunter2\r\n",
        "220 hunter2 ESMTP\r\n",
        "<html>hunter2</html>",
        "ICY 200 OK\r\n\r\n",
        "HTTP/0.9 200 OK\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/1.1 \r\n\r\n",
        "HTTP/1.1 2 OK\r\n\r\n",
        "HTTP/1.1 2x0 OK\r\n\r\n",
        "HTTP/1.1 -200 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: hunter2\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551616\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nhun ter2: a\r\n\r\n",
        "HTTP/1.1 200 OK\r\na: hunter2\0\r\n\r\n",
        "HTTP/1.1 200 OK\r\n folded: hunter2\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "\x16\x03\x01\x02\0\x01\0\x01\u{fc}\x03\x03",
        &format!("HTTP/1.1 200 {long}"),
        &long,
    ] {
        let delivery = attempt_with(response).await;
        let case = response.get(..80).unwrap_or(response);
        assert!(
            matches!(delivery, Delivery::Failed { scope: FailureScope::Service, retry_after: None, .. }),
            "{case}: {delivery:?}"
        );
        assert!(
            reason(&delivery).len() < 300 && !reason(&delivery).contains("hunter2"),
            "{case}: {delivery:?}"
        );
    }
}

#[tokio::test]
async fn protocol_upgrades_are_ignored() {
    for response in [
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
        "HTTP/1.1 426 Upgrade Required\r\nupgrade: h2c\r\n\r\n",
    ] {
        let delivery = attempt_with(response).await;
        assert!(reason(&delivery).starts_with("responded with "), "{delivery:?}");
    }
}

/// The status counts, and reading stops at a size and a time limit.
#[tokio::test]
async fn endless_body_is_not_read() {
    let chunk = vec![b'a'; 64 * 1024];
    for start in ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 9000000000000\r\n\r\n"] {
        let (delivery, sent) = attempt_with_endless(start, &chunk, Duration::ZERO).await;
        assert_eq!(delivery, Delivery::Delivered);
        assert!(sent < UNREAD_BYTES, "{sent} bytes were read");
        let (delivery, _) = attempt_with_endless(start, b"a", Duration::from_millis(10)).await;
        assert_eq!(delivery, Delivery::Delivered);
    }
}

#[tokio::test]
async fn endless_headers_fail_the_attempt() {
    let (long, many) = (vec![b'a'; 64 * 1024], "a: b\r\n".repeat(10_000));
    for (start, more) in [
        ("HTTP/1.1 200 ", &long[..]),
        ("HTTP/1.1 200 OK\r\na: ", &long),
        ("HTTP/1.1 200 OK\r\n", many.as_bytes()),
        (
            "HTTP/1.1 100 Continue\r\n\r\n",
            "HTTP/1.1 103 Early Hints\r\nlink: </>\r\n\r\n".repeat(100).as_bytes(),
        ),
    ] {
        let (delivery, sent) = attempt_with_endless(start, more, Duration::ZERO).await;
        assert!(
            matches!(delivery, Delivery::Failed { scope: FailureScope::Service, .. }),
            "{start}: {delivery:?}"
        );
        assert!(
            !more.starts_with(b"HTTP") || reason(&delivery) == "no response within 300 ms",
            "{delivery:?}"
        );
        assert!(more.starts_with(b"HTTP") || sent < UNREAD_BYTES, "{start}: {sent} bytes were read");
    }
}

/// Slow loris: headers that arrive byte by byte do not extend the timeout.
#[tokio::test]
async fn slow_headers_time_out() {
    for (start, more) in [("H", "T"), ("HTTP/1.1 200 OK\r\na: ", "b"), ("HTTP/1.1 200 OK\r\n", "a: b\r\n")] {
        let started = Instant::now();
        let (delivery, _) = attempt_with_endless(start, more.as_bytes(), Duration::from_millis(20)).await;
        let is_late = started.elapsed() > SHORT_TIMEOUT * 10;
        assert!(
            matches!(delivery, Delivery::Failed { scope: FailureScope::Service, .. }) && !is_late,
            "{delivery:?}"
        );
    }
}

/// `retry-after` is capped at one hour, and extreme values do not overflow.
#[tokio::test]
async fn extreme_retry_after_delays_at_most_one_hour() {
    let service: ServiceName = "cloud-object-storage".parse().unwrap();
    let notification = notification();
    let hour = Duration::from_hours(1);
    let last = notification.at.plus(hour);
    for value in [
        "0",
        "-1",
        "+1",
        "1.5",
        "1e400",
        "NaN",
        "18446744073709551615",
        "18446744073709551616",
        &"9".repeat(5000),
        "0x10",
        "",
        " ",
        "1, 2",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Mon, 01 Jan 0001 00:00:00 GMT",
        "Sun, 06 Nov 1994 08:49:37 +9999",
        "Wed, 31 Feb 2027 00:00:00 GMT",
        "soon",
        "\u{e9}",
        "1\r\nretry-after: 18446744073709551615",
    ] {
        let response = format!("HTTP/1.1 503 Down\r\nretry-after: {value}\r\ncontent-length: 0\r\n\r\n");
        let delivery = attempt_with(response).await;
        assert_eq!(reason(&delivery), "responded with 503", "{value}");
        let breakers = CircuitBreakers::default();
        breakers.record(&service, &delivery);
        if let CircuitState::Held(hold) = breakers.state(&service) {
            assert!(hold > Duration::ZERO && hold <= hour, "{value}");
        }
        let retry =
            settle(&notification, &service, delivery, notification.at, notification.at).retry.unwrap();
        assert!(retry.next_at <= last, "{value}: {retry:?}");
        let Delivery::Failed { retry_after, .. } =
            attempt_with(format!("HTTP/1.1 429 Busy\r\nretry-after: {value}\r\n\r\n")).await
        else {
            panic!("{value}")
        };
        let deferred = settle(
            &notification,
            &service,
            Delivery::Deferred { retry_after },
            notification.at,
            notification.at,
        );
        assert!(deferred.retry.unwrap().next_at <= last, "{value}");
    }
}

/// A new connection for each callback takes a TLS handshake.
#[tokio::test]
async fn connection_is_kept_after_body_of_16_kb() {
    const ATTEMPTS: usize = 8;
    let (listener, url) = listener();
    let http = callback_client(AddressPolicy::LoopbackTest, SystemResolver);
    let response = format!("HTTP/1.1 200 OK\r\ncontent-length: 16384\r\n\r\n{}", "0".repeat(16_384));
    let connections = Mutex::new(0);
    let serve = async {
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            *connections.lock().unwrap() += 1;
            let mut request = Vec::new();
            while connection.read_buf(&mut request).await.is_ok_and(|read| read > 0) {
                if request.ends_with(b"\r\n\r\n{}") {
                    request.clear();
                    connection.write_all(response.as_bytes()).await.unwrap();
                }
            }
        }
    };
    let attempts = async {
        for _ in 0..ATTEMPTS {
            assert_eq!(call(&http, &url, TIMEOUT).await, Delivery::Delivered);
        }
    };
    tokio::select! {
        () = attempts => {}
        () = serve => unreachable!(),
    }
    let connections = connections.into_inner().unwrap();
    assert!(connections < ATTEMPTS, "{connections} connections");
}
