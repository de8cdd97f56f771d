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
    /// The key was created.
    Created,
    /// A lifecycle action was performed.
    Done(Action),
    /// An error response, or no response.
    Problem {
        /// Heading, such as "The key was not rotated".
        title: &'static str,
        /// Explanation.
        text: String,
        /// Whether the user lacks the role.
        denied: bool,
        /// Correlation id of a sync that may have been accepted, for a retry.
        again: Option<Uuid>,
    },
}

/// Result of a form of the page Harness: the fault that is injected, or why it is not.
pub(crate) type Fault = Result<String, String>;
