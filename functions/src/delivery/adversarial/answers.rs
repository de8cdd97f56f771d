//! Answers of services that mean harm: what is taken of them is a status and a `retry-after`, within bounds.

use std::sync::Mutex;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    time::{Instant, sleep},
};

use super::{
    super::{AddressPolicy, CircuitBreakers, CircuitState, client, retry::settle, ssrf_guard::System},
    *,
};
use crate::{domain::ServiceName, ledger::item::tests::notification};

/// Short, for answers that never end: they are given up when it is over.
const SHORT: Duration = Duration::from_millis(300);

/// What may be on its way when we stop to read: buffers of both ends, of hyper, and of one more try.
const UNREAD_BYTES: usize = 2 * 1024 * 1024;

/// A service's end of the connection, which keeps little back of what it sends.
fn listener() -> (TcpListener, String) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(16 * 1024).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(16).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    (listener, url)
}

/// Reads a request to its end.
async fn read_request(connection: &mut TcpStream) -> String {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n{}") {
        assert!(connection.read_buf(&mut request).await.unwrap() > 0, "the request ended early");
    }
    String::from_utf8(request).unwrap()
}

/// Answers one request with these bytes, and hangs up.
pub(super) async fn serve_one(listener: &TcpListener, answer: &[u8]) {
    let (mut connection, _) = listener.accept().await.unwrap();
    read_request(&mut connection).await;
    // Whoever has read enough may be gone.
    let _ = connection.write_all(answer).await;
}

/// What comes of a callback that is answered so, as often as it comes.
async fn answered(answer: impl AsRef<[u8]>) -> Delivery {
    let (listener, url) = listener();
    let http = client(AddressPolicy::LoopbackTest, System).build().unwrap();
    let serve = async {
        loop {
            serve_one(&listener, answer.as_ref()).await;
        }
    };
    tokio::select! {
        delivery = call(&http, &url, TIMEOUT) => delivery,
        () = serve => unreachable!(),
    }
}

/// What comes of a callback that is answered by `start`, and then by `more` again and again, with a pause after each;
/// and how many bytes of that went out.
async fn answered_without_end(start: &str, more: &[u8], pause: Duration) -> (Delivery, usize) {
    let (listener, url) = listener();
    let http = client(AddressPolicy::LoopbackTest, System).build().unwrap();
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
        delivery = call(&http, &url, SHORT) => delivery,
        () = serve => unreachable!(),
    };
    (delivery, sent.into_inner().unwrap())
}

#[tokio::test]
async fn a_body_is_nothing_but_bytes() {
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
        let answer = |status: &str| answered(format!("HTTP/1.1 {status}\r\n{rest}"));
        let what = rest.get(..80).unwrap_or(&rest);
        assert_eq!(answer("200 OK").await, Delivery::Delivered, "{what}");
        assert_eq!(answer("410 Gone").await, Delivery::Refused, "{what}");
    }
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let (elsewhere, url) = listener();
    for status in [300, 301, 302, 303, 304, 305, 306, 307, 308, 399] {
        let answer = format!("HTTP/1.1 {status} Elsewhere\r\nlocation: {url}\r\ncontent-length: 0\r\n\r\n");
        let delivery = answered(answer).await;
        assert_eq!(reason(&delivery), format!("redirected with {status}, which is never followed"));
    }
    assert!(futures_util::FutureExt::now_or_never(elsewhere.accept()).is_none());
}

/// It is tried again, as after any other fault of a service, and what it said is repeated nowhere.
#[tokio::test]
async fn what_is_no_answer_is_a_fault() {
    let long = "a".repeat(1_000_000);
    for answer in [
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
        let delivery = answered(answer).await;
        let what = answer.get(..80).unwrap_or(answer);
        assert!(
            matches!(delivery, Delivery::Failed { is_down: true, retry_after: None, .. }),
            "{what}: {delivery:?}"
        );
        assert!(
            reason(&delivery).len() < 300 && !reason(&delivery).contains("hunter2"),
            "{what}: {delivery:?}"
        );
    }
}

#[tokio::test]
async fn a_protocol_that_it_wants_to_speak_is_not_spoken() {
    for answer in [
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
        "HTTP/1.1 426 Upgrade Required\r\nupgrade: h2c\r\n\r\n",
    ] {
        let delivery = answered(answer).await;
        assert!(reason(&delivery).starts_with("answered "), "{delivery:?}");
    }
}

/// The status is what counts, and no more is read than a bound, however much there is and however slowly it comes.
#[tokio::test]
async fn a_body_without_end_is_left() {
    let chunk = vec![b'a'; 64 * 1024];
    for start in ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 9000000000000\r\n\r\n"] {
        let (delivery, sent) = answered_without_end(start, &chunk, Duration::ZERO).await;
        assert_eq!(delivery, Delivery::Delivered);
        assert!(sent < UNREAD_BYTES, "{sent} bytes were taken");
        let (delivery, _) = answered_without_end(start, b"a", Duration::from_millis(10)).await;
        assert_eq!(delivery, Delivery::Delivered);
    }
}

#[tokio::test]
async fn a_head_without_end_is_given_up() {
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
        let (delivery, sent) = answered_without_end(start, more, Duration::ZERO).await;
        assert!(matches!(delivery, Delivery::Failed { is_down: true, .. }), "{start}: {delivery:?}");
        assert!(!more.starts_with(b"HTTP") || reason(&delivery) == "no answer within 300 ms", "{delivery:?}");

        assert!(more.starts_with(b"HTTP") || sent < UNREAD_BYTES, "{start}: {sent} bytes were taken");
    }
}

/// Slow loris: a byte at a time keeps nobody for longer than their time-out.
#[tokio::test]
async fn a_head_that_trickles_is_given_up_in_time() {
    for (start, more) in [("H", "T"), ("HTTP/1.1 200 OK\r\na: ", "b"), ("HTTP/1.1 200 OK\r\n", "a: b\r\n")] {
        let started = Instant::now();
        let (delivery, _) = answered_without_end(start, more.as_bytes(), Duration::from_millis(20)).await;
        let is_late = started.elapsed() > SHORT * 10;
        assert!(matches!(delivery, Delivery::Failed { is_down: true, .. }) && !is_late, "{delivery:?}");
    }
}

/// However long a service asks to be left alone, it is left alone for an hour at most, and nothing overflows.
#[tokio::test]
async fn an_absurd_retry_after_puts_nothing_off_for_ever() {
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
        let answer = format!("HTTP/1.1 503 Down\r\nretry-after: {value}\r\ncontent-length: 0\r\n\r\n");
        let delivery = answered(answer).await;
        assert_eq!(reason(&delivery), "answered 503", "{value}");
        let breakers = CircuitBreakers::default();
        breakers.learn(&service, &delivery);
        if let CircuitState::Paused(left) = breakers.of(&service) {
            assert!(left > Duration::ZERO && left <= hour, "{value}");
        }
        let retry = settle(&notification, &service, delivery, notification.at).retry.unwrap();
        assert!(retry.next_at <= last, "{value}: {retry:?}");
        let Delivery::Failed { retry_after, .. } =
            answered(format!("HTTP/1.1 429 Busy\r\nretry-after: {value}\r\n\r\n")).await
        else {
            panic!("{value}")
        };
        let deferred = settle(&notification, &service, Delivery::Deferred { retry_after }, notification.at);
        assert!(deferred.retry.unwrap().next_at <= last, "{value}");
    }
}
