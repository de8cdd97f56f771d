//! The result of one key's sync.

use keysync::domain::KeyCrn;
use serde::{Deserialize, Serialize};
use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;

/// What became known about a key's sync.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeyResult {
    pub(super) crn: KeyCrn,
    pub(super) outcome: Outcome,
    /// The status of the last response; `None` if there was none.
    pub(super) status: Option<u16>,
    /// The reason code and message of an error response, or the reason why there is no response.
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
    /// The instant from which a sync is accepted, after a 409.
    pub(super) allowed_from: Option<Timestamp>,
    pub(super) attempts: u32,
    pub(super) correlation_id: String,
    /// The instant of the response.
    pub(super) at: Timestamp,
    /// The time from the response to `allowed_from`.
    #[serde(skip)]
    pub(super) retry_after: Option<Duration>,
}

/// The kinds of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Outcome {
    /// 204: the services are notified, or the notification is recorded and retried.
    Accepted,
    /// 409: the key was notified of within the past hour.
    TooEarly,
    /// Another response that a repetition would not change, such as 404.
    Rejected,
    /// No response, or 429 or 5xx in every attempt. A later run attempts it again.
    Failed,
}

impl Outcome {
    /// The outcome of a response with `status`.
    pub(super) fn of(status: StatusCode) -> Self {
        match status {
            status if status.is_success() => Self::Accepted,
            StatusCode::CONFLICT => Self::TooEarly,
            StatusCode::TOO_MANY_REQUESTS => Self::Failed,
            status if status.is_server_error() => Self::Failed,
            // The caller's access may be corrected before the next run.
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Self::Failed,
            _ => Self::Rejected,
        }
    }

    /// The name in tables and files.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::TooEarly => "too-early",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
        }
    }
}
