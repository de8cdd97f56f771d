//! The errors of starting a function.

use std::{
    ffi::{OsStr, OsString},
    io,
    path::PathBuf,
    time::Duration,
};

/// The function could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FunctionError {
    /// The binary does not exist.
    #[error(
        "no `{function}` binary found; looked at {}. Build it with `cargo build -p keysync-functions --bin {function}` in a checkout of keysync and name it with KEYSYNC_{}_BIN, or let the harness run the functions in this process, as it does by default",
        looked_at.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", "),
        function.to_uppercase()
    )]
    NoBinary {
        /// The function's name.
        function: String,
        /// The paths where it was expected.
        looked_at: Vec<PathBuf>,
    },
    /// The path of this executable is unknown.
    #[error(
        "the path of this executable is unknown: {0}; name the functions' binaries with KEYSYNC_SYNC_BIN, KEYSYNC_LIFECYCLE_BIN and KEYSYNC_REDELIVER_BIN"
    )]
    Executable(io::Error),
    /// The binary could not be run.
    #[error("cannot run {}: {error}", command.join(OsStr::new(" ")).display())]
    Spawn {
        /// The command line.
        command: Vec<OsString>,
        /// The reason.
        error: io::Error,
    },
    /// The process ended before its first poll.
    #[error("the process ended during its init phase; its last output:\n{0}")]
    Ended(String),
    /// The process did not poll in time.
    #[error("the process did not finish its init phase within {} s", .0.as_secs())]
    NotReady(Duration),
    /// The function was started elsewhere.
    #[error("the function was started elsewhere: restart it there with the new setting")]
    StartedElsewhere,
    /// A setting is invalid.
    #[error("{0}")]
    Configuration(String),
    /// A server could not be started.
    #[error("cannot listen on a port: {0}")]
    Listen(#[from] io::Error),
}

impl FunctionError {
    #[expect(clippy::needless_pass_by_value, reason = "for map_err")]
    pub(super) fn configuration(error: impl ToString) -> Self {
        Self::Configuration(error.to_string())
    }

    pub(super) fn no_binary(function: &str, looked_at: Vec<PathBuf>) -> Self {
        Self::NoBinary { function: function.to_owned(), looked_at }
    }
}
