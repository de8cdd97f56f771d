//! One attempt to deliver a callback.

use std::time::{Duration, SystemTime};

use http::{StatusCode, header};
use reqwest::{Client, Response};
use url::Url;

use super::{cloud_event::CONTENT_TYPE, signature::Signed};
use crate::{
    http_client,
    trace_context::{TRACEPARENT, TRACESTATE, TraceContext},
};

/// How much of an answer's body is read, in bytes, so that the connection can be used again.
const DRAINED_BYTES: usize = 16 * 1024;
/// How long that may take.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(100);

/// How long a service may be held back by what it answers: an hour at the most, whatever it asks for.
pub(super) const MAX_RETRY_AFTER: Duration = Duration::from_hours(1);

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    /// 2xx: the service has it.
    Delivered,
    /// 410: the service wants no more.
    Refused,
    /// Anything else; to be tried again, not before `retry_after` from now where the service said so.
    Failed {
        /// For the operator and the console; no secrets, no addresses.
        reason: String,
        /// The answer's `retry-after`, [`MAX_RETRY_AFTER`] at the most.
        retry_after: Option<Duration>,
        /// Whether the service is at fault as a whole, and not with this one notification.
        is_down: bool,
    },
    /// Not even tried: the service is down or busy. It does not count as an attempt.
    Deferred {
        /// How long the service asked to be left alone.
        retry_after: Option<Duration>,
    },
}

impl Delivery {
    pub(super) fn failed(reason: impl Into<String>) -> Self {
        Self::Failed { reason: reason.into(), retry_after: None, is_down: false }
    }

    fn down(reason: impl Into<String>) -> Self {
        Self::Failed { reason: reason.into(), retry_after: None, is_down: true }
    }

    /// In a word, for the log.
    pub(super) const fn as_str(&self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Refused => "refused",
            Self::Failed { .. } => "failed",
            Self::Deferred { .. } => "deferred",
        }
    }

    /// Why it failed, where it did.
    pub(super) fn reason(&self) -> Option<&str> {
        match self {
            Self::Failed { reason, .. } => Some(reason),
            _ => None,
        }
    }
}

/// Sends `signed` to `url`, as part of `trace`, and takes the answer's status as the result. `timeout`
/// bounds it all.
pub(super) async fn attempt(
    http: &Client,
    url: &Url,
    signed: Signed,
    trace: &TraceContext,
    timeout: Duration,
) -> Delivery {
    if timeout.is_zero() {
        return Delivery::failed("no time was left in the request");
    }
    let sent_at = signed.timestamp;
    let mut request = http
        .post(url.clone())
        .header(header::CONTENT_TYPE, CONTENT_TYPE)
        .header("webhook-id", signed.id)
        .header("webhook-timestamp", signed.timestamp)
        .header("webhook-signature", signed.signature)
        .header(TRACEPARENT, trace.parent())
        .body(signed.body);
    if let Some(state) = trace.state() {
        request = request.header(TRACESTATE, state);
    }
    match http_client::send(request, timeout).await {
        Ok(response) => {
            let delivery = judge(&response, sent_at);
            // The status is the acknowledgement; how the body ends changes nothing.
            let _ =
                tokio::time::timeout(DRAIN_TIMEOUT, http_client::read_up_to(response, DRAINED_BYTES)).await;
            delivery
        }
        Err(error) if error.is_timeout() => {
            Delivery::down(format!("no answer within {} ms", timeout.as_millis()))
        }
        Err(error) => Delivery::down(http_client::reason(error)),
    }
}

fn judge(response: &Response, sent_at: u64) -> Delivery {
    let status = response.status();
    if status.is_success() {
        return Delivery::Delivered;
    }
    if status == StatusCode::GONE {
        return Delivery::Refused;
    }
    if status.is_redirection() {
        return Delivery::failed(format!("redirected with {}, which is never followed", status.as_u16()));
    }
    let header = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
    Delivery::Failed {
        reason: format!("answered {}", status.as_u16()),
        retry_after: header.and_then(|value| retry_after(value, sent_at)),
        is_down: status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS,
    }
}

/// `retry-after` in seconds or as a date in any of HTTP's three forms (RFC 9110, sections 10.2.3 and 5.6.7), within
/// bounds; `now` in epoch seconds.
fn retry_after(value: &str, now: u64) -> Option<Duration> {
    let value = value.trim();
    let audited = if !value.is_empty() && value.bytes().all(|c| c.is_ascii_digit()) {
        // More seconds than there are is still a number of seconds.
        Duration::from_secs(value.parse().unwrap_or(u64::MAX))
    } else {
        let now = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(now))?;
        // A date that is over asks for no time.
        httpdate::parse_http_date(value).ok()?.duration_since(now).unwrap_or_default()
    };
    Some(audited.min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use httpmock::{Method::POST, MockServer, Then};
    use tokio::{io::AsyncReadExt, net::TcpListener};

    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(5);

    fn signed() -> Signed {
        Signed {
            id: "claim:service".into(),
            timestamp: 784_111_777, // the instant of RFC 9110's example date
            signature: "v1a,c2ln".into(),
            body: b"{}".to_vec(),
        }
    }

    async fn attempt_at(url: String, timeout: Duration) -> Delivery {
        attempt(
            &http_client::client().build().unwrap(),
            &url.parse().unwrap(),
            signed(),
            &TraceContext::of_xray(None),
            timeout,
        )
        .await
    }

    /// The result of a callback that is answered with `answer`.
    async fn answered(answer: impl FnOnce(Then) -> Then) -> Delivery {
        let server = MockServer::start_async().await;
        let mock = server
            .mock_async(|when, then| {
                when.method(POST)
                    .path("/callback")
                    .header("content-type", "application/cloudevents+json")
                    .header("webhook-id", "claim:service")
                    .header("webhook-timestamp", "784111777")
                    .header("webhook-signature", "v1a,c2ln")
                    .body("{}");
                answer(then);
            })
            .await;
        let delivery = attempt_at(server.url("/callback"), TIMEOUT).await;
        mock.assert_calls_async(1).await;
        delivery
    }

    #[tokio::test]
    async fn any_2xx_is_delivered() {
        for status in [200, 202, 204, 299] {
            assert_eq!(answered(|then| then.status(status)).await, Delivery::Delivered, "{status}");
        }
    }

    #[tokio::test]
    async fn gone_is_refused() {
        assert_eq!(answered(|then| then.status(410)).await, Delivery::Refused);
    }

    #[tokio::test]
    async fn a_redirect_is_not_followed() {
        let elsewhere = MockServer::start_async().await;
        let visited = elsewhere.mock_async(|_, then| drop(then.status(200))).await;
        let delivery = answered(|then| then.status(307).header("location", elsewhere.url("/"))).await;
        assert_eq!(delivery, Delivery::failed("redirected with 307, which is never followed"));
        visited.assert_calls_async(0).await;
    }

    #[tokio::test]
    async fn a_fault_says_when_to_come_back_in_seconds_or_as_a_date() {
        for (header, wait) in [
            ("120", 120),
            ("Sun, 06 Nov 1994 08:50:37 GMT", 60),
            ("Sunday, 06-Nov-94 08:50:37 GMT", 60), // RFC 850
            ("Sun Nov  6 08:50:37 1994", 60),       // asctime
            ("Sun, 06 Nov 1994 08:00:00 GMT", 0),
        ] {
            let delivery = answered(|then| then.status(503).header("retry-after", header)).await;
            let retry_after = Some(Duration::from_secs(wait));
            let expected = Delivery::Failed { reason: "answered 503".into(), retry_after, is_down: true };
            assert_eq!(delivery, expected, "{header}");
        }
        let delivery = answered(|then| then.status(429).header("retry-after", "soon")).await;
        assert_eq!(delivery, Delivery::down("answered 429"));
    }

    #[test]
    fn a_retry_after_is_an_hour_at_most() {
        let sent_at = signed().timestamp;
        for (header, seconds) in [
            ("3599", 3599),
            ("3600", 3600),
            ("3601", 3600),
            ("86400", 3600),
            ("18446744073709551616", 3600), // 2^64
            ("Sun, 06 Nov 1994 09:49:36 GMT", 3599),
            ("Sun, 06 Nov 1994 09:49:38 GMT", 3600),
            ("Monday, 07-Nov-94 08:49:37 GMT", 3600),
            ("Fri Dec 31 23:59:59 9999", 3600),
        ] {
            assert_eq!(retry_after(header, sent_at), Some(Duration::from_secs(seconds)), "{header}");
        }
        for header in ["", " ", "soon", "-1", "+1", "1.5", "1, 2", "Sun, 06 Nov 1994 08:50:37 +0000"] {
            assert_eq!(retry_after(header, sent_at), None, "{header}");
        }
    }

    #[tokio::test]
    async fn a_service_that_does_not_like_one_notification_is_not_down() {
        assert_eq!(answered(|then| then.status(400)).await, Delivery::failed("answered 400"));
    }

    #[tokio::test]
    async fn a_service_that_does_not_answer_is_given_up_in_time() {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", silent.local_addr().unwrap());
        let delivery = attempt_at(url, Duration::from_millis(50)).await;
        assert_eq!(delivery, Delivery::down("no answer within 50 ms"));
    }

    #[tokio::test]
    async fn a_connection_that_breaks_is_tried_once_more() {
        let breaking = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", breaking.local_addr().unwrap());
        let accepts = tokio::spawn(async move {
            for _ in 0..2 {
                let (mut connection, _) = breaking.accept().await.unwrap();
                assert!(connection.read(&mut [0; 1024]).await.unwrap() > 0);
            }
        });
        assert!(matches!(attempt_at(url, TIMEOUT).await, Delivery::Failed { .. }));
        accepts.await.unwrap(); // both tries came
    }

    #[tokio::test]
    async fn a_refused_connection_names_no_address() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/secret-path", listener.local_addr().unwrap());
        drop(listener);
        let Delivery::Failed { reason, .. } = attempt_at(url, TIMEOUT).await else {
            panic!("nobody listens")
        };
        assert!(reason.contains("refused") && !reason.contains("secret-path"), "{reason}");
    }
}
