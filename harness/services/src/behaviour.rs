//! How a service treats the callbacks that reach it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use keysync_emulator_support::limits;

/// What a service does with a callback.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Behaviour {
    /// Verifies it, acts on it, answers 204.
    #[default]
    Act,
    /// Answers 204 and forgets it: the service of the seed's story that does not respond.
    #[serde(rename = "miss")]
    AckWithoutActing,
    /// Answers with a status of its own and does not act.
    #[serde(rename = "answer")]
    Respond {
        /// The status, such as 503 or 410.
        #[serde(deserialize_with = "limits::status")]
        #[cfg_attr(feature = "openapi", schema(minimum = 200, maximum = 599))]
        status: u16,
        /// Seconds for the `retry-after` header.
        #[serde(default, deserialize_with = "limits::retry_after", skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 31_536_000))]
        retry_after: Option<u64>,
    },
    /// Sends the caller elsewhere with 307 and does not act.
    Redirect {
        /// Where to.
        #[serde(deserialize_with = "limits::address")]
        #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 2048, pattern = "^[!-~]+$"))]
        to: String,
    },
    /// Acts and answers, this many milliseconds later.
    Delay {
        /// How long: an hour at the most.
        #[serde(deserialize_with = "limits::millis")]
        #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 3_600_000))]
        millis: u64,
    },
    /// Takes the request and never answers.
    Hang,
    /// Resets the connection instead of answering, and does not act.
    Reset,
    /// Acts, answers 200, and resets the connection half-way through the body.
    #[serde(rename = "half-a-body")]
    TruncateBody,
    /// Acts, and resets the connection instead of answering: the sender cannot know.
    #[serde(rename = "act-and-reset")]
    ActThenReset,
    /// Answers 503 to this share of callbacks, and acts on the others: which ones is drawn from the seed,
    /// and thus the same every time.
    Flaky {
        /// What is drawn from. A behaviour for the next few callbacks draws on.
        #[serde(deserialize_with = "limits::seed")]
        #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 9_007_199_254_740_991_u64))]
        seed: u64,
        /// How many in a hundred fail.
        #[serde(deserialize_with = "limits::percent")]
        #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 100))]
        percent: u8,
    },
}

impl Behaviour {
    /// Answers `status` and does not act.
    ///
    /// ```
    /// use keysync_service_emulator::Behaviour;
    /// assert_eq!(Behaviour::respond(503), Behaviour::Respond { status: 503, retry_after: None });
    /// ```
    #[must_use]
    pub fn respond(status: u16) -> Self {
        Self::Respond { status, retry_after: None }
    }

    /// How long it waits before it does anything; `None` is for ever.
    pub(super) fn delay(&self) -> Option<Duration> {
        match self {
            Self::Delay { millis } => Some(Duration::from_millis(*millis)),
            Self::Hang => None,
            _ => Some(Duration::ZERO),
        }
    }
}
