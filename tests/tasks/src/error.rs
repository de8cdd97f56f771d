//! The error type of all tasks.

use std::{io, path::Path};

use thiserror::Error;

/// Why a task or a stage of it did not pass.
#[derive(Debug, Error)]
pub(crate) enum Error {
    /// A check ran and failed, or something that it depends on is broken.
    #[error("{0}")]
    Failed(String),
    /// A tool is not installed.
    #[error("{what}; to install it, run: {how}")]
    Missing {
        /// The tool and where it was searched.
        what: String,
        /// The command that installs it.
        how: String,
    },
    /// This platform cannot run the check, whatever is installed.
    #[error("{0}")]
    Unsupported(String),
}

impl Error {
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::Failed(message.into())
    }

    pub(crate) fn missing(what: impl Into<String>, how: impl Into<String>) -> Self {
        Self::Missing { what: what.into(), how: how.into() }
    }

    /// Maps an I/O error to a failure that names the action, such as `write`, and the path.
    pub(crate) fn io(action: &str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let message = format!("cannot {action} {}", path.display());
        move |error| Self::Failed(format!("{message}: {error}"))
    }
}

/// The result of a task, a stage or a step.
pub(crate) type Result<T = (), E = Error> = std::result::Result<T, E>;
