//! Result of a form, shown once on the next page.

use jiff::Timestamp;
use uuid::Uuid;

use crate::api::Action;

/// Result of a form.
#[derive(Clone, Debug)]
pub(crate) enum Flash {
    /// A sync was accepted.
    Synchronized,
    /// A sync was rejected because the window is closed.
    TooEarly {
        /// First instant at which a sync is allowed.
        not_before: Timestamp,
    },
    /// A lifecycle action was performed.
    Done(Action),
    /// An error response, or no response.
    Problem {
        /// Heading, such as "The key was not rotated".
        title: &'static str,
        /// Explanation.
        text: String,
        /// Correlation id of a sync that may have been accepted, for a retry.
        again: Option<Uuid>,
    },
}
