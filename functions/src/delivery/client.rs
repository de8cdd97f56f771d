//! One attempt to deliver a notification to a service.

use std::time::{Duration, SystemTime};

use http::{Method, StatusCode, header};
use url::Url;

use super::{cloud_event::CONTENT_TYPE, signature::Signed};
use crate::{
    http_client::{self, HttpClient, Request, Response, SendError},
    trace_context::{TRACEPARENT, TRACESTATE, TraceContext},
};

/// The maximum of bytes read of a response's body, so that the connection can be reused
/// (`docs/reference/limits.md#response-body`).
const DRAINED_BYTES: usize = 16 * 1024;
/// The time limit for reading them.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(100);

/// The cap on a service's `retry-after` (`docs/reference/limits.md#retry-after-cap`).
pub(super) const MAX_RETRY_AFTER: Duration = Duration::from_hours(1);

/// The result of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    /// The service responded with 2xx.
    Delivered,
    /// The service responded with 410: it wants no more notifications.
    Refused,
    /// The attempt failed. It is retried, not earlier than `retry_after` from now.
    Failed {
        /// The cause, for the operator and the console. Contains no secret and no address.
        reason: String,
        /// The response's `retry-after`, at most [`MAX_RETRY_AFTER`].
        retry_after: Option<Duration>,
        /// Whether the failure counts for the circuit breaker.
        scope: FailureScope,
    },
    /// No attempt was made: the circuit is open, or a `retry-after` is in effect.
    Deferred {
        /// The rest of the time for which `retry-after` holds the service.
        retry_after: Option<Duration>,
    },
    /// No attempt was made: an operator has paused the service.
    Paused,
}

/// What a failure is attributed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FailureScope {
    /// This notification only, for example a response with 400.
    Notification,
    /// The service: 429, 5xx, or no valid response.
    Service,
}

impl Delivery {
    /// A failure of this notification only.
    pub(super) fn failed(reason: impl Into<String>) -> Self {
        Self::Failed { reason: reason.into(), retry_after: None, scope: FailureScope::Notification }
    }

    /// A failure of the service.
    fn service_failed(reason: impl Into<String>) -> Self {
        Self::Failed { reason: reason.into(), retry_after: None, scope: FailureScope::Service }
    }

    /// The outcome, for the log.
    pub(super) const fn as_str(&self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Refused => "refused",
            Self::Failed { .. } => "failed",
            Self::Deferred { .. } => "deferred",
            Self::Paused => "paused",
        }
    }

    /// The reason of a failure.
    pub(super) fn reason(&self) -> Option<&str> {
        match self {
            Self::Failed { reason, .. } => Some(reason),
            _ => None,
        }
    }
}

/// Sends `signed` to `url` as part of `trace`. The status of the response is the result. `timeout`
/// covers the whole attempt.
pub(super) async fn attempt(
    http: &HttpClient,
    url: &Url,
    signed: Signed,
    trace: &TraceContext,
    timeout: Duration,
) -> Delivery {
    if timeout.is_zero() {
        return Delivery::failed("the time of the invocation was used up");
    }
    let sent_at = signed.timestamp;
    let mut request = Request::new(Method::POST, url)
        .header(header::CONTENT_TYPE, CONTENT_TYPE)
        .header("webhook-id", signed.id)
        .header("webhook-timestamp", signed.timestamp)
        .header("webhook-signature", signed.signature)
        .header(TRACEPARENT, trace.parent())
        .body(signed.body);
    if let Some(state) = trace.state() {
        request = request.header(TRACESTATE, state);
    }
    match http.send(request, timeout).await {
        Ok(response) => {
            let delivery = classify(&response, sent_at);
            // The status alone counts, so the result of reading the body is ignored.
            let _ =
                tokio::time::timeout(DRAIN_TIMEOUT, http_client::read_up_to(response, DRAINED_BYTES)).await;
            delivery
        }
        Err(SendError::TimedOut) => {
            Delivery::service_failed(format!("no response within {} ms", timeout.as_millis()))
        }
        Err(error) => Delivery::service_failed(error.to_string()),
    }
}

/// The result of an attempt with this response (`docs/reference/notifications.md#responses`).
fn classify(response: &Response, sent_at: u64) -> Delivery {
    let status = response.status();
    if status.is_success() {
        return Delivery::Delivered;
    }
    if status == StatusCode::GONE {
        return Delivery::Refused;
    }
    if status.is_redirection() {
        return Delivery::failed(format!("responded with {}; redirects are never followed", status.as_u16()));
    }
    let header = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
    Delivery::Failed {
        reason: format!("responded with {}", status.as_u16()),
        retry_after: header.and_then(|value| parse_retry_after(value, sent_at)),
        scope: if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            FailureScope::Service
        } else {
            FailureScope::Notification
        },
    }
}

/// Parses `retry-after`: integer seconds, or a date in any of the three forms of HTTP (RFC 9110,
/// sections 10.2.3 and 5.6.7), at most an hour. `now` is in epoch seconds.
#[must_use]
pub fn parse_retry_after(value: &str, now: u64) -> Option<Duration> {
    let value = value.trim();
    let wait = if !value.is_empty() && value.bytes().all(|c| c.is_ascii_digit()) {
        // A value over 2^64 - 1 is valid, too.
        Duration::from_secs(value.parse().unwrap_or(u64::MAX))
    } else {
        let now = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(now))?;
        // A date in the past means no wait.
        httpdate::parse_http_date(value).ok()?.duration_since(now).unwrap_or_default()
    };
    Some(wait.min(MAX_RETRY_AFTER))
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
        attempt(&HttpClient::new(), &url.parse().unwrap(), signed(), &TraceContext::from_xray(None), timeout)
            .await
    }

    /// The result of an attempt that gets this response.
    async fn attempt_with(response: impl FnOnce(Then) -> Then) -> Delivery {
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
                response(then);
            })
            .await;
        let delivery = attempt_at(server.url("/callback"), TIMEOUT).await;
        mock.assert_calls_async(1).await;
        delivery
    }

    #[tokio::test]
    async fn status_2xx_is_delivered() {
        for status in [200, 202, 204, 299] {
            assert_eq!(attempt_with(|then| then.status(status)).await, Delivery::Delivered, "{status}");
        }
    }

    #[tokio::test]
    async fn status_410_is_refused() {
        assert_eq!(attempt_with(|then| then.status(410)).await, Delivery::Refused);
    }

    #[tokio::test]
    async fn redirect_is_not_followed() {
        let target = MockServer::start_async().await;
        let visited = target.mock_async(|_, then| drop(then.status(200))).await;
        let delivery = attempt_with(|then| then.status(307).header("location", target.url("/"))).await;
        assert_eq!(delivery, Delivery::failed("responded with 307; redirects are never followed"));
        visited.assert_calls_async(0).await;
    }

    #[tokio::test]
    async fn accepts_retry_after_in_seconds_or_as_date() {
        for (header, wait) in [
            ("120", 120),
            ("Sun, 06 Nov 1994 08:50:37 GMT", 60),
            ("Sunday, 06-Nov-94 08:50:37 GMT", 60), // RFC 850
            ("Sun Nov  6 08:50:37 1994", 60),       // asctime
            ("Sun, 06 Nov 1994 08:00:00 GMT", 0),
        ] {
            let delivery = attempt_with(|then| then.status(503).header("retry-after", header)).await;
            let retry_after = Some(Duration::from_secs(wait));
            let (reason, scope) = ("responded with 503".into(), FailureScope::Service);
            let expected = Delivery::Failed { reason, retry_after, scope };
            assert_eq!(delivery, expected, "{header}");
        }
        let delivery = attempt_with(|then| then.status(429).header("retry-after", "soon")).await;
        assert_eq!(delivery, Delivery::service_failed("responded with 429"));
    }

    #[test]
    fn caps_retry_after_at_one_hour() {
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
            assert_eq!(parse_retry_after(header, sent_at), Some(Duration::from_secs(seconds)), "{header}");
        }
        for header in ["", " ", "soon", "-1", "+1", "1.5", "1, 2", "Sun, 06 Nov 1994 08:50:37 +0000"] {
            assert_eq!(parse_retry_after(header, sent_at), None, "{header}");
        }
    }

    #[tokio::test]
    async fn status_400_is_no_service_failure() {
        assert_eq!(attempt_with(|then| then.status(400)).await, Delivery::failed("responded with 400"));
    }

    #[tokio::test]
    async fn unresponsive_service_times_out() {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", silent.local_addr().unwrap());
        let delivery = attempt_at(url, Duration::from_millis(50)).await;
        assert_eq!(delivery, Delivery::service_failed("no response within 50 ms"));
    }

    #[tokio::test]
    async fn request_is_repeated_after_broken_connection() {
        let breaking = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", breaking.local_addr().unwrap());
        let accepts = tokio::spawn(async move {
            for _ in 0..2 {
                let (mut connection, _) = breaking.accept().await.unwrap();
                assert!(connection.read(&mut [0; 1024]).await.unwrap() > 0);
            }
        });
        assert!(matches!(attempt_at(url, TIMEOUT).await, Delivery::Failed { .. }));
        accepts.await.unwrap(); // both requests arrived
    }

    #[tokio::test]
    async fn reason_of_refused_connection_contains_no_address() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/secret-path", listener.local_addr().unwrap());
        drop(listener);
        let Delivery::Failed { reason, .. } = attempt_at(url, TIMEOUT).await else {
            panic!("no server listens")
        };
        assert!(reason.contains("refused") && !reason.contains("secret-path"), "{reason}");
    }
}
