//! What can go wrong with starting a function.

use std::{io, path::PathBuf, time::Duration};

/// The function could not be started.
#[derive(Debug, thiserror::Error)]
pub enum FunctionError {
    /// There is no binary.
    #[error(
        "there is no `sync` binary; looked at {}. Build it with `cargo build -p keysync --bin sync`, or name it with KEYSYNC_SYNC_BIN",
        .0.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
    )]
    NoBinary(Vec<PathBuf>),
    /// Cargo could not be run.
    #[error("cargo cannot be run to build the `sync` binary: {0}")]
    Build(io::Error),
    /// Cargo built nothing; it has said why.
    #[error("the `sync` binary was not built; cargo says why above")]
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
