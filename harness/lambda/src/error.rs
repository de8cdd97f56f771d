//! What can go wrong with starting a function.

use std::{io, path::PathBuf, time::Duration};

/// The function could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FunctionError {
    /// There is no binary.
    #[error(
        "there is no `{function}` binary; looked at {}. Build it with `cargo build -p keysync --bin {function}` in a checkout of keysync and name it with KEYSYNC_{}_BIN, or run the functions in this process (`Mode::InProcess`)",
        looked_at.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", "),
        function.to_uppercase()
    )]
    NoBinary {
        /// Of which function.
        function: String,
        /// Where it could have been.
        looked_at: Vec<PathBuf>,
    },
    /// Cargo could not be run.
    #[error("cargo cannot be run to build the functions: {0}")]
    Build(io::Error),
    /// Cargo built nothing; it has said why.
    #[error("the functions were not built; cargo says why above")]
    NotBuilt,
    /// The binary could not be run.
    #[error("cannot run {}: {error}", binary.display())]
    Spawn {
        /// It.
        binary: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// The process ended before it asked for its first request.
    #[error("it ended before it was ready, and said:\n{0}")]
    Ended(String),
    /// The process did not ask for its first request.
    #[error("it was not ready within {} s", .0.as_secs())]
    NotReady(Duration),
    /// Its settings are wrong.
    #[error("{0}")]
    Configuration(String),
    /// A server could not be started.
    #[error("no port to listen on: {0}")]
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
