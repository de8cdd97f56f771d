//! The results of a command, and their exit codes.

use std::io;

/// The result of a command that ran to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finished {
    /// Everything was done. Exit code 0.
    Done,
    /// Some of it failed, or a check found a difference: the output says which. Exit code 1.
    SomeFailed,
}

impl Finished {
    /// [`Finished::Done`] if nothing failed.
    pub(crate) fn unless(some_failed: bool) -> Self {
        if some_failed { Self::SomeFailed } else { Self::Done }
    }
}

/// The reason why a command stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The command line, or a file that it names, is invalid. Nothing was sent. Exit code 2.
    #[error("{0}")]
    Usage(String),
    /// The command could not go on, for example because the caller could not be authenticated.
    /// Exit code 3.
    #[error("{0}")]
    Stopped(String),
    /// Standard output could not be written. Exit code 141 if it was closed, otherwise 3.
    #[error("cannot write to standard output: {0}")]
    Output(#[from] io::Error),
}

impl Failure {
    /// A [`Failure::Usage`] from an error.
    #[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
    pub(crate) fn usage(error: impl ToString) -> Self {
        Self::Usage(error.to_string())
    }

    /// A [`Failure::Stopped`] from an error.
    #[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
    pub(crate) fn stopped(error: impl ToString) -> Self {
        Self::Stopped(error.to_string())
    }
}
