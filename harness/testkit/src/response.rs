//! A response of the endpoint, with assertions.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use keysync::domain::EpochMillis;
use serde_json::Value;

use crate::journal::Journal;
use keysync_emulator_support::assertion::fail;

/// A complete response.
///
/// ```
/// use keysync_testkit::Harness;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), keysync_testkit::HarnessError> {
/// let harness = Harness::start().await?;
/// let key = harness.new_key("invoices").create().await?;
///
/// key.sync().await?.assert_status(204);
///
/// let rejected = key.sync().await?;
/// rejected.assert_error(409, "REQ_TOO_EARLY_ERR");
/// assert!(rejected.retry_after().unwrap().as_secs() > 3590);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; null if it is empty or not JSON.
    pub body: Value,
    /// The request, such as `POST /api/v2/keys`.
    pub request: String,
    pub(crate) journal: Journal,
}

impl Response {
    /// A header's value; empty if it is missing.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// `reasons[0].code` of an error response; empty if it is missing.
    #[must_use]
    pub fn code(&self) -> &str {
        self.body["resources"][0]["reasons"][0]["code"].as_str().unwrap_or_default()
    }

    /// `reasons[0].message` of an error response; empty if it is missing.
    #[must_use]
    pub fn message(&self) -> &str {
        self.body["resources"][0]["reasons"][0]["message"].as_str().unwrap_or_default()
    }

    /// The header `Retry-After`, in seconds.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.header("retry-after").parse().ok().map(Duration::from_secs)
    }

    /// The instant from which a rejected sync succeeds: the last word of the message of a 409.
    #[must_use]
    pub fn not_before(&self) -> Option<EpochMillis> {
        let at: jiff::Timestamp = self.message().rsplit(' ').next()?.parse().ok()?;
        u64::try_from(at.as_millisecond()).ok().map(EpochMillis::new)
    }

    /// Asserts the status.
    ///
    /// # Panics
    ///
    /// If the status differs, with the response, the request and the harness's last requests.
    #[track_caller]
    pub fn assert_status(&self, expected: u16) {
        if self.status != expected {
            fail(format_args!("{expected} for {}", self.request), self.summary(), &self.journal);
        }
    }

    /// Asserts an error response with this status and reason code.
    ///
    /// # Panics
    ///
    /// If status or code differ, with the response, the request and the harness's last requests.
    #[track_caller]
    pub fn assert_error(&self, status: u16, code: &str) {
        if self.status != status || self.code() != code {
            fail(format_args!("{status} {code} for {}", self.request), self.summary(), &self.journal);
        }
    }

    /// Status, reason code and message on one line; status and body if it is not an error response.
    fn summary(&self) -> String {
        match (self.code(), &self.body) {
            ("", Value::Null) => self.status.to_string(),
            ("", body) => format!("{} {body}", self.status),
            (code, _) => format!("{} {code}: {}", self.status, self.message()),
        }
    }
}

#[cfg(test)]
mod tests {
    use keysync::Clock;
    use serde_json::json;

    use super::*;

    fn rejected() -> Response {
        let reason =
            json!({"code": "REQ_TOO_EARLY_ERR", "message": "wait until at least 2021-09-29T21:38:43Z"});
        Response {
            status: StatusCode::CONFLICT,
            headers: HeaderMap::new(),
            body: json!({"resources": [{"reasons": [reason]}]}),
            request: "POST /api/v2/keys/k/actions/sync".to_owned(),
            journal: Journal::new(Clock::system()),
        }
    }

    #[test]
    fn not_before_is_parsed_from_the_message() {
        assert_eq!(rejected().not_before(), Some(EpochMillis::new(1_632_951_523_000)));
    }

    #[test]
    fn failed_assertion_shows_request_and_response() {
        let failed = std::panic::catch_unwind(|| rejected().assert_status(204)).unwrap_err();
        let text = failed.downcast_ref::<String>().unwrap();
        assert_eq!(
            text,
            "\n expected: 204 for POST /api/v2/keys/k/actions/sync\n      \
             got: 409 Conflict REQ_TOO_EARLY_ERR: wait until at least 2021-09-29T21:38:43Z\n\
             no requests\n"
        );
    }
}
