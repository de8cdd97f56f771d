//! What the page after a form says of it, once.

use jiff::Timestamp;
use uuid::Uuid;

use crate::api::Action;

/// What came of what somebody asked for.
#[derive(Clone, Debug)]
pub(crate) enum Flash {
    /// A sync was accepted.
    Synchronized,
    /// A sync came too early.
    TooEarly {
        /// The first instant at which it works.
        not_before: Timestamp,
    },
    /// A lifecycle action was taken.
    Done(Action),
    /// It was refused, or nobody answered.
    Problem {
        /// What was not done: "The key was not rotated".
        title: &'static str,
        /// Why, in plain words.
        text: String,
        /// What may have been done all the same, to ask for again.
        again: Option<Uuid>,
    },
}
