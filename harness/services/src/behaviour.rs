//! Behaviour of a service towards callbacks.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use keysync_emulator_support::limits;

/// The way a service treats a callback.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Behaviour {
    /// Verifies the callback, acts on it and responds with 204.
    #[default]
    Act,
    /// Responds with 204, and neither acts nor acknowledges that it did: a service that misses a
    /// notification.
    AckWithoutActing,
    /// Responds with another status and does not act.
    Respond {
        /// HTTP status, such as 503 or 410.
        #[serde(deserialize_with = "limits::status")]
        #[cfg_attr(feature = "openapi", schema(minimum = 200, maximum = 599))]
        status: u16,
        /// Value of the `retry-after` header, in seconds.
        #[serde(default, deserialize_with = "limits::retry_after", skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 31_536_000))]
        retry_after: Option<u64>,
    },
    /// Redirects the caller with 307 and does not act.
    Redirect {
        /// Value of the `location` header.
        #[serde(deserialize_with = "limits::address")]
        #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 2048, pattern = "^[!-~]+$"))]
        to: String,
    },
    /// Acts, and delays the response.
    Delay {
        /// Delay in milliseconds, at most one hour.
        #[serde(deserialize_with = "limits::millis")]
        #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 3_600_000))]
        millis: u64,
    },
    /// Accepts the request and never responds.
    Hang,
    /// Resets the connection without a response, and does not act.
    Reset,
    /// Acts, responds with 200, and resets the connection in the middle of the body.
    TruncateBody,
    /// Acts, and resets the connection without a response: the sender cannot know the outcome.
    ActThenReset,
    /// Responds to a share of the callbacks with 503 and acts on the others. A pseudo-random
    /// generator selects the failures, so that a run can be repeated.
    Flaky {
        /// Start value of the generator. Ignored in a behaviour for the next few callbacks, which
        /// continues with the present generator.
        #[serde(deserialize_with = "limits::seed")]
        #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 9_007_199_254_740_991_u64))]
        seed: u64,
        /// Percentage of callbacks that fail.
        #[serde(deserialize_with = "limits::percent")]
        #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 100))]
        percent: u8,
    },
}

impl Behaviour {
    /// Creates the behaviour that responds with `status` and does not act.
    ///
    /// ```
    /// use keysync_service_emulator::Behaviour;
    /// assert_eq!(Behaviour::respond(503), Behaviour::Respond { status: 503, retry_after: None });
    /// ```
    #[must_use]
    pub fn respond(status: u16) -> Self {
        Self::Respond { status, retry_after: None }
    }

    /// Delay before the response. `None` means that there is no response.
    pub(super) fn delay(&self) -> Option<Duration> {
        match self {
            Self::Delay { millis } => Some(Duration::from_millis(*millis)),
            Self::Hang => None,
            _ => Some(Duration::ZERO),
        }
    }
}
